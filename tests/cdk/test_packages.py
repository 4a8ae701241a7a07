"""The real zip files, run as Lambda runs them: unpacked into an empty folder, alone, behind Lambda's runtime client."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdk.constructs.monitoring import INCOMPLETE, PUSHES, log_metrics
from cdk.packaging import (
    LAMBDA_PYTHON,
    MAX_UNZIPPED_BYTES,
    PackagingError,
    Target,
    build,
    inputs_hash,
    install_with_uv,
    requirements,
    services,
)
from pushwarden.detect.database import read_database
from pushwarden.detect.load import package_database
from pushwarden.local.person import Person
from pushwarden.local.service import developer
from pushwarden.model import Confidence
from pushwarden.settings import Policy
from pushwarden.topology import SUBSCRIBERS, WORKERS, Asset
from tests.cdk.conftest import ROOT, build_here
from tests.cdk.runtime_api import FunctionError, ServedFunction, unpack
from tests.cdk.zipped import ZippedService
from tests.conftest import made_up

MB = 1_000_000
EVERYTHING = Policy(
    thresholds={**Policy().thresholds, "comment": Confidence.MEDIUM, "revoke": Confidence.HIGH},
    reset_repositories=("*",),
)


FIND_BADGE = """\
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from pushwarden.detect import load_scanner
found = load_scanner(cache_dir=Path(sys.argv[1])).scan(b"the gate knows badge-480012773519")
print([each.rule_id for each in found.matches])
"""


def nothing(*_: Any) -> None:
    """Install and compile nothing."""


def names(package: Path) -> set[str]:
    with zipfile.ZipFile(package) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def service(
    tasks: dict[Asset, Path], client: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ZippedService]:
    with ZippedService(
        tmp_path_factory.mktemp("zipped"), tasks=tasks, client=client, policy=EVERYTHING, sampled=True
    ) as running:
        yield running


def push(service: ZippedService, repository: str, folder: Path, *texts: str) -> list[dict[str, Any]]:
    """Push a commit for each text, wait until all is done, and return the security bus's events."""
    service.client("codecommit").create_repository(repositoryName=repository, tags={"RepoState": "ok"})
    alice = Person(service, developer(), "Alice", repository, folder)
    alice.clone()
    for text in texts:
        alice.commit({"settings.txt": text}, "Change the settings")
        alice.git("push", "origin", "HEAD:main")
        service.wait_idle()
    return service.security_events()


def test_a_leak_goes_all_the_way_through_the_zips(service: ZippedService, tmp_path: Path) -> None:
    leak = f"secret={made_up('zip', 32)}\n"
    events = push(service, "leaky", tmp_path, "hello\n", leak)
    security = [each["detail"] for each in events if each["detail-type"] == "CodeCommit Security Event"]
    assert [each["repositoryName"] for each in security] == ["leaky"]
    done = {each["detail"]["action"]: each["detail"]["outcome"] for each in events if "action" in each["detail"]}
    assert done == {"lock": "done", "reset": "done", "comment": "done"}
    assert service.tags("leaky")["RepoState"] == "locked"
    assert service.tip("leaky", "refs/heads/main") != security[0]["commitId"]
    subjects = [each.subject for each in service.mailbox.collect()]
    assert len(subjects) == 1 + len(done)
    assert not any(service.stack.dead_letters(each.name) for each in service.stack.subscribers if each.bus)


