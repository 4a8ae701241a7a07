"""Read a rule's pattern into a tree, so that engines can reason about it: how wide a match is, what must stand in it.

The language is that of the :mod:`regex` module over bytes (https://github.com/mrabarnett/mrab-regex), without the parts that only
it has: recursion, fuzzy matching, named lists, Unicode properties, set operations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ALL: Final = (1 << 256) - 1
DEPTH_MAX: Final = 50
"""Groups inside groups; reading them takes a call for each."""
PARTS_MAX: Final = 5_000
"""What a pattern may come to where each repeat is written out: :mod:`regex` does that, and a short pattern can ask for gigabytes."""


def _mask(chars: bytes) -> int:
    return sum(1 << byte for byte in set(chars))


def _span(first: int, last: int) -> int:
    return (1 << (last + 1)) - (1 << first)


DIGITS: Final = _span(0x30, 0x39)
UPPER: Final = _span(0x41, 0x5A)
LOWER: Final = _span(0x61, 0x7A)
WORD: Final = DIGITS | UPPER | LOWER | _mask(b"_")
SPACE: Final = _mask(b" \t\n\r\f\v")
NEWLINE: Final = _mask(b"\n")
_CLASSES: Final = {"d": DIGITS, "w": WORD, "s": SPACE, "D": ALL & ~DIGITS, "W": ALL & ~WORD, "S": ALL & ~SPACE}
_CONTROLS: Final = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11, "a": 7, "e": 27, "0": 0}
_MARKS: Final = {"b": "word", "B": "not-word", "A": "start", "Z": "end", "z": "end"}
_POSIX: Final = {
    "alnum": WORD & ~_mask(b"_"), "alpha": UPPER | LOWER, "digit": DIGITS, "lower": LOWER, "upper": UPPER,
    "space": SPACE, "word": WORD, "xdigit": DIGITS | _mask(b"abcdefABCDEF"), "punct": _span(33, 126) & ~(WORD & ~_mask(b"_")),
    "blank": _mask(b" \t"), "cntrl": _span(0, 31) | _mask(b"\x7f"), "graph": _span(33, 126), "print": _span(32, 126),
    "ascii": _span(0, 127),
}  # fmt: skip


class PatternError(ValueError):
    """The pattern uses something that is not part of the language."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One byte out of a set, as a mask of 256 bits."""

    mask: int


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """One of several."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The item at least ``least`` and at most ``most`` times; None is without end."""

    item: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """A condition on what stands before (``behind``) or after."""

    item: Node
    behind: bool
    negative: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A condition on the place: ``start``, ``end``, ``line-start``, ``line-end``, ``word`` or ``not-word``."""

    kind: str


@dataclass(frozen=True, slots=True)
class Back:
    """The text of an earlier group once more."""


Node = Chars | Seq | Alt | Repeat | Look | Mark | Back


@dataclass(frozen=True, slots=True)
class Endless:
    """A quantifier without an upper bound, and where it stands in the pattern's text."""

    start: int
    end: int
    least: int
    item: Node


@dataclass(frozen=True, slots=True)
class Parsed:
    """A pattern's tree and its endless quantifiers."""

    tree: Node
    endless: tuple[Endless, ...]


def parse(pattern: str) -> Parsed:
    """Return the tree of ``pattern``.

    Raises:
        PatternError: it uses something that is not part of the language.
    """
    reader = _Reader(pattern)
    tree = reader.alternatives(frozenset())
    if reader.at < len(pattern):
        raise PatternError(f"unbalanced parenthesis at position {reader.at}")
    if _parts(tree) > PARTS_MAX:
        raise PatternError(f"repeats too much: written out, it has more than {PARTS_MAX:,} parts")
    return Parsed(tree, tuple(reader.endless))


