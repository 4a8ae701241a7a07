"""Apply a repository's suppressions to findings, and say which of them did nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pushwarden.model import Finding
from pushwarden.suppress.config import read_config
from pushwarden.suppress.files import DETECT_SECRETS_NAME, GITLEAKS_NAME, IGNORE_NAME, read_text
from pushwarden.suppress.model import Entry, Kind, Stale, Suppressed

if TYPE_CHECKING:  # imported at run time for a file that is there: most repositories have none
    from pushwarden.suppress.foreign import DetectSecretsEntry, GitleaksEntry
    from pushwarden.suppress.globs import Glob

PUBLIC_KEY: Final = b"pushwarden: no key of its own"
"""Key of the fingerprints where a repository stores none; known to everybody, see ``docs/findings.md``."""

_ORDER: Final = {kind: place for place, kind in enumerate(Kind)}
_SHORT: Final = 12

AnyEntry: TypeAlias = "Entry | GitleaksEntry | DetectSecretsEntry"


@dataclass(frozen=True, slots=True)
class Suppressions:
    """All suppressions of one repository. ``Suppressions()`` has none."""

    keys: tuple[bytes, ...] = ()
    """The repository's fingerprint keys; the first one is used in reports, the others only to recognise entries."""
    entries: tuple[Entry, ...] = ()
    gitleaks: tuple[GitleaksEntry, ...] = ()
    detect_secrets: tuple[DetectSecretsEntry, ...] = ()
    today: date = date.min
    """The day that expiry is judged by."""

    def fingerprint(self, finding: Finding) -> str:
        """Return the fingerprint that reports show: 32 lower-case hex digits."""
        match = finding.match
        return match.secret.fingerprint(self.keys[0] if self.keys else PUBLIC_KEY, match.rule_id)

    def fingerprints(self, finding: Finding) -> frozenset[str]:
        """Return the fingerprints under all keys of the repository, and under the public one."""
        match = finding.match
        return frozenset(match.secret.fingerprint(key, match.rule_id) for key in (*self.keys, PUBLIC_KEY))

    def apply(
        self,
        findings: Iterable[Finding],
        *,
        inline: Callable[[Finding], bool] = lambda _: False,
        whole: bool = True,
        known_rules: Iterable[str] = (),
    ) -> tuple[tuple[Finding, ...], Suppressed]:
        """Return the findings that are left, and the account of the others.

        Args:
            findings: What the scan found.
            inline: Says of a finding that a comment in its content allows it (:mod:`pushwarden.suppress.inline`).
            whole: Whether everything was scanned, at every confidence. Only then is a suppression that met nothing
                reported as unused; those of other scanners never are, as the other scanner may still need them.
            known_rules: Ids of all rules of the scan, to tell gitleaks' rule names from ours.
        """
        index = _Index(self, frozenset(known_rules))
        kept: list[Finding] = []
        by_kind: Counter[Kind] = Counter()
        used: set[int] = set()
        for finding in findings:
            met = list(index.meeting(finding))
            used.update(id(entry) for entry in met)
            kinds = [entry.kind for entry in met] + ([Kind.INLINE] if inline(finding) else [])
            if kinds:
                by_kind[min(kinds, key=_ORDER.__getitem__)] += 1
            else:
                kept.append(finding)
        return tuple(kept), Suppressed(
            total=sum(by_kind.values()),
            by_kind={kind.value: by_kind[kind] for kind in Kind if by_kind[kind]},
            unused=tuple(_stale(each) for each in index.live if id(each) not in used) if whole else (),
            expired=tuple(_stale(each) for each in self.entries if self.is_over(each)),
        )

    def is_over(self, entry: Entry) -> bool:
        """Return whether an entry's last day has passed."""
        return entry.until is not None and entry.until < self.today


