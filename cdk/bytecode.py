"""Compile a package's modules for the functions' Python, alike on every machine.

A package is read-only in Lambda, so what comes uncompiled is compiled again at every cold start. Only the functions' own
version of Python writes what it can read, and few machines have it. So it is taken from npm, as WebAssembly, in a version
that a lock pins with its hash: the same bytes everywhere. The CDK needs Node.js anyway.

What a version of CPython compiles, every patch of that version reads:
https://docs.python.org/3/library/importlib.html#importlib.util.MAGIC_NUMBER
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pushwarden.errors import PushwardenError

HERE: Final = Path(__file__).resolve().parent / "compiler"
INPUTS: Final = tuple(HERE / name for name in ("compile.mjs", "package-lock.json", "package.json"))
"""What decides how modules are compiled."""
MAGIC: Final = {"3.14": (3627).to_bytes(2, "little") + b"\r\n"}
"""How a compiled module of a version begins: https://github.com/python/cpython/blob/3.14/Include/internal/pycore_magic_number.h"""
_INSTALL_S: Final = 300
_COMPILE_S: Final = 300
_WITHOUT: Final = "-c bytecode=false builds without; cold starts then take two to three times as long"


class CompilerError(PushwardenError):
    """Modules cannot be compiled; the message says what to do."""


def compile_modules(folder: Path, *, python: str, cache: Path) -> None:
    """Write a compiled module beside every module.

    Args:
        folder: a package's content.
        python: major and minor version of the functions' Python.
        cache: folder that keeps the compiler for the next time.

    Raises:
        CompilerError: npm or Node.js is missing or fails, or a module is no Python of that version.
    """
    modules = install(cache)
    done = _run(["node", str(HERE / "compile.mjs"), str(modules), str(folder.resolve())], _COMPILE_S)
    well, version, magic = json.loads(done.rpartition("\n")[2])
    if (version, bytes.fromhex(magic)) != (python, MAGIC[python]):
        raise CompilerError(
            f"the compiler in {HERE} is of Python {version}, and the functions run on {python}; {_WITHOUT}"
        )
    if not well:
        raise CompilerError(f"some modules are no Python {python}:\n{done.rpartition(chr(10))[0].strip()}\n{_WITHOUT}")


def install(cache: Path) -> Path:
    """Return the ``node_modules`` folder with the compiler, installing it if the lock has changed.

    Raises:
        CompilerError: npm is missing or fails.
    """
    lock, installed = (HERE / "package-lock.json").read_bytes(), cache / ".installed"
    if not installed.exists() or installed.read_bytes() != lock:
        cache.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, cache / name)
        _run(["npm", "ci", "--prefix", str(cache), "--no-audit", "--no-fund", "--ignore-scripts"], _INSTALL_S)
        installed.write_bytes(lock)
    return cache / "node_modules"


def _run(command: Sequence[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
    except FileNotFoundError:
        raise CompilerError(f"there is no `{command[0]}`, which compiles the functions' modules; {_WITHOUT}") from None
    except subprocess.TimeoutExpired:
        raise CompilerError(f"`{command[0]}` did not finish in {timeout_s:.0f} s; {_WITHOUT}") from None
    if done.returncode:
        raise CompilerError(f"the functions' modules cannot be compiled; {_WITHOUT}:\n{done.stderr[-2000:]}")
    return done.stdout
