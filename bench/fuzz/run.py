"""Fuzz one target with atheris: ``python -m bench.fuzz.run packs -max_total_time=60``; options after the name are libFuzzer's.

atheris is not among the locked dependencies, because it has wheels for few machines: ``pip install atheris`` first.
What it finds is kept in ``bench/fuzz/corpus/TARGET``, and ``make test`` tries the corpus from then on.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Fuzz until libFuzzer's options say stop."""
    try:
        import atheris  # type: ignore[import-untyped]  # noqa: PLC0415 - see above
    except ImportError:
        print("atheris is not installed; run: pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["pushwarden"]):
        from bench.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented while it is imported
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        print(f"name a target: {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    corpus = Path(__file__).parent / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], str(corpus), *sys.argv[2:]], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
