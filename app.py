"""Entry of the CDK app: ``cdk synth`` and ``cdk deploy`` run it, and it runs alone.

``python app.py -c email=you@example.com`` writes the CloudFormation template to ``cdk.out``, without the CDK's command
line, without credentials and without a network, except that packages are installed into the functions' code.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from pushwarden.errors import PushwardenError

ROOT: Final = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    """Synthesize; return 0, or 2 with a message on standard error where the configuration is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="a context value")
    parser.add_argument("-o", "--output", default=None, metavar="FOLDER", help="where to write; cdk.out by default")
    options = parser.parse_args(arguments)
    try:
        synthesize(_pairs(options.context), options.output)
    except PushwardenError as error:
        sys.stderr.write(f"pushwarden: {error}\n")
        return 2
    return 0


def synthesize(context: dict[str, Any], output: str | None) -> None:
    """Write the cloud assembly.

    Raises:
        PushwardenError: the configuration is wrong, or a package cannot be built.
    """
    from cdk.config import Config  # noqa: PLC0415 - see below

    context = {**file_context(), **json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}"), **context}
    Config.from_context(context, root=ROOT)  # a wrong value is said at once; Node.js takes seconds to start
    if shutil.which("node") is None:
        raise PushwardenError("the CDK needs Node.js 22 or 24, and there is no `node` on the PATH; see docs/deploy.md")
    # Late: jsii starts a Node.js process at the import.
    import aws_cdk as cdk  # noqa: PLC0415

    from cdk.stack import PushwardenStack  # noqa: PLC0415

    outdir = output or os.environ.get("CDK_OUTDIR") or str(ROOT / "cdk.out")
    app = cdk.App(outdir=outdir, context=context)
    # The command line may add context of its own, in ways that only the app knows.
    PushwardenStack(app, Config.from_context(app.node.get_all_context(), root=ROOT), root=ROOT)
    app.synth()


def file_context() -> dict[str, Any]:
    """Return the context of the CDK's two files, so that running alone gives what ``cdk synth`` gives."""
    context: dict[str, Any] = {}
    settings = ROOT / "cdk.json"
    if settings.exists():
        context |= json.loads(settings.read_text()).get("context", {})
    values = ROOT / "cdk.context.json"
    if values.exists():
        context |= json.loads(values.read_text())
    return context


def _pairs(given: list[str]) -> dict[str, str]:
    for each in given:
        if "=" not in each:
            raise PushwardenError(f"-c takes KEY=VALUE, not {each!r}")
    return dict(each.split("=", 1) for each in given)


if __name__ == "__main__":
    sys.exit(main())