def test_the_log_feeds_the_dashboard_and_holds_no_secret(service: ZippedService, tmp_path: Path) -> None:
    secret = made_up("log", 32)
    push(service, "logged", tmp_path, "hello\n", f"secret={secret}\n")
    logs = {path.stem: path.read_text() for path in (service.root / "logs").glob("*.log")}
    assert not any(secret in text for text in logs.values())
    lines = {name: [json.loads(line) for line in text.splitlines()] for name, text in logs.items()}

    def counted(name: str) -> dict[str, float]:
        return {
            metric.name: sum(
                line.get(metric.positive, 0) if metric.positive else 1
                for line in lines[name]
                if all(line.get(key) == value for key, value in metric.equals.items())
                and (not metric.positive or line.get(metric.positive, 0) > 0)
            )
            for metric in log_metrics(name)
        }

    assert counted("scan")["Pushes"] >= 2
    assert counted("scan")["Findings"] >= 1
    assert counted("reset")["ResponsesDone"] >= 1
    assert counted("notify")["Told"] >= 1
    assert all(counted(name)["AttemptsFailed"] == 0 for name in ("scan", "notify", "lock", "reset"))
    assert INCOMPLETE.equals.keys() <= lines["scan"][-1].keys()
    assert PUSHES.equals.items() <= lines["scan"][-1].items()


def test_sampled_requests_are_traced_without_what_they_carry(service: ZippedService, tmp_path: Path) -> None:
    secret = made_up("trace", 32)
    push(service, "traced", tmp_path, "hello\n", f"secret={secret}\n")
    segments = [json.loads(text.partition("\n")[2]) for text in service.traces()]
    assert {"dynamodb", "events", "sns"} <= {each["name"].lower() for each in segments}
    assert secret not in json.dumps(segments)


def test_a_custom_rule_is_in_the_package(service: ZippedService, tmp_path: Path) -> None:
    events = push(service, "badges", tmp_path, "hello\n", "the gate knows badge-480012773519\n")
    rules = [finding["ruleId"] for each in events for finding in each["detail"].get("findings", ())]
    assert rules == ["example-badge"]


def test_every_function_starts_from_its_zip_alone(service: ZippedService) -> None:
    started = {each.name for each in (*SUBSCRIBERS, *WORKERS) if each.name in service.functions}
    assert {"scan", "notify", "lock", "reset", "reconcile", "revoke", "comment", *(w.name for w in WORKERS)} <= started


def test_the_schedules_function_answers(service: ZippedService) -> None:
    assert isinstance(service.functions["reconcile"].invoke({}), dict)


def test_scanning_a_commit_takes_less_than_200_mb(service: ZippedService, tmp_path: Path) -> None:
    push(service, "small", tmp_path, "hello\n", f"secret={made_up('memory', 32)}\n")
    assert service.functions["scan"].peak_bytes() < 200 * MB


@pytest.mark.parametrize("asset", Asset)
def test_a_function_cannot_import_what_is_outside_its_zip(
    tasks: dict[Asset, Path], client: Path, tmp_path: Path, asset: Asset
) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "probe.py").write_text(
        "import importlib.util, sys\n"
        "def handler(event, context):\n"
        "    return [name for name in event if importlib.util.find_spec(name)]\n"
    )
    outside = ["pytest", "click", "moto", "aws_cdk", "pushwarden", "boto3"]
    with ServedFunction(
        task=tmp_path / "task", client=client, handler="probe.handler", environment={}, log=tmp_path / "log"
    ) as function:
        assert function.invoke(outside) == []
    shutil.copytree(tasks[asset], tmp_path / "full")
    shutil.copyfile(tmp_path / "task" / "probe.py", tmp_path / "full" / "probe.py")
    with ServedFunction(
        task=tmp_path / "full", client=client, handler="probe.handler", environment={}, log=tmp_path / "log"
    ) as function:
        assert function.invoke(outside) == ["pushwarden", "boto3"]


def test_a_package_without_a_module_fails_loudly(tasks: dict[Asset, Path], client: Path, tmp_path: Path) -> None:
    shutil.copytree(tasks[Asset.RESPOND], tmp_path / "broken")
    shutil.rmtree(tmp_path / "broken" / "botocore")
    with pytest.raises(FunctionError, match="No module named 'botocore'"):
        ServedFunction(
            task=tmp_path / "broken",
            client=client,
            handler="handlers.reset.handler",
            environment={},
            log=tmp_path / "log",
        ).__enter__()


