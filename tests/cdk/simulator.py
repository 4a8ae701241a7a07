"""An independent IAM simulator, beside the evaluator of the local service.

``make npm`` installs it: a development dependency, never shipped, for it is AGPL: https://github.com/cloud-copilot/iam-simulate
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cdk.concrete import ACCOUNT

FOLDER = Path(__file__).resolve().parent / "iam"
DATA = FOLDER / "node_modules" / "@cloud-copilot" / "iam-data" / "data" / "actions"
"""The service authorization reference, one file per service."""


@dataclass(frozen=True)
class Question:
    principal: str
    action: str
    resource: str
    context: Mapping[str, Any]
    policies: Sequence[Any]
    """Those of the identity."""
    resource_policy: Any = None


def needed() -> None:
    """Skip the test where the simulator is not installed."""
    if shutil.which("node") is None or not (FOLDER / "node_modules").is_dir():
        pytest.skip("needs Node.js, npm and `make npm`")


def decide(questions: Sequence[Question]) -> list[bool]:
    """Return for each question whether the simulator allows it."""
    jobs = [
        {
            "principal": each.principal,
            "action": each.action,
            "resource": each.resource,
            "account": ACCOUNT,
            "context": each.context,
            "policies": each.policies,
            "resourcePolicy": each.resource_policy,
        }
        for each in questions
    ]
    done = subprocess.run(
        ["node", "simulate.mjs"], cwd=FOLDER, input=json.dumps(jobs), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    decided: list[bool] = json.loads(done.stdout)
    assert len(decided) == len(questions)
    return decided
