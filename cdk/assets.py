"""The functions' packages as CDK assets, built once per input and kept in ``build/assets``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from cdk.config import Config
from cdk.packaging import Target, build, inputs_hash, install_with_uv
from pushwarden.topology import Asset

_CACHE: Final = Path("build") / "assets"
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
    target = Target(architecture=config.architecture)
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
    built = build(asset, part, root=root, target=target, rules=config.rules, install=install_with_uv)
    part.replace(path)
    notes = [f"{built.zipped_bytes / _MB:.1f} MB zipped, {built.unzipped_bytes / _MB:.1f} MB unzipped"]
    if asset is Asset.SCAN and not built.has_rules:
        notes.append("without compiled rules: another processor's; the function compiles them at its first use")
    if not built.has_bytecode:
        notes.append(f"without bytecode: there is no python{target.python} here; cold starts take longer")
    sys.stderr.write(f"pushwarden: {asset.value} package: {'; '.join(notes)}\n")
