from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.suppress.globs import Glob

NAME = st.text("ab.", min_size=1, max_size=3)
PATH = st.lists(NAME, min_size=1, max_size=5).map("/".join)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("app.py", "app.py"),
        ("app.py", "src/deep/app.py"),
        ("*.py", "src/app.py"),
        ("/app.py", "app.py"),
        ("src/*.py", "src/app.py"),
        ("tests/**", "tests/a/b.txt"),
        ("tests/", "tests/a/b.txt"),
        ("tests/", "lib/tests/b.txt"),
        ("**/data/*.json", "data/x.json"),
        ("**/data/*.json", "a/b/data/x.json"),
        ("a/**/z", "a/z"),
        ("a/**/z", "a/b/c/z"),
        ("**", "any/thing"),
        ("v?.[0-9]", "v1.2"),
        ("[!a]*", "bcd"),
        ("caf\udce9*", "caf\udce9.txt"),
    ],
)
def test_it_matches(glob: str, path: str) -> None:
    assert Glob.parse(glob).matches(path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("app.py", "app.pyc"),
        ("/app.py", "src/app.py"),
        ("src/*.py", "src/deep/app.py"),
        ("src/*.py", "lib/src/app.py"),
        ("tests/**", "mytests/a"),
        ("a/**/z", "a/b/c/zz"),
        ("a?c", "a/c"),
        ("*.PY", "app.py"),
    ],
)
def test_it_does_not_match(glob: str, path: str) -> None:
    assert not Glob.parse(glob).matches(path)


@given(PATH)
def test_a_path_matches_itself_and_everything(path: str) -> None:
    assert Glob.parse(f"/{path}").matches(path)
    assert Glob.parse("**").matches(path)
    assert Glob.parse(f"**/{path}").matches(path)


@given(PATH, PATH)
def test_two_stars_cross_any_number_of_folders(start: str, end: str) -> None:
    assert Glob.parse(f"{start}/**/{end}").matches(f"{start}/{end}")
    assert Glob.parse(f"{start}/**/{end}").matches(f"{start}/x/y/{end}")


@pytest.mark.timeout(20)
def test_a_hostile_glob_and_path_take_no_longer_than_others() -> None:
    assert not Glob.parse("**/a/" * 40 + "b").matches("a/" * 2000 + "c")
    assert not Glob.parse("*a" * 40 + "b").matches("a" * 4000)
