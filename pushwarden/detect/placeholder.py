"""Values that stand where a secret belongs and are none: templates, fillers, words of advice."""

from __future__ import annotations

import operator
import re
from typing import Final

_SHORT: Final = 200
"""A longer secret (a key block) may hold any word or run by chance; only templates count there."""
_RUN: Final = re.compile(rb"([xX*.\-_#?])\1{5}|([A-Za-z0-9+/=])\2{7}")
_TEMPLATE: Final = re.compile(
    rb"""
      \$\{[^}]*\} | \{\{.*?\}\} | \#\{[^}]*\} | \$\([^)]*\) | <%.*?%>
    | \A \$ [A-Za-z_]\w* \Z
    | \A < [^<>]* > \Z
    | \A \{ [A-Za-z_][\w.\-]* \} \Z
    | \A \[ [A-Za-z_][\w .\-]* \] \Z
    | \A % [A-Za-z_]\w* % \Z | \A %\(\w+\)s \Z | \A %[sdvq] \Z
    | \A @ [A-Za-z_]\w* @ \Z
    | \A __ [A-Za-z]\w* __ \Z
    | (?:\.{3}|\xe2\x80\xa6) (?:\[\w+\])? \Z | \.\.\[\w+\] \Z | \[(?:\.{3}|\xe2\x80\xa6)\]
    | \A [A-Z]{2,} (?:_[A-Z]{2,})+ \Z  # the name of a variable
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD: Final = re.compile(
    rb"""
      example | placeholder | redacted | change[-_ ]?(?:me|this|it) | replace[-_ ]?(?:me|this|with)
    | your[-_ ]?(?:own|api|app|access|auth|aws|client|key|secret|token|pass|password|id|account|private)
    | (?:my|the)[-_ ](?:api|access|secret|token|password|key) | insert[-_ ]?(?:your|here|key|token)
    | bcdefghijklmnopqrstuvwxy  # a whole alphabet is nobody's key
    | \Aabc(?:d(?:e(?:fg?)?)?)?\Z | dummy | foobar | to[-_]?be[-_](?:set|filled|replaced) | \A(?:none|null|nil|undefined|true|false|todo|tbd|n/?a)\Z
    """,
    re.VERBOSE,
)
_RISING: Final = 9
_MIN_DISTINCT: Final = 3
_MIN_JUDGED: Final = 8


def is_placeholder(secret: bytes) -> bool:
    """Tell whether ``secret`` is a template, a filler or a word that tells the reader to put the secret there."""
    if len(secret) >= _SHORT:
        return False
    return bool(
        secret.count(secret[:1]) == len(secret) > 1
        # Every template has something in it that is neither letter nor digit.
        or (not secret.isalnum() and _TEMPLATE.search(secret))
        or _WORD.search(secret.lower())
        or _RUN.search(secret)
        or _few(secret)
    )


def _few(secret: bytes) -> bool:
    """``00000000`` or ``ababababab``: hardly any different bytes."""
    return len(secret) >= _MIN_JUDGED and len(set(secret)) < _MIN_DISTINCT


def counts(secret: bytes) -> bool:
    """Tell whether ``secret`` was made by counting, or by writing one block twice.

    A long run of neighbours, up or down, counts: ``123456789``; 9 goes on to 0. So does one among the letters alone, or the
    digits alone: ``1a2B3c4D5e6F7g8H9i``; and many short runs: ``abc123def456abc789``.
    """
    if not _RISING <= len(secret) < _SHORT:
        return False
    return _runs(secret) or _runs_apart(secret) or _repeats(secret) or _mostly_runs(secret)


def is_masked(data: bytes, start: int, end: int) -> bool:
    """Tell whether somebody cut a value off or blotted it out: an ellipsis ends it, ``######`` or one letter is most of it."""
    value = data[start:end]
    if value.endswith(_ELLIPSES) or data.startswith((*_ELLIPSES, *_CUT_OUT), end):
        return True
    if value.endswith(b"..") and data.startswith(b"[", end):
        return True
    if len(value) < _RISING:
        return False
    return _BLOT.search(value) is not None or any(2 * value.count(byte) > len(value) for byte in set(value) - _ZERO)


def _runs(secret: bytes) -> bool:
    here, ahead, size = secret[:-1], int.from_bytes(secret[1:]), len(secret) - 1
    # A byte is zero where the next one is the neighbour.
    up = (int.from_bytes(here.translate(_UP)) ^ ahead).to_bytes(size)
    return _STEPS in up or _STEPS in (int.from_bytes(here.translate(_DOWN)) ^ ahead).to_bytes(size)


def _runs_apart(secret: bytes) -> bool:
    """``abc123def456ghi``, ``aA1bB2cC3``: letters of any case, one of each double; or digits."""
    digits, size = secret.translate(None, _NO_DIGITS), len(secret)
    if _RISING <= len(digits) < size and _runs(digits):
        return True
    letters = secret.lower().translate(None, _NO_LETTERS)
    if len(letters) < _RISING:
        return False
    letters = _DOUBLE.sub(_ONE, letters)
    return _RISING <= len(letters) < size and _runs(letters)


def _mostly_runs(secret: bytes) -> bool:
    """``abc123def456abc789``: of the letters alone and the digits alone most are followed by the next one.

    Of random hex digits one in eight is, so of sixteen pairs ten in less than one of 100,000 values.
    """
    if len(secret) < _PAIRS:
        return False
    pairs = steps = 0
    for kind in (secret.lower().translate(None, _NO_LETTERS), secret.translate(None, _NO_DIGITS)):
        pairs += max(0, len(kind) - 1)
        steps += sum(map(operator.eq, kind[:-1].translate(_UP), kind[1:]))
    return pairs >= _PAIRS and steps > _MOSTLY * pairs


def _repeats(secret: bytes) -> bool:
    """A block of a quarter of the secret, and of ten characters at least, stands in it twice: nothing random does so."""
    size = max(_BLOCK, len(secret) // 4)
    half = size // 2
    for at in range(0, len(secret) - size - half + 1, half):
        # Whatever block it is, it holds one of these halves.
        if secret.find(secret[at : at + half], at + size) >= 0:
            break
    else:
        return False
    return any(secret.find(secret[at : at + size], at + size) >= 0 for at in range(len(secret) - 2 * size + 1))


_ELLIPSES: Final = (b"...", b"\xe2\x80\xa6")
_CUT_OUT: Final = (b"..[", b"[...", b"[\xe2\x80\xa6")
_BLOT: Final = re.compile(rb"([xX*.\-_#?])\1{5}")
_ZERO: Final = frozenset(b"A")
"""Zero bytes in base64 are no filler."""
_BLOCK: Final = 10
_PAIRS: Final = 16
_MOSTLY: Final = 0.6
_DOUBLE: Final = re.compile(rb"(.)\1+", re.DOTALL)
_ONE: Final = rb"\1"
_NO_LETTERS: Final = bytes(byte for byte in range(256) if not chr(byte).isalpha() or byte > 127)  # noqa: PLR2004 - ASCII
_NO_DIGITS: Final = bytes(byte for byte in range(256) if not 0x30 <= byte <= 0x39)  # noqa: PLR2004 - 0 to 9
_STEPS: Final = bytes(_RISING - 1)
_UP: Final = bytes((byte + 1) % 256 for byte in range(256)).replace(b":", b"0", 1)
_DOWN: Final = bytes((byte - 1) % 256 for byte in range(256))
