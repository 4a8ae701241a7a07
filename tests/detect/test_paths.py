"""Paths at which the same is found in the same content."""

from __future__ import annotations

import pytest

from pushwarden.detect import Scanner
from pushwarden.detect.paths import PathClasses, globs_of, looks_at_paths
from pushwarden.detect.rule import Allow, Rule
from pushwarden.model import Confidence


def made(**more: object) -> Rule:
    return Rule("made-up", "Made up", "mu_[a-z]{8}", Confidence.LOW, "Revoke it.", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("src/client.py", "lib/server.py", True),
        ("src/client.py", "src/client.yml", False),
        ("src/client.py", "tests/client.py", False),
        ("home/.npmrc", "other/.npmrc", True),
        ("home/.npmrc", "home/.profile", False),
        ("infra/main.tf", "infra/more.tf", True),
    ],
)
def test_paths_are_of_one_class_where_rules_and_judge_see_the_same_of_them(
    shipped: Scanner, one: str, other: str, same: bool
) -> None:
    assert (shipped.path_class(one) == shipped.path_class(other)) is same


def test_every_path_is_a_class_of_its_own_where_a_rule_reads_paths_in_its_own_way() -> None:
    for rule in (made(path_pattern="a"), made(allow=(Allow(paths=("a",)),))):
        classes = PathClasses(globs_of([rule]), by_path=looks_at_paths([rule]))

        assert classes.of("a.py") != classes.of("b.py")


def test_rules_for_some_files_part_these_from_others() -> None:
    rules = [made(include=("**/*.conf",)), made(exclude=("vendored/**",))]
    classes = PathClasses(globs_of(rules), by_path=looks_at_paths(rules))

    assert classes.of("a.conf") == classes.of("b.conf") != classes.of("c.txt")
    assert classes.of("c.txt") == classes.of("d.txt") != classes.of("vendored/d.txt")