class _Index:
    """Finds the entries that meet a finding without trying all of them."""

    def __init__(self, suppressions: Suppressions, known_rules: frozenset[str]) -> None:
        self._suppressions = suppressions
        self._known_rules = known_rules
        self.live = [each for each in suppressions.entries if not suppressions.is_over(each)]
        self._by_value: dict[str, list[Entry]] = {}
        for entry in self.live:
            for fingerprint in entry.fingerprints:
                self._by_value.setdefault(fingerprint, []).append(entry)
        self._of_any_value = [each for each in self.live if not each.fingerprints]
        self._paths = {id(each): _globs(each.paths) for each in self.live if each.paths}
        self._gitleaks: dict[str, list[GitleaksEntry]] = {}
        for line in suppressions.gitleaks:
            self._gitleaks.setdefault(line.path, []).append(line)
        self._detect_secrets: dict[tuple[str, str], DetectSecretsEntry] = {
            (each.path, each.sha1): each for each in suppressions.detect_secrets
        }
        self._detect_secrets_paths = {each.path for each in suppressions.detect_secrets}

    def meeting(self, finding: Finding) -> Iterator[AnyEntry]:
        """Yield every entry that is live and meets the finding."""
        candidates = list(self._of_any_value)
        if self._by_value:
            for fingerprint in self._suppressions.fingerprints(finding):
                candidates += self._by_value.get(fingerprint, ())
        yield from (entry for entry in candidates if self._meets(entry, finding))
        for line in self._gitleaks.get(finding.path, ()):
            if line.matches(finding, self._known_rules):
                yield line
        if finding.path in self._detect_secrets_paths:
            from pushwarden.suppress.foreign import sha1s  # noqa: PLC0415 - see above

            for sha1 in sha1s(finding):
                if entry_ := self._detect_secrets.get((finding.path, sha1)):
                    yield entry_

    def _meets(self, entry: Entry, finding: Finding) -> bool:
        paths = self._paths.get(id(entry))
        if paths is not None and not any(glob.matches(finding.path) for glob in paths):
            return False
        return not entry.rules or any(fnmatchcase(finding.match.rule_id, rule) for rule in entry.rules)


def _globs(paths: Iterable[str]) -> list[Glob]:
    from pushwarden.suppress.globs import Glob  # noqa: PLC0415 - see above

    return [Glob.parse(path) for path in paths]


def _stale(entry: Entry) -> Stale:
    prints = sorted(entry.fingerprints)
    more = f" and {len(prints) - 1} more" if len(prints) > 1 else ""
    parts = [f"{prints[0][:_SHORT]}…{more}" if prints else "", *entry.rules, *entry.paths]
    parts += [entry.seen and f"seen in {entry.seen}", entry.reason and f"({entry.reason})"]
    return Stale(entry.kind, entry.where, " ".join(each for each in parts if each), entry.until)


def load(root: Path, *, config: Path | None = None, today: date | None = None) -> Suppressions:
    """Read ``.pushwarden.toml``, ``.pushwarden-ignore``, ``.gitleaksignore`` and ``.secrets.baseline`` of a folder.

    Args:
        root: Folder of the repository's working tree; a missing file is no suppression.
        config: Read this file in place of ``.pushwarden.toml``; it must exist.
        today: The day that expiry is judged by; default: today, UTC.

    Raises:
        UsageError: A file cannot be read or understood; the message names file and line.
    """
    settings = read_config(root, config)
    keys, entries = _ignored(root)
    return Suppressions(
        keys=tuple(dict.fromkeys((*settings.keys, *keys))),
        entries=settings.entries + entries,
        gitleaks=_gitleaks(root),
        detect_secrets=_detect_secrets(root),
        today=today or datetime.now(UTC).date(),
    )


def _ignored(root: Path) -> tuple[tuple[bytes, ...], tuple[Entry, ...]]:
    """Return keys and entries of the ignore file."""
    if not (text := read_text(root / IGNORE_NAME)):
        return (), ()
    from pushwarden.suppress.ignore_file import parse  # noqa: PLC0415 - see above

    file = parse(text)
    return tuple(file.keys), tuple(file.entries)


def _gitleaks(root: Path) -> tuple[GitleaksEntry, ...]:
    if not (text := read_text(root / GITLEAKS_NAME)):
        return ()
    from pushwarden.suppress.foreign import parse_gitleaks  # noqa: PLC0415 - see above

    return parse_gitleaks(text)


def _detect_secrets(root: Path) -> tuple[DetectSecretsEntry, ...]:
    if (text := read_text(root / DETECT_SECRETS_NAME)) is None:
        return ()
    from pushwarden.suppress.foreign import parse_detect_secrets  # noqa: PLC0415 - see above

    return parse_detect_secrets(text)
