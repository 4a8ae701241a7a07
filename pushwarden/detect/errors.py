"""What can be wrong with rules, said so that the author of the rule can mend it."""

from __future__ import annotations

from collections.abc import Iterable

from pushwarden.errors import UsageError


class RuleError(UsageError):
    """A rule file cannot be used as it stands; the message names the file, the line and the remedy."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest known word, or all of them when none is close."""
    import difflib  # noqa: PLC0415 - only for errors

    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    return "known are: " + ", ".join(choices)
