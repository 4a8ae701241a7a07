"""Synthesize several apps in one process, because starting jsii takes longer than all of them together.

Run as ``python synth.py '[{"out": ..., "context": {...}, "nag": true}, ...]'``; each folder gets an ``error.txt`` with the
error's text, empty where there was none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def synthesize(job: dict[str, Any]) -> None:
    import aws_cdk as cdk
    from aws_cdk import aws_sqs as sqs
    from cdk_nag import AwsSolutionsChecks, ServerlessChecks

    from app import file_context
    from cdk.config import Config
    from cdk.stack import PushwardenStack

    app = cdk.App(outdir=job["out"], context={**file_context(), **job["context"]})
    if job.get("bait"):
        sqs.Queue(cdk.Stack(app, "Bait"), "Bait")
    else:
        PushwardenStack(app, Config.from_context(app.node.get_all_context(), root=ROOT), root=ROOT)
    if job.get("nag"):
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True), ServerlessChecks(app, verbose=True))
    app.synth()


def main() -> None:
    for job in json.loads(sys.argv[1]):
        error = ""
        try:
            synthesize(job)
        except RuntimeError as raised:  # what jsii makes of an error in JavaScript
            error = str(raised)
        (Path(job["out"]) / "error.txt").write_text(error)


if __name__ == "__main__":
    main()
