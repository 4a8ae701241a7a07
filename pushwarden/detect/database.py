"""The compiled database on disk: written once per rule set, hyperscan version and processor, read in milliseconds.

A file holds a header, the plan as JSON and hyperscan's serialized database. It is written to a temporary file beside its
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
from pathlib import Path
from typing import Final

import hyperscan

from pushwarden import __version__
from pushwarden.detect.decode import PROBES
from pushwarden.detect.generic import TRIGGERS
from pushwarden.detect.multi import MultiEngine, compile_database
from pushwarden.detect.plan import Plan, dump, load

_MAGIC: Final = b"pushwarden rules 1\n"
_LENGTHS: Final = struct.Struct(">QQ")
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
    return Loaded(plan, MultiEngine(plan.matchers, plan.probes, compile_database(plan.matchers, plan.probes)))


def write_database(path: Path, loaded: Loaded) -> None:
    """Write a compiled database to ``path``, atomically.

    Raises:
        OSError: it cannot be written.
    """
    import tempfile  # noqa: PLC0415 - only the first start writes

    rules, database = dump(loaded.plan), hyperscan.dumpb(loaded.engine.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(_MAGIC + _LENGTHS.pack(len(rules), len(database)))
            out.write(rules)
            out.write(database)
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
    rules, size = _LENGTHS.unpack_from(raw, len(_MAGIC))
    if len(raw) != begin + rules + size:
        raise DatabaseError(f"{path} is incomplete")
    try:
        plan = load(raw[begin : begin + rules])
        database = hyperscan.loadb(raw[begin + rules :], hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
        engine = MultiEngine(plan.matchers, plan.probes, database)
        engine.find(b"is it fit for this processor?", None)
    except (ValueError, KeyError, TypeError, hyperscan.error) as error:
        raise DatabaseError(f"{path} does not fit this machine: {error}") from error
    return Loaded(plan, engine)


def cache_name(files: Iterable[tuple[str, bytes]]) -> str:
    """Return the file name of the database of these rule files (name and content) on this machine."""
    sha = hashlib.sha256(f"{_MAGIC!r}{__version__}{_hyperscan_version()}{sys.byteorder}{_processor()}".encode())
    for probe in (*PROBES, *TRIGGERS):
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
