"""Build the functions' zip files without Docker: locked wheels for Lambda's platform, our sources, the compiled rules.

The same inputs give the same zip on every machine: entries are sorted, carry no time, and what differs from one installation
to the next is left out. What a machine cannot build is never left out by itself. https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdk import bytecode
from pushwarden.detect.rulefile import rule_files
from pushwarden.errors import PushwardenError
from pushwarden.topology import SUBSCRIBERS, WORKERS, Asset

LAMBDA_PYTHON: Final = "3.14"
RULE_DATABASE: Final = "rules.db"
"""The compiled rules, at the root of the scan function's package."""
MAX_UNZIPPED_BYTES: Final = 250 << 20
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_WHEELS: Final = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
"""Lambda's Python 3.14 runs on Amazon Linux 2023, which has glibc 2.34: https://docs.aws.amazon.com/linux/al2023/ug/libs.html"""
_OURS: Final = ("handlers", "pushwarden")
_NOT_IN_LAMBDA: Final = frozenset(
    {"pushwarden/cli", "pushwarden/local", "pushwarden/history/local", "pushwarden/__main__.py"}
)
_JUNK_DIRS: Final = frozenset({"__pycache__", "bin", "tests", "test", "testing", "wrapt-stubs"})
_JUNK_FILES: Final = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "WHEEL", ".lock"}
)
_JUNK_SUFFIXES: Final = (".pyi", ".c", ".h", ".pyx", ".pyc", ".rs")
_UNUSED: Final = (
    "aws_lambda_powertools/event_handler",
    *(
        f"aws_lambda_powertools/utilities/{name}"
        for name in ("auth_alpha", "batch", "circuit_breaker", "data_classes", "feature_flags", "idempotency", "kafka")
    ),
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    # Models of resources, which only boto3.resource() reads, and examples, which nobody does.
    "boto3/data",
    "boto3/examples",
    "dulwich/cli.py",
    "dulwich/porcelain",
)
"""Large parts that no function reaches."""
_CLIENT_NAMES: Final = {"states": "stepfunctions", "tag": "resourcegroupstaggingapi"}
"""Where botocore's name for a service is not the prefix of its actions."""
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


class PackagingError(PushwardenError):
    """A function's package cannot be built; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a package is built for."""

    python: str = LAMBDA_PYTHON
    """Major and minor version."""
    architecture: str = "x86_64"
    """As Lambda names it: ``x86_64`` or ``arm64``."""
    bytecode: bool = True
    """Compiled modules are packed in, so that a cold start does not compile them."""
    compiled_rules: bool = True
    """The compiled rules are packed in, so that the first scan of a process does not compile them."""

    @property
    def is_this_machine(self) -> bool:
        """Tell whether compiled rules of this machine fit the target's."""
        return sys.platform == "linux" and this_architecture() == self.architecture


@dataclass(frozen=True, slots=True)
class Package:
    """A finished zip file and what is worth knowing about it."""

    path: Path
    zipped_bytes: int
    unzipped_bytes: int


Installer = Callable[[Path, Path, Target], None]
"""Installs the distributions of a requirements file into a folder for a target."""
Compiler = Callable[[Path, Target], None]
"""Compiles the modules in a folder for a target."""


