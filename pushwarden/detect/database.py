"""The compiled database on disk: written once per rule set, hyperscan version and processor, read in milliseconds.

A file holds a header, the plan as JSON and hyperscan's serialized databases. It is written to a temporary file beside its
place and renamed, so that readers see all of it or nothing, however many write at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import hyperscan

from pushwarden import __version__
from pushwarden.detect.decode import PROBES
from pushwarden.detect.generic import TRIGGERS
from pushwarden.detect.layers import Layer
from pushwarden.detect.multi import Databases, MultiEngine, compile_databases
from pushwarden.detect.plan import Plan, dump, load
from pushwarden.detect.service import ASSIGNED
from pushwarden.detect.sieve import RUN_GATE

_MAGIC: Final = b"pushwarden rules 8\n"
_LENGTHS: Final = struct.Struct(f">{3 + len(Layer)}Q")
"""The lengths of the plan, of the database of each layer (0 for none), of the wide triggers, and of the gate of runs."""
_FEATURES: Final = (" avx2 ", " avx512bw ", " avx512vbmi ")


class DatabaseError(Exception):
    """A compiled database cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A compiled database, ready to scan."""

    plan: Plan
    engine: MultiEngine


def compile_plan(plan: Plan) -> Loaded:
    """Compile a plan; what hyperscan refuses runs with :mod:`regex` on everything."""
    databases = compile_databases(plan.matchers, plan.probes, plan.layers)
    return Loaded(plan, MultiEngine(plan.matchers, plan.probes, databases))


def write_database(path: Path, loaded: Loaded) -> None:
    """Write a compiled database to ``path``, atomically.

    Raises:
        OSError: it cannot be written.
    """
    import tempfile  # noqa: PLC0415 - only the first start writes

    compiled = loaded.engine.databases
    databases = (*compiled.layers, compiled.wide, compiled.run_gate)
    parts = [dump(loaded.plan), *(b"" if each is None else hyperscan.dumpb(each) for each in databases)]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(_MAGIC + _LENGTHS.pack(*map(len, parts)))
            out.writelines(parts)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def read_database(path: Path) -> Loaded:
    """Read a compiled database.

    Raises:
        DatabaseError: it is missing, damaged, or of another version or processor.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatabaseError(f"{path} cannot be read: {error.strerror}") from error
    begin = len(_MAGIC) + _LENGTHS.size
    if not raw.startswith(_MAGIC) or len(raw) < begin:
        raise DatabaseError(f"{path} is not a compiled rule database of this version of Pushwarden")
    lengths = _LENGTHS.unpack_from(raw, len(_MAGIC))
    if len(raw) != begin + sum(lengths):
        raise DatabaseError(f"{path} is incomplete")
    ends = [*accumulate(lengths, initial=begin)]
    parts = [raw[low:high] for low, high in pairwise(ends)]
    try:
        plan = load(parts[0])
        *layers, wide, run_gate = (_load(part) for part in parts[1:])
        if run_gate is None:
            raise DatabaseError(f"{path} is damaged")
        engine = MultiEngine(plan.matchers, plan.probes, Databases(tuple(layers), run_gate, wide))
        engine.find(b"is it fit for this processor?", None)
    except (ValueError, KeyError, TypeError, hyperscan.error) as error:
        raise DatabaseError(f"{path} does not fit this machine: {error}") from error
    return Loaded(plan, engine)


def _load(part: bytes) -> hyperscan.Database | None:
    if not part:
        return None
    database = hyperscan.loadb(part, hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database


def cache_name(files: Iterable[tuple[str, bytes]]) -> str:
    """Return the file name of the database of these rule files (name and content) on this machine."""
    sha = hashlib.sha256(f"{_MAGIC!r}{__version__}{_hyperscan_version()}{sys.byteorder}{_processor()}".encode())
    for probe in (*PROBES, *TRIGGERS, ASSIGNED, RUN_GATE):
        sha.update(probe + b"\0")
    for name, content in files:
        sha.update(f"\0{name}\0{len(content)}\0".encode())
        sha.update(content)
    return f"rules-{sha.hexdigest()[:32]}.db"


def _hyperscan_version() -> str:
    return f"{hyperscan.__file__}{Path(hyperscan.__file__).stat().st_mtime_ns}"


def _processor() -> str:
    """Return what of the processor hyperscan compiles for."""
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as info:
            flags = next((line for line in info if line.startswith("flags")), "") + " "
    except OSError:
        flags = ""
    return platform.machine() + "".join(each for each in _FEATURES if each in flags)
