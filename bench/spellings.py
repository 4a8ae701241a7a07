"""How many of the ways in which people write secrets down are read, and how often what is none is reported.

    python bench/spellings.py [--tries 60] [--list]

Fills the texts of spellings.txt with names of the services that rules know and with made-up values: *keys* are random, *passwords*
are random or words with digits and signs, and *none* are placeholders, references and names in the texts of the keys. The same
seed gives the same texts. These texts were looked at while rules were written: what they show is breadth, not accuracy.
"""

from __future__ import annotations

import argparse
import random
import string
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pushwarden.detect import Scanner, load_scanner

TEXTS = Path(__file__).with_name("spellings.txt")
NAMES = ("API_KEY", "TOKEN", "CLIENT_SECRET", "PASSWORD", "AUTH_TOKEN", "SECRET")
WORDS = [
    "summer", "winter", "dragon", "purple", "monkey", "coffee", "falcon", "shadow", "orange", "tiger", "rocket", "silver", "pepper",
    "garden", "castle", "maverick", "thunder", "blossom", "lantern", "meadow", "copper", "harbor", "velvet", "willow", "breeze",
    "marathon", "pickle", "saffron",
]  # fmt: skip
ALNUM = string.ascii_letters + string.digits


def texts() -> dict[str, list[tuple[str, str]]]:
    """Return the parts of spellings.txt: file and text."""
    parts: dict[str, list[tuple[str, str]]] = {}
    for line in TEXTS.read_text(encoding="utf8").splitlines():
        if line.startswith("## "):
            parts[line[3:]] = part = []
        elif line and not line.startswith("# ") and parts:
            path, _, text = line.partition("|") if line[:1] != "|" and "none" not in parts else ("", "", line)
            part.append(
                (path, text.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace("\0", "\\"))
            )
    return parts


def key(chance: random.Random) -> str:
    """Return a random key of one of the usual shapes."""
    alphabet, length = chance.choice((
        ("0123456789abcdef", 32), ("0123456789abcdef", 40), ("0123456789abcdef", 64), (ALNUM, 20), (ALNUM, 24), (ALNUM, 32), (ALNUM, 40),
        (ALNUM, 64), (ALNUM + "-_", 43), (string.ascii_lowercase + string.digits, 32),
    ))  # fmt: skip
    return "".join(chance.choice(alphabet) for _ in range(length))


def chosen(chance: random.Random) -> str:
    """Return a password as people choose them."""
    one, two, number = chance.choice(WORDS), chance.choice(WORDS), chance.randrange(10, 2027)
    return chance.choice((
        f"{one.title()}{number}!", f"{one}{number}", f"{one.title()}@{number}", f"{one.title()}{two.title()}{number}",
        f"{one.replace('a', '@').replace('o', '0').title()}#{number}", f"{one}-{two}-{chance.choice(WORDS)}", f"{one}_{two}{number}",
    ))  # fmt: skip


def drawn(chance: random.Random) -> str:
    """Return a random password."""
    return "".join(chance.choice(ALNUM) for _ in range(14))


def filled(text: str, service: str, what: str, value: str) -> str:
    """Return a text with names and value filled in."""
    words = [*service.split("_"), *what.lower().split("_")]
    tail = what.lower().split("_")
    camel = words[0] + "".join(word.title() for word in words[1:])
    return text.format(
        n="_".join(words).upper(), l="_".join(words), k="-".join(words), c=camel, C=camel[0].upper() + camel[1:], v=value, p=value,
        P=service.title().replace("_", ""), d=service.replace("_", ""), w="_".join(tail), W="".join(word.title() for word in tail),
        s=" ".join(tail), H="X-" + "-".join(word.title() for word in words),
    )  # fmt: skip


def found(scanner: Scanner, text: str, path: str, value: str) -> bool:
    matches = scanner.scan(f"x = 1\n{text}\ny = 2\n".encode(), path=f"src/{path}").matches
    return any(value in (said := each.secret.reveal().decode("utf8", "replace")) or said in value for each in matches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=60, help="how often each text is filled")
    parser.add_argument("--list", action="store_true", help="name the texts in which something is missed or wrong")
    given = parser.parse_args()
    scanner, parts, chance = load_scanner(), texts(), random.Random(11)
    services = sorted({rule.id.rsplit("-", 1)[0].replace("-", "_") for rule in scanner.rules if rule.service})
    values = [value for _, value in parts["none"]]
    makers: tuple[tuple[str, str, Callable[[random.Random], str] | None], ...] = (
        ("keys, random", "keys", key), ("passwords, random", "passwords", drawn), ("passwords, chosen", "passwords", chosen),
        ("no secrets", "keys", None),
    )  # fmt: skip
    for title, part, make in makers:
        wrong: Counter[str] = Counter()
        total = 0
        for path, text in parts[part]:
            for turn in range(given.tries if make else len(values)):
                what = NAMES[turn % len(NAMES)]
                value = (drawn if what == "PASSWORD" and make is key else make)(chance) if make else values[turn]
                total += 1
                hit = found(scanner, filled(text, chance.choice(services), what, value), path, value)
                wrong[text] += hit is (make is None)
        said = "missed" if make else "reported"
        print(f"{title}: {wrong.total()} of {total} {said}, {100 * wrong.total() / total:.1f} %")
        for text, count in wrong.most_common() if given.list else ():
            if count:
                print(f"    {count:4d} {text!r}")


if __name__ == "__main__":
    main()
