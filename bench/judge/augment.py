"""Made-up variants of labelled candidates: what the same line says with a credential, or with a placeholder, in it.

Reviewers' truth hangs on the value: a random literal behind ``password =`` is a credential, ``changeme`` is not. The
variants teach that on many more kinds of lines than the labelled credentials stand on. They only ever train.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator

from pushwarden.detect.generic.candidates import Candidate
from pushwarden.detect.generic.features import View

_STRONG = re.compile(
    rb"(?i)passw|passphrase|pwd|secret|(?<!public)(?<!page)_?token|api_?key|access_?key|private_?key|auth_?key|credential|apikey|jwt|db_?pass"
)
_WEAK = re.compile(
    rb"(?i)(?:id|ids|name|url|uri|path|file|type|hash|algorithm|length|size|expires?\w*|count|index|label|title|field|header|prefix|format|"
    rb"class|param\w*|column|min|max|policy|reset|forgot|confirm\w*|placeholder|hint|message|error|digest|public\w*|encrypted\w*|exists?|manager|"
    rb"provider|service|endpoint|version|ref|env|role|scope|mode|kind|page|next\w*|csrf\w*|arn)$|label|forgot|encrypted|title|public|message|error"
)
HUMAN = 0.5
"""How often a made-up password is one that a person would choose: the reviewed ones were replaced by random letters."""
_PLAIN = re.compile(rb"[\w.@!#$%^&*+/=?~:-]{1,120}\Z")
_NAME = re.compile(rb"[A-Za-z][\w.-]*")
_PLACEHOLDERS = (
    "changeme", "your_password", "your-api-key", "YOUR_API_KEY", "<password>", "password", "secret", "xxxxxxxx", "********", "example",
    "my-secret", "test", "foo", "bar", "dummy", "placeholder", "${PASSWORD}", "{{ password }}", "$SECRET", "%(password)s", "TODO",
    "REPLACE_ME", "string", "token", "user", "admin", "none", "<your token here>", "fake-key", "insert_key_here", "super-secret", "s",
    "the_password", "mypassword", "pass", "secret123", "password123", "your-secret-key", "null", "undefined", "access_token", "api_key",
)  # fmt: skip


_PASSWORD = re.compile(rb"(?i)passw|passphrase|pwd|passwd|(?<![a-z])pw(?![a-z])|[_-]pass(?![a-z])")
_WORDS = [
    "summer", "winter", "spring", "autumn", "monday", "friday", "sunday", "january", "march", "october", "dragon", "tiger",
    "falcon", "eagle", "panther", "monkey", "dolphin", "horse", "purple", "orange", "silver", "golden", "crimson", "yellow",
    "coffee", "pepper", "cookie", "banana", "cherry", "ginger", "honey", "vanilla", "garden", "castle", "bridge", "river",
    "mountain", "forest", "ocean", "island", "thunder", "shadow", "storm", "rocket", "planet", "galaxy", "comet", "maverick",
    "hunter", "ranger", "wizard", "pirate", "knight", "samurai", "london", "berlin", "paris", "tokyo", "sydney", "boston",
    "chicago", "vienna", "hockey", "soccer", "tennis", "football", "guitar", "piano", "violin", "blossom", "sunset", "rainbow",
    "diamond", "crystal", "marble", "copper", "welcome", "hello", "letmein", "secure", "company", "office", "server", "system",
    "network", "princess", "charlie", "michael", "robert",
]  # fmt: skip


def human(chance: random.Random) -> str:
    """Return a made-up password as people choose them: words, and what a policy made them add."""
    one, two = chance.choice(_WORDS), chance.choice(_WORDS)
    number, sign = (
        str(chance.choice((chance.randint(0, 99), chance.randint(100, 9999), chance.randint(1980, 2026)))),
        chance.choice("!@#$%&*?_-."),
    )
    kind = chance.random()
    made = "-".join((one, two, chance.choice(_WORDS))) if kind >= 0.95 else ""
    if kind < 0.3:
        made = one.capitalize() + (sign + number if chance.random() < 0.5 else number + sign)
    elif kind < 0.45:
        made = one.capitalize() + two.capitalize() + number + (sign if chance.random() < 0.5 else "")
    elif kind < 0.6:
        made = one + number + (sign if chance.random() < 0.3 else "")
    elif kind < 0.75:  # leetspeak
        made = one.replace("a", "@").replace("o", "0").replace("e", "3").replace("i", "1").capitalize() + sign + number
    elif kind < 0.85:
        made = one + chance.choice("_-.") + two + number
    elif kind < 0.95:
        made = one[:2].upper() + one[2:] + sign + number + sign
    return made


def _random(chance: random.Random, alphabet: str, low: int, high: int) -> str:
    return "".join(chance.choice(alphabet) for _ in range(chance.randint(low, high)))


def secret(chance: random.Random) -> str:
    """Return a made-up credential of one of the usual shapes."""
    lower, upper, digits = string.ascii_lowercase, string.ascii_uppercase, string.digits
    kind = chance.random()
    if kind < 0.3:  # a human's password: letters, then perhaps a capital, digits, a sign
        word = _random(chance, lower, 4, 11)
        word = word.capitalize() if chance.random() < 0.4 else word
        word += _random(chance, digits, 1, 4) if chance.random() < 0.5 else ""
        return word + chance.choice("!@#$%&*?") if chance.random() < 0.25 else word
    if kind < 0.5:
        return _random(chance, "0123456789abcdef", 1, 1) + "".join(
            chance.choice("0123456789abcdef") for _ in range(chance.choice((15, 19, 23, 31, 31, 31, 39, 39, 63, 63)))
        )
    if kind < 0.8:
        return "".join(
            chance.choice(lower + upper + digits)
            for _ in range(chance.choice((12, 16, 20, 20, 24, 32, 32, 36, 40, 40, 48, 64)))
        )
    if kind < 0.9:
        return "".join(
            chance.choice(lower + upper + digits + "+/") for _ in range(chance.choice((22, 38, 43, 64, 86)))
        ) + chance.choice(("", "=", "=="))
    if kind < 0.95:
        return _random(chance, lower + digits + "-_.", 10, 40)
    return _random(chance, lower + upper + digits + "!@#$%^*_-+", 8, 24)


def repeated(view: View, truth: int, chance: random.Random) -> Iterator[View]:
    """Yield a credential as it looks where it stands twice or more near by.

    The reviewed credentials were replaced by made-up ones one place at a time, so that hardly any occurs twice in its file,
    while other values do. Trusted as it is, that would teach that a password which is repeated is none.
    """
    if truth == 1 and chance.random() < 0.5:
        yield view._replace(repeats=chance.choice((2, 2, 2, 2, 2, 3, 3, 4)))


def variants(
    data: bytes, candidate: Candidate, truth: int, kind: float, chance: random.Random
) -> Iterator[tuple[bytes, Candidate, int]]:
    """Yield (content, candidate, truth) of the variants of a candidate."""
    value = data[candidate.start : candidate.end]
    if truth == 1 and chance.random() < 0.7:
        yield _with(data, candidate, chance.choice(_PLACEHOLDERS).encode(), 0)
    if truth == 1 and _PASSWORD.search(candidate.name[-40:]) and chance.random() < HUMAN:
        yield _with(data, candidate, human(chance).encode(), 1)
    literal = bool(candidate.quote) or (kind != 0.0 and candidate.link in {"op", "tag"} and not candidate.call)
    named = _STRONG.search(candidate.name[-40:]) and not _WEAK.search(candidate.name)
    if truth == 0 and literal and named and _PLAIN.match(value) and chance.random() < 0.6:
        made = human if _PASSWORD.search(candidate.name[-40:]) and chance.random() < HUMAN else secret
        yield _with(data, candidate, made(chance).encode(), 1)


def as_element(data: bytes, candidate: Candidate, chance: random.Random) -> Iterator[bytes]:
    """Yield an assignment as XML writes it: reviewers saw few files of that kind, and mostly those without credentials."""
    value, names = data[candidate.start : candidate.end], _NAME.findall(candidate.name)
    if candidate.link == "op" and names and _PLAIN.match(value) and chance.random() < 0.15:
        before = data[max(0, candidate.start - 5000) : candidate.start].rpartition(b"\n")[0]
        yield before + b"\n    <" + names[-1] + b">" + value + b"</" + names[-1] + b">\n"


def _with(data: bytes, candidate: Candidate, value: bytes, truth: int) -> tuple[bytes, Candidate, int]:
    low, high = max(0, candidate.start - 5000), candidate.end + 5000
    left = data[low : candidate.start]
    new = candidate._replace(start=len(left), end=len(left) + len(value))
    return left + value + data[candidate.end : high], new, truth