def this_architecture() -> str:
    """Return this machine's architecture, as Lambda names it."""
    return {"aarch64": "arm64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())


def build(
    asset: Asset, into: Path, *, root: Path, target: Target, rules: Path | None, install: Installer, compile_: Compiler
) -> Package:
    """Build the package of an asset as the zip file ``into``.

    Args:
        asset: which one.
        into: the zip file; its folder is made.
        root: the work tree.
        target: what it is built for.
        rules: custom rules, a file or a folder, packed in with the default ones.
        install: how distributions get into a folder.
        compile_: how modules are compiled, where the target asks for that.

    Raises:
        PackagingError: this machine cannot compile the rules for the target, the packages cannot be installed, or the
            result is too large for Lambda.
        RuleError: a custom rule is wrong.
    """
    compile_rules = asset is Asset.SCAN and target.compiled_rules
    if compile_rules and not target.is_this_machine:
        raise PackagingError(
            f"the rules are compiled on Linux with the functions' processor ({target.architecture}), and this is"
            f" {sys.platform} on {this_architecture()}; deploy from such a machine, or without compiled rules:"
            f" -c compiledRules=false (each scanning process then compiles them first, about three seconds)"
        )
    with tempfile.TemporaryDirectory(prefix="pushwarden-package-") as name:
        folder = Path(name)
        install(requirements(asset, root), folder, target)
        strip(folder, services(asset))
        add_sources(folder, root)
        if asset is Asset.SCAN:
            add_rules(folder, root, rules, compile_them=compile_rules)
        if target.bytecode:
            compile_(folder, target)
        size = sum(path.stat().st_size for path in _files(folder))
        if size > MAX_UNZIPPED_BYTES:
            raise PackagingError(f"the {asset.value} package has {size:,} bytes; Lambda takes {MAX_UNZIPPED_BYTES:,}")
        into.parent.mkdir(parents=True, exist_ok=True)
        write_zip(folder, into)
    return Package(into, into.stat().st_size, size)


def requirements(asset: Asset, root: Path) -> Path:
    """Return the file of locked versions, with hashes, of an asset."""
    return root / "requirements" / f"lambda-{asset.value}.txt"


def services(asset: Asset) -> frozenset[str]:
    """Return the AWS services, as botocore names them, that an asset's functions have any right to use."""
    prefixes = {
        action.partition(":")[0]
        for each in (*SUBSCRIBERS, *WORKERS)
        if each.asset is asset
        for grant in each.grants
        for action in grant.actions
    }
    return frozenset(_CLIENT_NAMES.get(prefix, prefix) for prefix in prefixes)


def install_with_uv(requirements_file: Path, into: Path, target: Target) -> None:
    """Install wheels, each with the hash that the lock names, with uv.

    Raises:
        PackagingError: uv is missing or refuses.
    """
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--no-compile-bytecode", "--link-mode", "copy"]
    command += ["--python-platform", _WHEELS[target.architecture], "--python-version", target.python]
    command += ["--target", str(into), "--requirement", str(requirements_file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(
            f"the packages of {requirements_file.name} cannot be installed for Lambda (Python {target.python},"
            f" {target.architecture}); `make setup` installs uv, and a package index must be reachable:\n{done.stderr}"
        )


def compile_with_node(cache: Path) -> Compiler:
    """Return a compiler that is the same on every machine; it is kept in ``cache``."""
    return lambda folder, target: bytecode.compile_modules(folder, python=target.python, cache=cache)


def strip(folder: Path, keep_services: Iterable[str]) -> None:
    """Remove what no function reads: other services' API models, tests, stubs, sources in C. Licences stay."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name in _JUNK_DIRS:
                shutil.rmtree(path)
        elif path.name in _JUNK_FILES or path.suffix in _JUNK_SUFFIXES:
            path.unlink()
    keep = frozenset(keep_services)
    data = folder / "botocore" / "data"
    for each in sorted(data.iterdir()) if data.is_dir() else ():
        if each.is_dir() and each.name not in keep:
            shutil.rmtree(each)
    for name in _UNUSED:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    for each in sorted(data.rglob("examples-1.json*")):
        each.unlink()


def add_sources(folder: Path, root: Path) -> None:
    """Copy our own code."""
    for path in source_files(root):
        place = folder / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    shutil.copyfile(root / "LICENSE", folder / "LICENSE")


def source_files(root: Path) -> list[Path]:
    """Return our files that belong into every package, sorted."""
    found = []
    for name in _OURS:
        for path in _files(root / name):
            inside = path.relative_to(root).as_posix()
            if "__pycache__" in path.parts or any(
                inside == out or inside.startswith(f"{out}/") for out in _NOT_IN_LAMBDA
            ):
                continue
            found.append(path)
    return sorted(found)


def rule_sources(root: Path, rules: Path | None) -> dict[str, Path]:
    """Return the rule files of a package: the place inside it, and where the file is."""
    found = {f"patterns/{path.name}": path for path in sorted((root / "patterns").glob("*.toml"))}
    if rules is not None:
        # Among the default rules, so that they apply even where there is no compiled database that fits the processor.
        found |= {f"patterns/custom-{path.name}": path for path in rule_files([rules])}
    return found


def add_rules(folder: Path, root: Path, rules: Path | None, *, compile_them: bool) -> None:
    """Copy the rule files and, if wanted, compile them.

    A database that does not fit the processor is no harm: the function then compiles the rules at its first use.
    """
    for inside, path in rule_sources(root, rules).items():
        place = folder / inside
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    if compile_them:
        from pushwarden.detect.load import package_database  # noqa: PLC0415 - needs hyperscan

        package_database(folder / RULE_DATABASE, [rules] if rules else [])


def write_zip(folder: Path, into: Path) -> None:
    """Write a folder as a zip file whose bytes depend on nothing but names and contents."""
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), date_time=_NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whatever wrote it
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())


def inputs_hash(asset: Asset, *, root: Path, target: Target, rules: Path | None) -> str:
    """Return a SHA-256 over everything that decides what a package does, without building it."""
    sha = hashlib.sha256(f"{asset.value} {target}".encode())
    for inside, path in _inputs(asset, root, rules):
        content = path.read_bytes()
        sha.update(f"\0{inside}\0{len(content)}\0".encode())
        sha.update(content)
    return sha.hexdigest()


def _inputs(asset: Asset, root: Path, rules: Path | None) -> Sequence[tuple[str, Path]]:
    ours = [(path.relative_to(root).as_posix(), path) for path in source_files(root)]
    data = list(rule_sources(root, rules).items()) if asset is Asset.SCAN else []
    builders = [(path.name, path) for path in (Path(__file__), Path(bytecode.__file__), *bytecode.INPUTS)]
    return [*builders, ("lock", requirements(asset, root)), *ours, *data]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
