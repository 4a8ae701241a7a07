"""The functions' packages as CDK assets, built once per input and kept in ``build/assets``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from cdk.config import Config
from cdk.packaging import Target, build, compile_with_node, inputs_hash, install_with_uv
from pushwarden.topology import Asset

_CACHE: Final = Path("build") / "assets"
_COMPILER: Final = Path("build") / "compiler"
_MB: Final = 1_000_000


def asset_code(asset: Asset, config: Config, root: Path) -> lambda_.Code:
    """Return the code of an asset's functions.

    The asset's hash is that of its inputs, so the same commit gives the same template on every machine.

    Args:
        asset: which package.
        config: the deployment's configuration.
        root: the work tree.

    Raises:
        PushwardenError: the package cannot be built.
    """
    target = Target(architecture=config.architecture, bytecode=config.bytecode, compiled_rules=config.compiled_rules)
    sha = inputs_hash(asset, root=root, target=target, rules=config.rules)
    if config.assets == "skip":
        path = root / _CACHE / "skipped"
        path.mkdir(parents=True, exist_ok=True)
        (path / "README").write_text("No code: assets=skip.\n")
    else:
        path = root / _CACHE / f"{asset.value}-{sha}.zip"
        if not path.exists():
            _build(asset, path, config, root, target)
    return lambda_.Code.from_asset(str(path), asset_hash=sha, asset_hash_type=cdk.AssetHashType.CUSTOM)


def _build(asset: Asset, path: Path, config: Config, root: Path, target: Target) -> None:
    part = path.with_suffix(".part")
    compile_ = compile_with_node(root / _COMPILER)
    built = build(asset, part, root=root, target=target, rules=config.rules, install=install_with_uv, compile_=compile_)
    part.replace(path)
    notes = [f"{built.zipped_bytes / _MB:.1f} MB zipped, {built.unzipped_bytes / _MB:.1f} MB unzipped"]
    if asset is Asset.SCAN and not target.compiled_rules:
        notes.append("without compiled rules, as asked: every scanning process compiles them first")
    if not target.bytecode:
        notes.append("without compiled modules, as asked: cold starts take longer")
    sys.stderr.write(f"pushwarden: {asset.value} package: {'; '.join(notes)}\n")
