"""Any bytes at all: every parser answers, or raises what it foresaw. ``bench/fuzz`` goes deeper, guided by coverage."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.fuzz import corpus
from bench.fuzz.targets import TARGETS

SLOW = {"archives", "content", "content_made", "gitleaks_made", "hiding", "local_packs", "reports_made"}
KEPT = {name: corpus.read(name) for name in TARGETS}


def _quick(name: str) -> settings:
    return settings(max_examples=10 if name in SLOW else 40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _no_warnings() -> None:
    warnings.simplefilter("ignore")  # what the standard library thinks of odd archives


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_any_bytes_raise_only_what_was_foreseen(target: str) -> None:
    @_quick(target)
    @given(data=st.binary(max_size=600))
    def run(data: bytes) -> None:
        TARGETS[target](data)

    run()


@pytest.mark.parametrize("target", sorted(name for name in TARGETS if KEPT[name]))
def test_kept_input_that_was_damaged_raises_only_what_was_foreseen(target: str) -> None:
    @_quick(target)
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        good = bytearray(data.draw(st.sampled_from(KEPT[target])))
        for _ in range(data.draw(st.integers(0, 4))):
            if good:
                good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(good)))

        TARGETS[target](bytes(good if data.draw(st.booleans()) else good[:cut]))

    run()


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_the_corpus_raises_nothing(target: str) -> None:
    assert KEPT[target]
    for data in KEPT[target]:
        TARGETS[target](data)


def test_each_target_has_a_corpus_and_all_together_are_small() -> None:
    files = {path.stem for path in corpus.FOLDER.glob("*.txt")}

    assert files == set(TARGETS)
    assert sum(path.stat().st_size for path in corpus.FOLDER.glob("*.txt")) < 300_000


@pytest.mark.skipif(importlib.util.find_spec("atheris") is not None, reason="atheris is installed")
def test_without_atheris_the_fuzzer_says_so() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "bench.fuzz.run", "all"], cwd=root, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "atheris is not installed" in done.stderr