_QUANTIFIER: Final = re.compile(r"[*+?]|\{(?P<least>\d*)(?P<comma>,)?(?P<most>\d*)\}")
_SWITCH: Final = re.compile(r"\(\?([aimsx]+)\)")
_NAMED: Final = re.compile(r"\[:(\^?)(\w+):\]")
_GROUP: Final = re.compile(
    r"\(\?(?:(?P<look><?[=!])|(?P<comment>\#)|(?P<atomic>>)|P?<(?P<name>[A-Za-z_]\w*)>"
    r"|P=(?P<back>\w+)\)|(?P<on>[aimsx]*)(?:-(?P<off>[imsx]+))?(?P<colon>[:)]))"
)


class _Reader:
    """A recursive descent over the pattern's text."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.endless: list[Endless] = []

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def alternatives(self, flags: frozenset[str]) -> Node:
        branches = []
        while True:
            node, flags = self.sequence(flags)
            branches.append(node)
            if self.peek() != "|":
                return branches[0] if len(branches) == 1 else Alt(tuple(branches))
            self.at += 1

    def sequence(self, flags: frozenset[str]) -> tuple[Node, frozenset[str]]:
        items: list[Node] = []
        while self.at < len(self.text) and self.peek() not in "|)":
            if "x" in flags and self.skip_blank():
                continue
            if (switch := self.global_flags(items)) is not None:
                flags |= switch
                continue
            item = self.atom(flags)
            if item is not None:
                items.append(self.quantified(item, flags))
        return (items[0] if len(items) == 1 else Seq(tuple(items))), flags

    def skip_blank(self) -> bool:
        if self.peek().isspace():
            self.at += 1
        elif self.peek() == "#":
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end + 1
        else:
            return False
        return True

    def global_flags(self, items: list[Node]) -> frozenset[str] | None:
        found = _SWITCH.match(self.text, self.at)
        if not found:
            return None
        if items or self.text[: self.at].strip("()?aimsx \n"):
            raise PatternError(f"flags {found[0]} must stand at the start; write (?i:...) for a part")
        self.at = found.end()
        return frozenset(found[1])

    def atom(self, flags: frozenset[str]) -> Node | None:  # noqa: PLR0911 - one for each kind of atom
        char = self.peek()
        if char == "(":
            return self.group(flags)
        if char == "[":
            return Chars(self.char_class(flags))
        if char == "\\":
            return self.escape(flags)
        if char in "*+?":
            raise PatternError(f"nothing to repeat at position {self.at}")
        self.at += 1
        if char == ".":
            return Chars(ALL if "s" in flags else ALL & ~NEWLINE)
        if char == "^":
            return Mark("line-start" if "m" in flags else "start")
        if char == "$":
            # Without (?m) too: it then also stands before a last line break, which "end" does not.
            return Mark("line-end")
        return Chars(_fold(_mask(char.encode()), flags))

    def group(self, flags: frozenset[str]) -> Node | None:
        if not self.text.startswith("(?", self.at):
            self.at += 1
            return self.inside(flags)
        found = _GROUP.match(self.text, self.at)
        if not found:
            raise PatternError(f"unknown kind of group at position {self.at}: {self.text[self.at : self.at + 4]}")
        self.at = found.end()
        if found["comment"]:
            end = self.text.find(")", self.at)
            if end < 0:
                raise PatternError("missing closing parenthesis of a comment")
            self.at = end + 1
            return None
        if found["back"]:
            return Back()
        if found["colon"] == ")":
            raise PatternError(f"flags {found[0]} must stand at the start; write (?i:...) for a part")
        node = self.inside((flags | set(found["on"] or "")) - set(found["off"] or ""))
        if look := found["look"]:
            return Look(node, behind=look.startswith("<"), negative=look.endswith("!"))
        return node

    def inside(self, flags: frozenset[str]) -> Node:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise PatternError(f"has more than {DEPTH_MAX} groups inside each other")
        node = self.alternatives(flags)
        if self.peek() != ")":
            raise PatternError("missing closing parenthesis")
        self.at += 1
        self.depth -= 1
        return node

    def quantified(self, item: Node, flags: frozenset[str]) -> Node:
        repeated = False
        while True:
            while "x" in flags and self.skip_blank():
                pass
            found = _QUANTIFIER.match(self.text, self.at)
            if not found or not _is_quantifier(found):
                return item
            if repeated:
                raise PatternError(f"repeats a repeat at position {self.at}")
            repeated = True
            least, most = _bounds(found)
            if most is None:
                self.endless.append(Endless(found.start(), found.end(), least, item))
            self.at = found.end()
            if self.peek() and self.peek() in "?+":
                self.at += 1
            item = Repeat(item, least, most)

    def escape(self, flags: frozenset[str]) -> Node:
        char = self.text[self.at + 1 : self.at + 2]
        if char in _MARKS:
            self.at += 2
            return Mark(_MARKS[char])
        if char.isdigit() and char != "0":
            self.at += 2
            return Back()
        return Chars(_fold(self.escaped_set(), flags))

    def escaped_set(self) -> int:
        """Read an escape that stands for bytes, in or out of brackets."""
        char = self.text[self.at + 1 : self.at + 2]
        if not char:
            raise PatternError("a backslash at the end escapes nothing")
        self.at += 2
        if char in _CLASSES:
            return _CLASSES[char]
        if char == "x":
            digits = self.text[self.at : self.at + 2]
            if not re.fullmatch(r"[0-9A-Fa-f]{2}", digits):
                raise PatternError(f"\\x needs two hex digits at position {self.at}")
            self.at += 2
            return 1 << int(digits, 16)
        if char in _CONTROLS:
            return 1 << _CONTROLS[char]
        if char.isalpha():
            raise PatternError(f"unknown escape \\{char} at position {self.at - 2}")
        return _mask(char.encode())

    def char_class(self, flags: frozenset[str]) -> int:
        self.at += 1
        negative = self.peek() == "^"
        self.at += negative
        mask, first = 0, True
        while first or self.peek() != "]":
            if not self.peek():
                raise PatternError("missing closing bracket")
            mask |= self.class_item()
            first = False
        self.at += 1
        mask = _fold(mask, flags)
        return ALL & ~mask if negative else mask

    def class_item(self) -> int:
        if posix := _NAMED.match(self.text, self.at):
            if posix[2] not in _POSIX:
                raise PatternError(f"unknown class {posix[0]}")
            self.at = posix.end()
            return ALL & ~_POSIX[posix[2]] if posix[1] else _POSIX[posix[2]]
        low = self.class_char()
        if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in {"]", ""} and low.bit_count() == 1:
            self.at += 1
            high = self.class_char()
            if high.bit_count() != 1 or high < low:
                raise PatternError(f"bad range in brackets before position {self.at}")
            return _span(low.bit_length() - 1, high.bit_length() - 1)
        return low

    def class_char(self) -> int:
        if self.peek() == "\\":
            if self.text.startswith("\\b", self.at):
                self.at += 2
                return 1 << 8
            return self.escaped_set()
        self.at += 1
        return _mask(self.text[self.at - 1].encode())


def _parts(node: Node) -> int:
    """Return how many parts a node has where what must be repeated is written out."""
    match node:
        case Seq(items) | Alt(items):
            return sum(map(_parts, items))
        case Repeat(item, least, _):
            return _parts(item) * max(1, least)
        case Look(item):
            return _parts(item)
        case _:
            return 1


def _is_quantifier(found: re.Match[str]) -> bool:
    """``{`` alone, ``{}`` and ``{,}`` are literal text."""
    return found[0] in "*+?" or bool(found["least"] or (found["comma"] and found["most"]))


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    if found[0] in "*+?":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[0]]
    least = int(found["least"] or 0)
    if not found["comma"]:
        return least, least
    return least, int(found["most"]) if found["most"] else None


def _fold(mask: int, flags: frozenset[str]) -> int:
    """Add the other case of each ASCII letter where the flags say that case does not matter."""
    if "i" not in flags:
        return mask
    return mask | ((mask & UPPER) << 32) | ((mask & LOWER) >> 32)
