"""Content that is too large to be held: scanned in windows, with the result of a scan of the whole."""

from __future__ import annotations

import base64
import codecs
import io
import random
import string
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.detect import Scanner, load_scanner
from pushwarden.history.local.content import scan_content
from pushwarden.history.local.files import scan_files, scan_stream
from pushwarden.history.local.model import Limits, Scan
from pushwarden.history.local.scan import scan_index, scan_repository, scan_unstaged
from pushwarden.history.local.windows import scan_windows
from pushwarden.model import Gap, ScanResult
from tests.history.local.building import RULES, Repo, context_of, one_rule, secrets_of, token

SMALL = Limits(whole_bytes=4000, window_bytes=4096, margin_bytes=1024)
SCANNER = load_scanner([RULES], default_rules=False)
WORDS = ("a", "word", "Größe = 3", "日本語", "x" * 90, "  indented", "", "key: value", "# pushwarden:allow")


def in_windows(data: bytes, limits: Limits = SMALL, path: str = "f", scanner: Scanner = SCANNER) -> Scan:
    scan, size = scan_windows(scanner, io.BytesIO(data).read, path, limits)
    assert size == len(data)
    return scan


def lines_of(draw: random.Random, count: int) -> list[str]:
    """Return lines of text, some with a token, some of which a comment allows or base64 hides."""
    made = []
    for number in range(count):
        kind = draw.random()
        secret = token(number)
        if kind < 0.04:
            made.append(f"secret = {secret}" + draw.choice(("", "  # pushwarden:allow")))
        elif kind < 0.06:
            made.append(base64.b64encode(f"the token is {secret} and no other".encode()).decode())
        else:
            made.append(" ".join(draw.choices(WORDS, k=draw.randrange(1, 5))))
    return made


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-16", "utf-16-be", "latin-1"]),
)
def test_windows_give_what_a_scan_of_the_whole_gives(seed: int, line_end: str, encoding: str) -> None:
    text = line_end.join(lines_of(random.Random(seed), 400))
    bom = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    data = bom + text.encode(encoding, "replace")

    whole = scan_content(SCANNER, data, "f", SMALL)

    assert len(data) > 2 * SMALL.window_bytes
    assert in_windows(data) == whole


@pytest.mark.parametrize("filler", ["é. ", "abc. ", "日本. "])
def test_places_on_one_endless_line_are_those_of_the_whole(filler: str) -> None:
    data = "".join(f"{filler * 200} {token(number)} " for number in range(30)).encode()

    found = in_windows(data)

    assert len(found.hits) == 30
    assert found == replace(scan_content(SCANNER, data, "f", SMALL), hits=found.hits)
    spans = [hit.match.span for hit in found.hits]
    assert spans == [hit.match.span for hit in scan_content(SCANNER, data, "f", SMALL).hits]


def test_a_secret_on_the_edge_of_a_window_is_found_once() -> None:
    for at in range(4096 - 40, 4096 + 40):
        found = in_windows(_with_a_token(at))
        assert [(hit.match.span.start, hit.match.secret.reveal()) for hit in found.hits] == [(at, token(1).encode())]


def _with_a_token(at: int) -> bytes:
    data = b". " * 3000
    return data[: at - 1] + b" " + token(1).encode() + b" " + data[:4000]


def test_an_archive_is_said_not_to_be_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readable", b"plain text. " * 1000 + token(1).encode() + b"\n")

    found = in_windows(packed.getvalue())

    assert [hit.match.secret.reveal() for hit in found.hits if not hit.match.decoded_from] == [token(1).encode()]
    assert "is not unpacked" in next(gap.message for gap in found.gaps if gap.code == "too-large")


def test_encoded_text_that_does_not_fit_is_said_to_be_left() -> None:
    noise = random.Random(3).randbytes(9000)
    wrapped = base64.encodebytes(noise)

    assert [gap.code for gap in in_windows(wrapped).gaps] == ["too-large"] * 2
    found = in_windows(b"x = '" + base64.b64encode(noise) + b"'\n" + f"y = {token(2)}\n".encode())

    assert [hit.match.secret.reveal() for hit in found.hits] == [token(2).encode()]
    assert [(gap.code, "decode it and scan that" in gap.message) for gap in found.gaps] == [("too-large", True)] * 2


