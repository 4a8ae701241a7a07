"""How often ordinary code and documentation raise an alarm: findings at medium or above for 100,000 lines, each one listed.

    python bench/clean_code.py [FOLDER ...]

By default the standard library of this Python, ten large packages beside it and Debian's documentation, where they are.
Values are not printed; look at the place.
"""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from pushwarden.detect import Scanner, load_scanner
from pushwarden.model import Confidence, Match

PACKAGES = (
    "boto3", "botocore", "cfnlint", "moto", "networkx", "numpy", "pip", "scipy", "sklearn", "sympy",
)  # fmt: skip
BINARY = {".pyc", ".so", ".a", ".gz", ".png", ".npy", ".npz"}


def files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix not in BINARY:
            inside = path.relative_to(folder).parts
            if "site-packages" not in inside and "__pycache__" not in inside:
                yield path


def scan(scanner: Scanner, folder: Path) -> tuple[int, list[tuple[Path, Match]]]:
    """Return the lines below ``folder``, and what is found there at medium or above."""
    lines, found = 0, []
    for path in files(folder):
        content = path.read_bytes()
        lines += content.count(b"\n")
        result = scanner.scan(content, path=str(path))
        found += [(path, match) for match in result.matches if match.confidence >= Confidence.MEDIUM]
    return lines, found


def main() -> None:
    scanner = load_scanner()
    packages = Path(site.getsitepackages()[0])
    defaults = [Path(sysconfig.get_path("stdlib")), *(packages / name for name in PACKAGES), Path("/usr/share/doc")]
    total = alarms = 0
    for folder in [Path(each) for each in sys.argv[1:]] or [each for each in defaults if each.is_dir()]:
        lines, found = scan(scanner, folder)
        total, alarms = total + lines, alarms + len(found)
        print(f"{folder}: {len(found)} in {lines} lines, {1e5 * len(found) / max(1, lines):.2f} for 100,000")
        for path, match in found:
            print(
                f"    {match.confidence.label:6s} {match.rule_id:24s} {path.relative_to(folder)}:{match.span.start_line}"
            )
    print(f"together: {alarms} in {total} lines, {1e5 * alarms / max(1, total):.2f} for 100,000")


if __name__ == "__main__":
    main()
