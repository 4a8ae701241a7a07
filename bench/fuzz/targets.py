"""What is fuzzed: each target takes any bytes, and raises nothing.

``tests/hostile/test_fuzz.py`` feeds them from hypothesis and from the corpus; ``bench/fuzz/run.py`` from atheris, guided by
coverage (https://github.com/google/atheris).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bench.fuzz import content_targets as files
from bench.fuzz import git_targets as git
from bench.fuzz import report_targets as told
from bench.fuzz import text_targets as texts

TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    each.__name__: each
    for each in (
        told.events, told.events_made, git.wire, git.wire_made, git.packs, git.packs_made, git.local_packs, git.deltas,
        git.git_objects, files.content, files.content_made, files.archives, files.hiding, texts.rules, texts.rules_made,
        texts.gitleaks_made, texts.patterns, texts.suppressions, texts.suppressions_made, told.reports, told.reports_made, told.mails,
    )
}  # fmt: skip
