"""Modules are compiled for Lambda's Python by a compiler that is the same on every machine."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from cdk.bytecode import HERE, INPUTS, MAGIC, CompilerError, compile_modules, install
from cdk.packaging import LAMBDA_PYTHON
from tests.cdk.conftest import ROOT

CACHE = ROOT / "build" / "compiler"
MODULE = "def double(number: int) -> int:\n    return 2 * number\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "inner").mkdir(parents=True)
    (folder / "one.py").write_text(MODULE)
    (folder / "inner" / "__init__.py").write_text("import one\n")
    return folder


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Put programs of our own making in the place of node and npm."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def compiled(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.pyc"))}


@pytest.fixture
def compiler() -> Path:
    lock = (HERE / "package-lock.json").read_bytes()
    installed = CACHE / ".installed"
    if shutil.which("node") is None or not installed.exists() or installed.read_bytes() != lock:
        pytest.skip("needs Node.js, npm and `make npm`")
    return CACHE


def test_modules_are_compiled_for_the_functions_python(package: Path, compiler: Path) -> None:
    compile_modules(package, python=LAMBDA_PYTHON, cache=compiler)

    found = compiled(package)
    assert set(found) == {"__pycache__/one.cpython-314.pyc", "inner/__pycache__/__init__.cpython-314.pyc"}
    for content in found.values():
        # Not checked against the source: https://docs.python.org/3/reference/import.html#pyc-invalidation
        assert content[:8] == MAGIC[LAMBDA_PYTHON] + (1).to_bytes(4, "little")
    # What a traceback shows is where Lambda has the module.
    assert b"/var/task/one.py" in found["__pycache__/one.cpython-314.pyc"]


def test_the_same_modules_give_the_same_bytes(package: Path, compiler: Path, tmp_path: Path) -> None:
    again = tmp_path / "somewhere" / "else"
    shutil.copytree(package, again)
    for folder in (package, again):
        compile_modules(folder, python=LAMBDA_PYTHON, cache=compiler)
    assert compiled(package) == compiled(again)


def test_what_is_no_python_is_named(package: Path, compiler: Path) -> None:
    (package / "odd.py").write_text("print 'hello'\n")
    with pytest.raises(CompilerError, match=r"(?s)no Python 3\.14:.*odd\.py.*bytecode=false"):
        compile_modules(package, python=LAMBDA_PYTHON, cache=compiler)


@pytest.mark.parametrize("missing", ["npm", "node"])
def test_a_missing_program_is_named_with_the_way_around(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    there = {"npm": "exit 0", "node": "exit 0"}
    del there[missing]
    programs(tmp_path / "bin", monkeypatch, **there)
    with pytest.raises(CompilerError, match=f"no `{missing}`.*-c bytecode=false"):
        compile_modules(package, python=LAMBDA_PYTHON, cache=tmp_path / "cache")


def test_an_npm_that_fails_is_quoted_and_tried_again_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path / "bin", monkeypatch, npm="echo no way to the registry >&2; exit 1")
    for _ in range(2):
        with pytest.raises(CompilerError, match="no way to the registry"):
            install(tmp_path / "cache")


def test_a_compiler_of_another_python_is_refused(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = json.dumps([True, "3.15", "0e0e0d0a"])
    programs(tmp_path / "bin", monkeypatch, npm="exit 0", node=f"echo; printf '%s' '{answer}'")
    with pytest.raises(CompilerError, match=r"is of Python 3\.15, and the functions run on 3\.14"):
        compile_modules(package, python=LAMBDA_PYTHON, cache=tmp_path / "cache")


def test_the_compiler_is_pinned_with_hashes() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    wanted = json.loads((HERE / "package.json").read_text())["devDependencies"]
    parts = {name.removeprefix("node_modules/"): each for name, each in lock["packages"].items() if name}
    assert all(re.fullmatch(r"sha512-\S+", each["integrity"]) for each in parts.values())
    assert {name: parts[name]["version"] for name in wanted} == wanted
    assert set(INPUTS) == set(HERE.glob("*.*"))
