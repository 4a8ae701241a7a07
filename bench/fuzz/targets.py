"""What is fuzzed: each target takes any bytes and may raise only an error that Pushwarden foresaw.

``tests/hostile/test_fuzz.py`` feeds them from hypothesis and from the corpus; ``bench/fuzz/run.py`` from atheris, guided by
coverage (https://github.com/google/atheris).
"""

from __future__ import annotations

import functools
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pushwarden.aws.githttp import _parse_advertisement, _receive_pack_bytes
from pushwarden.aws.pktline import packets
from pushwarden.detect import Scanner, load_scanner
from pushwarden.detect.loader import load_rules
from pushwarden.detect.rulefile import RuleFile
from pushwarden.errors import PushwardenError
from pushwarden.events import SecurityEvent, SecurityResponse, parse_push
from pushwarden.history.objects import MalformedObjectError, parse_commit, parse_tag
from pushwarden.history.pack import Limits, objects, survey
from pushwarden.report import clean
from pushwarden.respond.bundle import read_header
from pushwarden.suppress import config, foreign, ignore_file

LIMITS: Final = Limits(object_bytes=1 << 20, total_bytes=8 << 20, pack_bytes=1 << 20)
_PATTERNS: Final = Path(__file__).parents[2] / "patterns"


def events(data: bytes) -> None:
    """Fuzz the parsers of the events."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    detail: Any = value.get("detail") if isinstance(value, dict) else value
    for parse in (
        parse_push,
        lambda _: SecurityEvent.from_detail(detail),
        lambda _: SecurityResponse.from_detail(detail),
    ):
        _foreseen(lambda parse=parse: parse(value))  # type: ignore[misc]


def wire(data: bytes) -> None:
    """Fuzz packet lines, the advertisement and a fetch's answer."""
    _foreseen(lambda: list(packets(io.BytesIO(data))))
    _foreseen(lambda: _parse_advertisement(io.BytesIO(data)))
    _foreseen(lambda: _receive_pack_bytes(io.BytesIO(data), io.BytesIO(), 1 << 20))


def packs(data: bytes) -> None:
    """Fuzz packs: truncated, flipped, with loops of deltas and sizes that are lies."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        path = Path(file.name)

        def read() -> None:
            total = 0
            for each in objects(path, survey(path, LIMITS)):
                total += len(each.content)
                assert len(each.content) <= LIMITS.object_bytes
            assert total <= LIMITS.total_bytes

        _foreseen(read)


def git_objects(data: bytes) -> None:
    """Fuzz commits, tags and bundles."""
    for parse in (parse_commit, parse_tag):
        try:
            parse("0" * 40, data)
        except MalformedObjectError:
            continue
    _foreseen(lambda: read_header(io.BytesIO(data)))


def content(data: bytes) -> None:
    """Fuzz detection: decoders, archives, rules."""
    result = scanner().scan(data, path="a.txt")
    for match in result.matches:
        assert 0 <= match.span.start <= match.span.end <= len(data)
        assert match.secret.reveal().decode("utf-8", "replace") not in match.snippet or len(match.secret) == 0


def rules(data: bytes) -> None:
    """Fuzz rule files."""
    text = data.decode("utf-8", "replace")
    _foreseen(lambda: load_rules([RuleFile(Path("fuzz.toml"), text)]))


def suppressions(data: bytes) -> None:
    """Fuzz suppression files: ours and the foreign ones."""
    text = data.decode("utf-8", "replace")
    _foreseen(lambda: ignore_file.parse(text))
    _foreseen(lambda: config.parse_config(text, Path("pushwarden.toml")))
    _foreseen(lambda: foreign.parse_gitleaks(text))
    _foreseen(lambda: foreign.parse_detect_secrets(text))


def reports(data: bytes) -> None:
    """Fuzz what reports do with strangers' text."""
    text = data.decode("utf-8", "surrogateescape")
    shown = clean.line(text)
    assert "\n" not in shown
    assert shown.isprintable()
    clean.unicode(text).encode()
    assert not clean.cell(text).startswith(("=", "+", "-", "@"))


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    each.__name__: each for each in (events, wire, packs, git_objects, content, rules, suppressions, reports)
}


@functools.cache
def scanner() -> Scanner:
    """Return a scanner with a few rules: what is fuzzed is the engine."""
    return load_scanner(rules=[_PATTERNS / "aws.toml"], default_rules=False)


def _foreseen(call: Callable[[], object]) -> None:
    try:
        call()
    except PushwardenError:
        return
