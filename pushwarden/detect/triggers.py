"""Compile triggers and probes for hyperscan: at the first use on a machine, which waits for it."""

from __future__ import annotations

from collections.abc import Sequence

import hyperscan

from pushwarden.detect.branches import branches
from pushwarden.detect.compiled import CompiledRule
from pushwarden.detect.layers import Layer
from pushwarden.detect.multi import Databases
from pushwarden.detect.service import ASSIGNED
from pushwarden.detect.sieve import compile_run_gate


def compile_databases(rules: Sequence[CompiledRule], probes: Sequence[bytes], layers: Sequence[int]) -> Databases:
    """Compile the triggers of ``rules`` and the ``probes``, each into the database of its layer.

    Args:
        rules: the rules.
        probes: the probes.
        layers: the :class:`Layer` of each probe.

    Raises:
        hyperscan.error: an expression cannot be compiled.
    """
    wanted: list[tuple[int, int, bytes]] = []
    wide: list[tuple[int, bytes]] = []
    for number, rule in enumerate(rules):
        if rule.shape.trigger is not None:
            expressions = [(number, each.encode()) for each in branches(rule.shape.trigger)]
            wanted += ((rule.shape.layer, *each) for each in expressions)
            wide += () if rule.shape.trigger_near else expressions
    wanted += ((layer, len(rules) + at, probe) for at, (layer, probe) in enumerate(zip(layers, probes, strict=True)))
    if any(layer == Layer.NAMED for layer, _, _ in wanted):
        wanted.append((Layer.EVERYWHERE, len(rules) + len(probes), ASSIGNED))
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only the first use on a machine compiles

    # Side by side: hyperscan compiles without Python's lock, and the first use waits for it.
    with ThreadPoolExecutor(len(Layer)) as pool:
        of_layers = [[(number, each) for at, number, each in wanted if at == layer] for layer in Layer]
        *made, widest = pool.map(_compile, [*of_layers, wide])
        gate = compile_run_gate()
        return Databases(tuple(made), gate, widest)


def _compile(numbered: Sequence[tuple[int, bytes]]) -> hyperscan.Database | None:
    if not numbered:
        return None
    numbers, expressions = zip(*numbered, strict=True)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=list(expressions), ids=list(numbers), elements=len(numbers), flags=0)
    return database
