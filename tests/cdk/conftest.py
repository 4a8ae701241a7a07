from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdk.packaging import Target, build, this_architecture
from pushwarden.topology import SUBSCRIBERS, Asset
from tests.cdk.concrete import Deployed
from tests.cdk.runtime_api import install_client, unpack
from tests.conftest import once, shared

ROOT = Path(__file__).resolve().parents[2]
EMAIL = "security@example.com"
OPT_IN = {each.option: "high" for each in SUBSCRIBERS if each.option}
RULES = """\
[[rule]]
id = "example-badge"
title = "Example badge"
pattern = '''badge-[0-9]{12}'''
confidence = "high"
advice = "Ask the gate for a new badge."
references = ["https://example.com/badges"]
examples = ["badge-480012773519", "the gate knows badge-710093344128"]
counter_examples = ["badge-12", "badges-are-worn"]
"""


def jobs(folder: Path) -> list[dict[str, Any]]:
    """Every app that the tests look at; synthesized once."""
    plain = {"email": EMAIL, "assets": "skip"}
    other = {
        **plain,
        "email": f"{EMAIL},oncall@example.com",
        "name": "watch-two",
        "region": "eu-central-1",
        "account": "123456789012",
        "watch": "team-*,Payments",
        "ignore": ["team-sandbox"],
        "resetRepositories": "Payments",
        "lock": "high",
        "concurrency": "4",
        "logRetentionDays": 30,
        "archiveRetentionDays": "90",
        "backupRetentionDays": "800",
        "architecture": "arm64",
        "lockTagKey": "Guard",
        "lockGroups": "Developers,Contractors",
        "tracing": "false",
        "sample": "true",
    }
    return [
        {"out": str(folder / "plain"), "context": plain},
        {"out": str(folder / "again"), "context": plain, "nag": True},
        {"out": str(folder / "full"), "context": {**plain, **OPT_IN}, "nag": True},
        {"out": str(folder / "other"), "context": other, "nag": True},
        {"out": str(folder / "tagonly"), "context": {**plain, "lockMode": "tag"}},
        {"out": str(folder / "bait"), "context": plain, "nag": True, "bait": True},
    ]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all cloud assemblies."""
    if shutil.which("node") is None:
        pytest.skip("the CDK needs Node.js, and there is no `node` on the PATH")
    folder = shared(tmp_path_factory, "cdk-assemblies")
    with once(folder) as needed:
        if needed:
            subprocess.run(
                [sys.executable, str(ROOT / "tests/cdk/synth.py"), json.dumps(jobs(folder))],
                env={"PATH": os.environ["PATH"], "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"},
                check=True,
                capture_output=True,
                timeout=300,
            )
    return folder


@pytest.fixture(scope="session")
def template_of(assembly: Path) -> Callable[[str], dict[str, Any]]:
    def load(which: str) -> dict[str, Any]:
        (found,) = (assembly / which).glob("*.template.json")
        template: dict[str, Any] = json.loads(found.read_text())
        return template

    return load


@pytest.fixture(scope="session")
def template(template_of: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The template of a first deployment."""
    return template_of("plain")


@pytest.fixture(scope="session")
def deployed(template_of: Callable[[str], dict[str, Any]]) -> Deployed:
    """A deployment with every opt-in function."""
    return Deployed(template_of("full"))


def install_from_environment(requirements: Path, into: Path, target: Target) -> None:
    """Copy the locked distributions from the environment that runs the tests, so that no network is needed.

    The versions must be those of the lock; the compiled modules are those of this machine's Python.
    """
    assert target.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", requirements.read_text(), re.MULTILINE):
        distribution = importlib.metadata.distribution(name)
        assert distribution.version == version, f"{name} {distribution.version} is installed, {version} is locked"
        for each in distribution.files or ():
            if ".." in each.parts or "__pycache__" in each.parts:
                continue
            place = into / str(each)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(each.locate()), place)


def compile_here(folder: Path, target: Target) -> None:
    """Compile modules with the Python that runs the tests, as the deployment's compiler does for Lambda's."""
    command = [sys.executable, "-I", "-m", "compileall", "-q", "-s", str(folder), "-p", "/var/task"]
    subprocess.run([*command, "--invalidation-mode", "unchecked-hash", str(folder)], check=True, capture_output=True)


def build_here(asset: Asset, into: Path, *, rules: Path | None = None, compiled_rules: bool = True) -> Any:
    """Build an asset for this machine's Python and processor."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = Target(python, this_architecture(), compiled_rules=compiled_rules)
    return build(
        asset, into, root=ROOT, target=target, rules=rules, install=install_from_environment, compile_=compile_here
    )


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[Asset, Path]:
    """The real zip of each asset, with one custom rule."""
    folder = shared(tmp_path_factory, "cdk-packages")
    with once(folder) as needed:
        if needed:
            (folder / "rules.toml").write_text(RULES)
            for asset in Asset:
                build_here(asset, folder / f"{asset.value}.zip", rules=folder / "rules.toml")
    return {asset: folder / f"{asset.value}.zip" for asset in Asset}


@pytest.fixture(scope="session")
def tasks(packages: dict[Asset, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[Asset, Path]:
    """Each zip, unpacked into an empty folder."""
    folder = tmp_path_factory.mktemp("task")
    return {asset: unpack(package, folder / asset.value) for asset, package in packages.items()}


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lambda's runtime client, alone in a folder."""
    return install_client(tmp_path_factory.mktemp("runtime"))
