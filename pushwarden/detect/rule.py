"""A rule and a set of rules: frozen data, compiled by the engines when needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Final

from pushwarden import __version__
from pushwarden.model import Confidence

SECRET_GROUP: Final = "secret"  # noqa: S105 - the name of a group
"""The group of a pattern that holds the secret; without it the whole match is the secret."""


FIRST_GROUP: Final = -1
"""As a group's number: the first group that took part in the match."""


GENERIC: Final = -10
"""The specificity of rules that know no format: any other rule wins over them on the same bytes."""


@dataclass(frozen=True, slots=True)
class Near:
    """Context that must stand close to a hit."""

    pattern: str
    lines: int
    """How many lines before and after the lines of the hit are looked at."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The other half of a credential: a match of ``rule`` close by becomes part of this rule's finding."""

    rule: str
    lines: int
    required: bool = False
    """Without the other half there is no finding."""
    confidence: Confidence | None = None
    """The confidence when both halves stand together; None leaves the rule's own."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text that must give, or must not give, a finding of its rule."""

    text: str
    path: str = ""
    secret: str | None = None
    """What the finding must capture; None accepts any secret."""
    decoded_from: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Allow:
    """A condition under which a hit is dropped (imported configurations know these)."""

    regexes: tuple[str, ...] = ()
    target: str = "secret"
    """What ``regexes`` look at: ``secret``, ``match`` or ``line``."""
    paths: tuple[str, ...] = ()
    """Regular expressions on the path."""
    stopwords: tuple[str, ...] = ()
    """Lower-case words; the secret must not contain one."""
    all_needed: bool = False
    """All the kinds given must hold (``AND``), rather than one of them."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service whose keys have no shape of their own (:mod:`pushwarden.detect.service`)."""

    names: tuple[str, ...]
    """Expressions, case-insensitive, of the service's name."""
    shape: str
    """What a value looks like: ``hex32``, ``alnum{24,40}``, ``uuid``, ..."""
    keys: tuple[str, ...] = ()
    """Words, one of which must stand in the name of the value; empty means the usual ones."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of credential: what it looks like, how sure a hit is, and what to do about it."""

    id: str
    title: str
    pattern: str
    confidence: Confidence
    advice: str
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    entropy: float | None = None
    """Least Shannon entropy of the secret, in bits per byte."""
    checksum: str | None = None
    checksum_fail: Confidence | None = None
    """The confidence of a hit whose checksum is wrong; None drops it."""
    near: tuple[Near, ...] = ()
    pair: Pair | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    """Patterns (``not`` in the file); a secret in which one matches is dropped."""
    cut_off: str | None = None
    """A pattern of values that begin like this credential and are too short for one: no generic rule reports them."""
    allow: tuple[Allow, ...] = ()
    path_pattern: str | None = None
    """A regular expression that the path must match (imported configurations); rules of ours use ``paths``."""
    placeholder_filter: bool = True
    specificity: int = 0
    engine: str = "pattern"
    """``pattern``; ``service`` (see :class:`Service`); or ``judge``: hits come from :mod:`pushwarden.detect.generic`."""
    service: Service | None = None
    secret_group: int | None = None
    """Number of the group that holds the secret, where it has no name (imported configurations); see FIRST_GROUP."""
    keywords: tuple[str, ...] = ()
    """Lower-case words, one of which the content must hold (imported configurations)."""
    examples: tuple[Example, ...] = field(default=(), compare=False)
    counter_examples: tuple[Example, ...] = field(default=(), compare=False)
    source: str = field(default="", compare=False)
    """``file:line`` of the rule."""


_IDENTITY: Final = tuple(each.name for each in fields(Rule) if each.compare)


class RuleSet(Sequence[Rule]):
    """Rules with unique ids, in a fixed order; immutable."""

    def __init__(
        self,
        rules: Sequence[Rule],
        digest: str | None = None,
        notes: Sequence[str] = (),
        ids: Sequence[str] | None = None,
    ) -> None:
        """Make a set.

        Args:
            rules: the rules.
            digest: what :attr:`digest` is to return, where it is known.
            notes: for :attr:`notes`.
            ids: the rules' ids, where they are known: then no rule is looked at.
        """
        self._rules = tuple(rules) if ids is None else rules
        self.ids = tuple(ids if ids is not None else (rule.id for rule in rules))
        """The ids, in the order of the rules."""
        self._numbers = {rule_id: number for number, rule_id in enumerate(self.ids)}
        self._digest = digest
        self.notes = tuple(notes)
        """What of the files could not be honoured; for people."""

    def __getitem__(self, index):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN204 - Sequence's overloads
        return self._rules[index]

    def __len__(self) -> int:
        return len(self._rules)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def get(self, rule_id: str) -> Rule:
        """Return the rule with this id.

        Raises:
            KeyError: there is none.
        """
        return self._rules[self._numbers[rule_id]]

    def has(self, rule_id: str) -> bool:
        """Tell whether there is a rule with this id."""
        return rule_id in self._numbers

    @cached_property
    def digest(self) -> str:
        """A SHA-256 in hex over all that decides what the rules find: it changes when, and only when, that changes."""
        if self._digest is not None:
            return self._digest
        sha = hashlib.sha256(__version__.encode())
        for rule in self._rules:
            sha.update(repr(tuple(getattr(rule, name) for name in _IDENTITY)).encode())
            sha.update(b"\n")
        return sha.hexdigest()
