"""Merges of commits: fast-forward, squash and three-way."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pushwarden.local.codecommit import trees
from pushwarden.local.codecommit.api.call import Call, branch_tip, resolve
from pushwarden.local.codecommit.api.edits import author_of
from pushwarden.local.codecommit.bare import BRANCHES, RefConflictError, git_environment
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.events import MergeInfo, RefChange, unreferenced_merge
from pushwarden.local.codecommit.state import Repository, utcnow
from pushwarden.local.codecommit.treeedit import TreeMerge

FAST_FORWARD: Final = "FAST_FORWARD_MERGE"
SQUASH: Final = "SQUASH_MERGE"
THREE_WAY: Final = "THREE_WAY_MERGE"

_NO_BASE: Final = ""


@dataclass(frozen=True, slots=True)
class MergePlan:
    """Which commits are merged, and how."""

    source: trees.Commit
    destination: trees.Commit
    base: str
    """Id of the common ancestor; empty when the histories share nothing."""
    detail_level: str
    """``FILE_LEVEL``: a file that both sides changed is a conflict; ``LINE_LEVEL``: only the same lines are."""
    strategy: str
    """``NONE``, ``AUTOMERGE``, ``ACCEPT_SOURCE`` or ``ACCEPT_DESTINATION``."""

    def info(self, option: str) -> MergeInfo:
        """Return what the event of this merge says."""
        return MergeInfo(
            option,
            self.base,
            self.source.commit_id,
            self.destination.commit_id,
            self.detail_level,
            self.strategy,
        )


def plan_merge(call: Call, repository: Repository, source: trees.Commit, destination: trees.Commit) -> MergePlan:
    """Return the plan of a merge as the call asks for it."""
    if call.params.get("conflictResolution"):
        raise ApiError("InvalidConflictResolutionException", "this server does not resolve conflicts by hand")
    bases = repository.git.merge_bases(source.commit_id, destination.commit_id)
    return MergePlan(
        source,
        destination,
        bases[0] if bases else _NO_BASE,
        call.optional("conflictDetailLevel") or "FILE_LEVEL",
        call.optional("conflictResolutionStrategy") or "NONE",
    )


def merge_branches_by_fast_forward(call: Call) -> dict[str, Any]:
    """Answer MergeBranchesByFastForward."""
    return _merge_branches(call, FAST_FORWARD)


def merge_branches_by_squash(call: Call) -> dict[str, Any]:
    """Answer MergeBranchesBySquash."""
    return _merge_branches(call, SQUASH)


def merge_branches_by_three_way(call: Call) -> dict[str, Any]:
    """Answer MergeBranchesByThreeWay."""
    return _merge_branches(call, THREE_WAY)


def _merge_branches(call: Call, option: str) -> dict[str, Any]:
    repository = call.repository
    with repository.lock:
        plan = _plan_of_specifiers(call, repository)
        ref = BRANCHES + target_branch(call)
        tip = branch_tip(repository, target_branch(call))
        if tip != plan.destination.commit_id:
            raise ApiError("InvalidTargetBranchException", f"The target branch stands at {tip}, not at the destination")
        commit = merge_into(call, repository, plan, option, ref)
    return {"commitId": commit.commit_id, "treeId": commit.tree}


def target_branch(call: Call) -> str:
    """Return the short name of the branch that a merge moves: ``targetBranch``, or the destination itself."""
    given = call.optional("targetBranch") or call.text("destinationCommitSpecifier")
    return given.removeprefix(BRANCHES)


def create_unreferenced_merge_commit(call: Call) -> dict[str, Any]:
    """Answer CreateUnreferencedMergeCommit."""
    repository = call.repository
    plan, option = _plan_of_specifiers(call, repository), call.text("mergeOption")
    commit = make_merge(call, repository, plan, option)
    event = unreferenced_merge(
        call.account.origin(repository), commit.commit_id, plan.info(option), call.principal.arn, utcnow()
    )
    call.account.switches.send(event)
    return {"commitId": commit.commit_id, "treeId": commit.tree}


def get_merge_options(call: Call) -> dict[str, Any]:
    """Answer GetMergeOptions."""
    repository = call.repository
    plan = _plan_of_specifiers(call, repository)
    options = [FAST_FORWARD] if plan.base == plan.destination.commit_id else []
    if plan.base and not _merged_tree(repository, plan)[1]:
        options += [SQUASH, THREE_WAY]
    return {"mergeOptions": options, **_ids(plan)}


def get_merge_commit(call: Call) -> dict[str, Any]:
    """Answer GetMergeCommit: the merged commit is named where a fast-forward gives it."""
    plan = _plan_of_specifiers(call, call.repository)
    merged = plan.source.commit_id if plan.base == plan.destination.commit_id else None
    return {**_ids(plan), "mergedCommitId": merged}


def _ids(plan: MergePlan) -> dict[str, str]:
    return {
        "sourceCommitId": plan.source.commit_id,
        "destinationCommitId": plan.destination.commit_id,
        "baseCommitId": plan.base,
    }


def _plan_of_specifiers(call: Call, repository: Repository) -> MergePlan:
    source = resolve(repository, call.text("sourceCommitSpecifier"))
    return plan_merge(call, repository, source, resolve(repository, call.text("destinationCommitSpecifier")))


def merge_into(call: Call, repository: Repository, plan: MergePlan, option: str, ref: str) -> trees.Commit:
    """Merge and move ``ref`` from the plan's destination to the result; return the commit there.

    Raises:
        ApiError: the merge needs a person, or the ref moved meanwhile.
    """
    commit = make_merge(call, repository, plan, option)
    try:
        change = RefChange(ref, plan.destination.commit_id, commit.commit_id, plan.info(option))
        call.account.move_ref(repository, call.principal, change)
    except RefConflictError as error:
        raise ApiError("ConcurrentReferenceUpdateException", str(error)) from None
    return commit


def make_merge(call: Call, repository: Repository, plan: MergePlan, option: str) -> trees.Commit:
    """Store the commit of a merge and return it; a fast-forward makes none.

    Raises:
        ApiError: ManualMergeRequiredException.
    """
    if option == FAST_FORWARD:
        if plan.base != plan.destination.commit_id:
            raise ApiError("ManualMergeRequiredException", "The branches have diverged: no fast-forward is possible")
        return plan.source
    tree, conflicts = _merged_tree(repository, plan)
    if conflicts or not plan.base:
        names = ", ".join(trees.decode(path) for path in conflicts) or "no common ancestor"
        raise ApiError("ManualMergeRequiredException", f"The merge needs a person: {names}")
    parents = [plan.destination.commit_id, *([plan.source.commit_id] if option == THREE_WAY else [])]
    author = author_of(call, (call.optional("authorName"), call.optional("email")))
    message = call.optional("commitMessage") or f"Merge {plan.source.commit_id} into {plan.destination.commit_id}"
    data = trees.format_commit(tree, parents, author, int(time.time()), message)
    return trees.parse_commit(repository.git.write("commit", data), data)


def _merged_tree(repository: Repository, plan: MergePlan) -> tuple[str, Sequence[bytes]]:
    def merge_files(base: trees.Entry, ours: trees.Entry, theirs: trees.Entry) -> trees.Entry | None:
        return _merge_files(repository, plan, base, ours, theirs)

    base_tree = resolve(repository, plan.base).tree if plan.base else None
    merge = TreeMerge(repository.git.objects, repository.git.write, merge_files)
    tree = merge.merge(base_tree, plan.destination.tree, plan.source.tree)
    return tree, merge.conflicts


def _merge_files(
    repository: Repository, plan: MergePlan, base: trees.Entry, ours: trees.Entry, theirs: trees.Entry
) -> trees.Entry | None:
    """Merge one file that both sides changed: "ours" is the destination."""
    picked = {"ACCEPT_SOURCE": theirs, "ACCEPT_DESTINATION": ours}.get(plan.strategy)
    if plan.detail_level == "FILE_LEVEL" or ours.mode != theirs.mode:
        return picked
    contents = [repository.git.objects.typed(each.object_id, "blob") for each in (ours, base, theirs)]
    if any(content is None or b"\0" in content for content in contents):
        return picked
    flag = {"ACCEPT_SOURCE": ["--theirs"], "ACCEPT_DESTINATION": ["--ours"]}.get(plan.strategy, [])
    merged = _merge_texts([content or b"" for content in contents], flag)
    return None if merged is None else trees.Entry(ours.mode, repository.git.write("blob", merged))


def _merge_texts(contents: Sequence[bytes], flags: Sequence[str]) -> bytes | None:
    """Merge ours, base and theirs by lines with ``git merge-file``; None when they conflict."""
    with tempfile.TemporaryDirectory() as folder:
        names = ["ours", "base", "theirs"]
        for name, content in zip(names, contents, strict=True):
            Path(folder, name).write_bytes(content)
        command = ["git", "merge-file", "--stdout", "--quiet", *flags, *names]
        done = subprocess.run(command, cwd=folder, env=git_environment(), capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
