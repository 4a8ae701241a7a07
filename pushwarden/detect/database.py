"""The compiled database on disk: written once per rule set, hyperscan version and processor, read in milliseconds.

A file holds a header, the plan and hyperscan's serialized databases. It is written to a temporary file beside its
place and renamed, so that readers see all of it or nothing, however many write at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import hyperscan

from pushwarden import __version__
from pushwarden.detect.decode import PROBES
from pushwarden.detect.generic import TRIGGERS
from pushwarden.detect.layers import Layer
from pushwarden.detect.multi import Databases, MultiEngine
from pushwarden.detect.plan import Plan, dump, load
from pushwarden.detect.service import ASSIGNED
from pushwarden.detect.sieve import RUN_GATE

_MAGIC: Final = b"pushwarden rules 13\n"
_LENGTHS: Final = struct.Struct(f">I{3 + len(Layer)}Q")
"""The CRC-32 of the plan; the lengths of the plan, of the database of each layer (0 for none), of the wide triggers, and of the
gate of runs. Hyperscan has checksums of its own."""
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
    from pushwarden.detect.triggers import compile_databases  # noqa: PLC0415 - only the first use on a machine compiles

    return _loaded(plan, compile_databases(plan.matchers, plan.probes, plan.layers))


def _loaded(plan: Plan, databases: Databases) -> Loaded:
    return Loaded(plan, MultiEngine(plan.matchers, plan.untriggered, len(plan.probes), databases))


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
            out.write(_MAGIC + _LENGTHS.pack(zlib.crc32(parts[0]), *map(len, parts)))
            out.writelines(parts)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def drop_old(cache_dir: Path) -> None:
    """Delete all databases of a cache but those that were used last: each change of the rules leaves one of 7 MB behind.

    Raises:
        OSError: one cannot be deleted.
    """
    # Linux writes down the time of a reading once a day, where it does at all.
    used: dict[Path, float] = {}
    for path in cache_dir.glob("rules-*.db"):
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            status = path.stat()
            used[path] = max(status.st_atime, status.st_mtime)
    for path in sorted(used, key=lambda each: used[each])[:-_KEPT]:
        path.unlink(missing_ok=True)


_KEPT: Final = 8


def read_database(path: Path) -> Loaded:
    """Read a compiled database.

    Raises:
        DatabaseError: it is missing, damaged, or of another version or processor.
    """
    try:
        checksum, parts = _parts(path)
    except OSError as error:
        raise DatabaseError(f"{path} cannot be read: {error.strerror}") from error
    if zlib.crc32(parts[0]) != checksum:
        raise DatabaseError(f"{path} is damaged")
    try:
        plan = load(parts[0])
        *layers, wide, run_gate = (_load(part) for part in parts[1:])
        if run_gate is None:
            raise DatabaseError(f"{path} is damaged")
        loaded = _loaded(plan, Databases(tuple(layers), run_gate, wide))
        loaded.engine.find(b"is it fit for this processor?", None)
    except (ValueError, KeyError, TypeError, hyperscan.error) as error:
        raise DatabaseError(f"{path} does not fit this machine: {error}") from error
    return loaded


def _parts(path: Path) -> tuple[int, list[bytes]]:
    """Return the checksum of the first part, and the parts.

    Raises:
        OSError: the file cannot be read.
        DatabaseError: it is incomplete, or of another version.
    """
    # Part by part, without a buffer: they are megabytes, and every start would copy them.
    with path.open("rb", buffering=0) as file:
        head = file.read(len(_MAGIC) + _LENGTHS.size)
        if not head.startswith(_MAGIC) or len(head) < len(_MAGIC) + _LENGTHS.size:
            raise DatabaseError(f"{path} is not a compiled rule database of this version of Pushwarden")
        checksum, *lengths = _LENGTHS.unpack_from(head, len(_MAGIC))
        if os.fstat(file.fileno()).st_size != len(head) + sum(lengths):
            raise DatabaseError(f"{path} is incomplete")
        return checksum, [file.read(length) for length in lengths]


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
    return os.uname().machine + "".join(each for each in _FEATURES if each in flags)
