"""What a scan attributes, against a slow and simple reading of the definition."""

from __future__ import annotations

import random

import pytest

from pushwarden.history.local.scan import scan_repository
from pushwarden.model import Source
from tests.history.local.building import Repo, change_at_random, context_of, token

Tree = dict[str, tuple[str, frozenset[str]]]
"""Path to the blob's id and the tokens in it."""


def tree_of(repo: Repo, commit: str) -> Tree:
    tree: Tree = {}
    for row in repo.git("ls-tree", "-r", commit).splitlines():
        meta, path = row.split("\t")
        blob = meta.split()[2]
        content = repo.git("cat-file", "blob", blob)
        tree[path] = (blob, frozenset(token(number) for number in range(9) if token(number) in content))
    return tree


def introduced(after: Tree, parents: list[Tree]) -> set[tuple[str, str]]:
    """Return (path, token): in files changed against every parent, and in nothing that was changed or deleted."""
    changed = [path for path in after if all(each.get(path, ("", ()))[0] != after[path][0] for each in parents)]
    before = {
        secret
        for each in parents
        for path, (blob, secrets) in each.items()
        if after.get(path, ("", ()))[0] != blob
        for secret in secrets
    }
    return {(path, secret) for path in changed for secret in after[path][1] if secret not in before}


@pytest.mark.parametrize("seed", [11, 12])
def test_every_commit_introduces_what_the_definition_says(repo: Repo, seed: int) -> None:
    rng = random.Random(seed)
    repo.commit(a="start\n")
    for step in range(14):
        change_at_random(repo, rng, step)
    repo.git("reset", "-q", "--hard")
    expected: set[tuple[str, str]] = set()
    objects = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").splitlines()
    for commit in (line.split()[0] for line in objects if line.endswith(" commit")):
        parents = repo.git("rev-parse", f"{commit}^@").split()
        expected |= introduced(tree_of(repo, commit), [tree_of(repo, parent) for parent in parents])
    outcome = scan_repository(context_of(repo.path))
    found = {
        (each.finding.path, each.finding.match.secret.reveal().decode())
        for each in outcome.found
        if each.finding.source is Source.FILE and each.finding.commit is not None
    }
    assert found == expected
    assert len(expected) > 3