def test_words_without_punctuation_are_not_taken_for_encoded_text() -> None:
    assert in_windows(b"nothing but words and numbers 1234 \n" * 1000).gaps == ()


def test_a_complaint_about_many_windows_is_told_once() -> None:
    class Grumbling:
        def scan(self, data: bytes, *, path: str = "", deadline: float | None = None) -> ScanResult:
            del data, deadline
            return ScanResult(gaps=(Gap("too-dense", "many things", path),))

    scan, _ = scan_windows(Grumbling(), io.BytesIO(b"nothing. " * 4000).read, "f", SMALL)

    assert scan.gaps == (Gap("too-dense", "many things", "f"),)


def text(count: int, *tokens: str) -> bytes:
    """Return kilobytes of lines with tokens evenly among them."""
    line = "".join(random.Random(7).choices(string.ascii_lowercase + " .", k=99)) + "\n"
    every = count // (len(tokens) + 1)
    lines = [line] * count
    for number, each in enumerate(tokens, start=1):
        lines[number * every] = f"token: {each}\n"
    return "".join(lines).encode()


def test_a_large_file_is_scanned_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("big").write_bytes(text(300, token(1), token(2)))

    outcome = scan_files(["big"], one_rule(), jobs=1, limits=SMALL)

    assert [(each.finding.match.span.start_line, each.finding.path) for each in outcome.found] == [
        (101, "big"),
        (201, "big"),
    ]
    assert (outcome.gaps, outcome.counts.bytes) == ((), Path("big").stat().st_size)


def test_a_long_stream_is_scanned_to_its_end_or_to_the_limit() -> None:
    data = text(300, token(1), token(2))

    whole = scan_stream(io.BytesIO(data), one_rule(), SMALL)
    cut = scan_stream(io.BytesIO(data), one_rule(), replace(SMALL, content_bytes=15_000))

    assert [each.finding.match.span.start_line for each in whole.found] == [101, 201]
    assert (whole.gaps, whole.counts.bytes) == ((), len(data))
    assert [each.finding.match.span.start_line for each in cut.found] == [101]
    assert [gap.code for gap in cut.gaps] == ["too-large"]


def test_large_blobs_are_scanned_and_remembered_as_small_ones_are(repo: Repo) -> None:
    before = repo.commit(big=text(300, token(1)))
    after = repo.commit(big=text(300, token(1), token(2)))

    outcome = scan_repository(context_of(repo.path, limits=SMALL))
    whole = scan_repository(context_of(repo.path))

    assert outcome == whole
    assert {(each.finding.commit, each.finding.match.secret.reveal().decode()) for each in outcome.found} == {
        (before, token(1)),
        (after, token(2)),
    }


def test_what_a_large_staged_or_changed_file_had_before_is_not_new(repo: Repo) -> None:
    repo.commit(big=text(300, token(1)))
    repo.write("big", text(300, token(1), token(2)))

    assert secrets_of(scan_unstaged(context_of(repo.path, limits=SMALL))) == [token(2)]
    repo.git("add", "big")
    assert secrets_of(scan_index(context_of(repo.path, limits=SMALL))) == [token(2)]


def test_a_large_blob_that_is_damaged_is_a_gap(repo: Repo) -> None:
    noise = random.Random(5).randbytes(60_000)
    repo.commit(big=noise, small=token(1))
    blob = repo.git("rev-parse", "HEAD:big")
    stored = repo.path / ".git/objects" / blob[:2] / blob[2:]
    stored.chmod(0o600)
    raw = bytearray(stored.read_bytes())
    raw[30_000] ^= 0xFF
    stored.write_bytes(raw)

    outcome = scan_repository(context_of(repo.path, limits=SMALL))

    assert secrets_of(outcome) == [token(1)]
    assert "damaged-object" in {gap.code for gap in outcome.gaps}


def test_memory_is_bounded_by_the_window() -> None:
    most = 0

    class Measuring:
        def scan(self, data: bytes, *, path: str = "", deadline: float | None = None) -> ScanResult:
            nonlocal most
            most = max(most, sys.getsizeof(data))
            return SCANNER.scan(data, path=path, deadline=deadline)

    scan_windows(Measuring(), io.BytesIO(b"a line. \n" * 100_000).read, "f", SMALL)

    assert most < SMALL.window_bytes + 2 * SMALL.margin_bytes + 100