def modules(package: Path) -> set[str]:
    """Return every module in a package, dotted, packages included."""
    found = set()
    for name in names(package):
        if name.endswith((".py", ".so")):
            parts = re.sub(r"(\.cpython[^/]*|\.abi3)?\.(py|so)$", "", name).removesuffix("/__init__").split("/")
            found |= {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
    return found


def imported(text: str) -> Iterator[str]:
    """Yield every module that a source file imports anywhere but for types alone."""
    tree = ast.parse(text)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("asset", Asset)
def test_whatever_our_code_imports_is_in_the_package(packages: dict[Asset, Path], asset: Asset) -> None:
    there = modules(packages[asset])
    # Late imports of detection: only the scan function's package holds hyperscan, and only its functions detect.
    # Colours are for terminals.
    elsewhere = {"rich.color", "rich.style", *(["hyperscan"] if asset is Asset.RESPOND else [])}
    missing = set()
    with zipfile.ZipFile(packages[asset]) as archive:
        for name in archive.namelist():
            if name.endswith(".py") and name.split("/")[0] in {"handlers", "pushwarden"}:
                for module in imported(archive.read(name).decode()):
                    known = module in there or module.split(".")[0] in sys.stdlib_module_names
                    if not known and module not in elsewhere:
                        missing.add((name, module))
    assert missing == set()


@pytest.mark.parametrize("asset", Asset)
def test_a_package_holds_what_is_needed_and_little_else(packages: dict[Asset, Path], asset: Asset) -> None:
    found = names(packages[asset])
    assert packages[asset].stat().st_size < 20 * MB
    assert {name.split("/")[2] for name in found if re.match(r"botocore/data/[^/]+/", name)} == services(asset)
    assert ("rules.db" in found) == (asset is Asset.SCAN)
    assert any(name.startswith("hyperscan/") for name in found) == (asset is Asset.SCAN)
    assert any(name.startswith("patterns/") for name in found) == (asset is Asset.SCAN)
    junk = ("pushwarden/cli/", "pushwarden/local/", "tests/", ".pyi", "/RECORD", "direct_url.json")
    for unwanted in (*junk, "aws_lambda_powertools/event_handler/", "boto3/data/", "dulwich/porcelain/"):
        assert not [name for name in found if unwanted in name], unwanted


@pytest.mark.parametrize("asset", Asset)
def test_licences_travel_with_what_they_license(packages: dict[Asset, Path], asset: Asset) -> None:
    found = names(packages[asset])
    assert "LICENSE" in found
    for name in re.findall(r"^([a-z0-9-]+)==", requirements(asset, ROOT).read_text(), re.MULTILINE):
        files = importlib.metadata.files(name) or []
        for each in files:
            if ".dist-info" in str(each) and re.search(r"licen[cs]e|copying|notice", each.name, re.IGNORECASE):
                assert str(each) in found


def test_the_same_commit_gives_the_same_zip(packages: dict[Asset, Path], tmp_path: Path) -> None:
    again = build_here(Asset.RESPOND, tmp_path / "again.zip")
    with zipfile.ZipFile(packages[Asset.RESPOND]) as one, zipfile.ZipFile(again.path) as other:
        assert one.namelist() == other.namelist()
        different = [
            name for name in one.namelist() if not name.endswith(".pyc") and one.read(name) != other.read(name)
        ]
    assert different == []
    assert again.unzipped_bytes < MAX_UNZIPPED_BYTES


def test_the_same_rules_give_the_same_database(packages: dict[Asset, Path], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copyfile(packages[Asset.SCAN].parent / "rules.toml", elsewhere / "rules.toml")
    package_database(tmp_path / "rules.db", [elsewhere])
    with zipfile.ZipFile(packages[Asset.SCAN]) as archive:
        packed = archive.read("rules.db")
    assert packed == (tmp_path / "rules.db").read_bytes()
    assert str(ROOT).encode() not in packed


def test_the_hash_of_a_package_is_that_of_its_inputs(tmp_path: Path) -> None:
    here = Target()
    plain = inputs_hash(Asset.SCAN, root=ROOT, target=here, rules=None)
    (tmp_path / "own.toml").write_text("# none yet\n")
    assert inputs_hash(Asset.SCAN, root=ROOT, target=here, rules=None) == plain
    assert inputs_hash(Asset.SCAN, root=ROOT, target=here, rules=tmp_path) != plain
    assert inputs_hash(Asset.SCAN, root=ROOT, target=Target(architecture="arm64"), rules=None) != plain
    assert inputs_hash(Asset.SCAN, root=ROOT, target=Target(bytecode=False), rules=None) != plain
    assert inputs_hash(Asset.SCAN, root=ROOT, target=Target(compiled_rules=False), rules=None) != plain
    assert inputs_hash(Asset.RESPOND, root=ROOT, target=here, rules=None) != plain


def test_rules_that_cannot_be_compiled_here_are_not_left_out_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    asked = {"root": ROOT, "rules": None, "install": nothing, "compile_": nothing}
    with pytest.raises(PackagingError, match=r"this is darwin on .*-c compiledRules=false"):
        build(Asset.SCAN, tmp_path / "scan.zip", target=Target(), **asked)
    assert not list(tmp_path.iterdir())
    build(Asset.SCAN, tmp_path / "scan.zip", target=Target(compiled_rules=False), **asked)
    assert "rules.db" not in names(tmp_path / "scan.zip")
    assert "patterns/aws.toml" in names(tmp_path / "scan.zip")


def test_custom_rules_apply_without_compiled_rules(
    packages: dict[Asset, Path], tasks: dict[Asset, Path], tmp_path: Path
) -> None:
    rules = packages[Asset.SCAN].parent
    target = Target(compiled_rules=False)
    built = build(
        Asset.SCAN, tmp_path / "scan.zip", root=ROOT, target=target, rules=rules, install=nothing, compile_=nothing
    )
    task = unpack(built.path, tmp_path / "task")
    assert not (task / "rules.db").exists()
    for shipped in (task / "patterns").glob("services*.toml"):
        shipped.unlink()  # without these, compiling takes a tenth of the time
    # What others have written is in the package that was built before.
    folders = [str(task), str(tasks[Asset.SCAN])]
    arguments = [sys.executable, "-I", "-S", "-c", FIND_BADGE, str(tmp_path / "cache"), *folders]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "['example-badge']\n"


def test_the_compiled_rules_ask_nothing_special_of_a_processor(tasks: dict[Asset, Path]) -> None:
    loaded = read_database(tasks[Asset.SCAN] / "rules.db")
    databases = [*loaded.engine.databases.layers, loaded.engine.databases.run_gate]
    assert {each.info().split(b"Features:")[1].split(b"Mode")[0].strip() for each in databases if each} == {b""}


def test_packages_that_cannot_be_installed_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("boto3==1.44.5\n")  # no hash
    with pytest.raises(PackagingError, match=r"lock\.txt cannot be installed for Lambda \(Python 3\.14, arm64\)"):
        install_with_uv(lock, tmp_path / "into", Target(architecture="arm64"))


@pytest.mark.parametrize("asset", Asset)
def test_the_lock_names_a_hash_for_every_version(asset: Asset) -> None:
    text = requirements(asset, ROOT).read_text()
    pinned = re.findall(r"^[a-z0-9-]+==\S+ \\$", text, re.MULTILINE)
    blocks = re.findall(r"^[a-z0-9-]+==\S+ \\\n(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+", text, re.MULTILINE)
    assert len(pinned) == len(blocks) > 10
    assert LAMBDA_PYTHON == "3.14"
