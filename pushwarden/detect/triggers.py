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
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only the first use on a machine compiles

    of_layers: list[list[tuple[int, bytes]]] = [[] for _ in Layer]
    for number, (layer, probe) in enumerate(zip(layers, probes, strict=True), start=len(rules)):
        of_layers[layer].append((number, probe))
    if of_layers[Layer.NAMED]:
        of_layers[Layer.EVERYWHERE].append((len(rules) + len(probes), ASSIGNED))
    # Side by side, also with what Python does: hyperscan compiles without Python's lock, and the first use waits for it.
    with ThreadPoolExecutor(len(Layer)) as pool:
        named = pool.submit(_compile, of_layers[Layer.NAMED])
        wide: list[tuple[int, bytes]] = []
        for number, rule in enumerate(rules):
            if rule.shape.trigger is not None:
                expressions = [(number, each.encode()) for each in branches(rule.shape.trigger)]
                of_layers[rule.shape.layer] += expressions
                wide += () if rule.shape.trigger_near else expressions
        # The longest first.
        made = [pool.submit(_compile, each) for each in (of_layers[Layer.EVERYWHERE], of_layers[Layer.RUNS], wide)]
        everywhere, runs, widest = (each.result() for each in made)
        return Databases((everywhere, runs, named.result()), compile_run_gate(), widest)


def _compile(numbered: Sequence[tuple[int, bytes]]) -> hyperscan.Database | None:
    if not numbered:
        return None
    numbers, expressions = zip(*numbered, strict=True)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=list(expressions), ids=list(numbers), elements=len(numbers), flags=0)
    return database
