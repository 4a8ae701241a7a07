"""Where a candidate may stand: expressions for the engine's database, wider than :mod:`.candidates`, cheap to run.

They hold no look-around. Repeats of a class have no upper bound where nothing is counted: hyperscan spends one state on
them. Each ends at the first byte that makes a value worth a look, so that a value gives one place or two.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = (
    rb"(?:pass|pwd|pswd|psw|secret|token|cred|identified by|securestring|bearer|key|auth|api|seed|otp|signature|verifier|cookie|session|"
    rb"license|webhook|dsn)"
)
_SHORT_WORDS: Final = rb"(?:pw|pin|sid)"
"""Words that count only where they stand alone: "typing" and "inside" would start the search on every other line."""
_NAMES: Final = (_WORDS + rb"[\w\-.$]*", rb"(?:^|[^a-z])" + _SHORT_WORDS + rb"(?:[\d_\-.$][\w\-.$]*)?")
_CLOSE: Final = rb"(?:[\"'`\])}\\]*|\*\*|%5D|\[\d*\])"
_RARE: Final = (
    rb"a[hjoqz]|b[fghkmnpqtvwxz]|c[bgjnqvwxz]|d[hjkqvwxz]|e[jkz]|f[bghjkmnpqvwxyz]|"
    rb"g[bdfjkpqtvwxyz]|h[bcdfghjklnpqvwxz]|i[hijkquwy]|j[abcdfghijklmnpqrtuvwxyz]|"
    rb"k[bcdfghjkmnopqrtuvwxyz]|l[hjkmnqwxz]|m[cdfghjknqrtvwxyz]|n[jqwxz]|o[hjqyz]|"
    rb"p[bfgjkmnqvwxz]|q[abcdefghijklmnopqrstvwxyz]|r[hjqwxz]|s[bgjvxz]|t[jkqxz]|u[hjkquvwxyz]|"
    rb"v[bcdfghjklmnqrstuvwxyz]|w[bcdfgjklmpqtuvwxyz]|x[abdfghjklmnoqrsuvwxyz]|y[bfghjkoquvwxyz]|"
    rb"z[bcdfghijklmnopqrstuvwxyz]"
)
"""Pairs of letters that are rare in words and names; nearly every random string of six letters has one."""
_ODD: Final = rb"(?:[0-9]|" + _RARE + rb")"
_BARE: Final = rb"[^\s\"'`,;<>(){}\[\]|&\\0-9]*"
_INSIDE: Final = rb"[^\r\n\"'`0-9]*(?:\\[\"'][^\r\n\"'`0-9]*)*"
_CALL: Final = rb"(?:[\w.$:&*!@\[\]]*[({\[<] ?(?:value: )?|[@$&*!]|%[qQ]?[({\[|!]|[bBrRuUfFL]{1,2}|<\w*>)?"
_ANNOTATION: Final = rb"(?:[ \t:?!]+(?:as )?[\w\[\]<>.|*?&]+ ?)?"
_OPERATOR: Final = rb"[ \t]*(?:[=:]|[!?|+~.-][=>~]|[?!]:|<-|<<)[=>:]*[ \t]*"

_QUOTE: Final = rb"[\"'`\\]+"
_NAMED: Final = (
    _CLOSE + _OPERATOR + _CALL + _BARE,
    _CLOSE + _ANNOTATION + _OPERATOR + _CALL + _QUOTE + _INSIDE,
    _CLOSE + rb" ?(?:,|\(|\)\.\w*\(|\) \{)[ \t]*(?:\w*(?:=|: ))?(?:[a-zA-Z_][\w.]*\()?[buBU@$]?" + _QUOTE + _INSIDE,
    rb"(?:[\"'`]?[\])]+ *or| *(?:\|\||\?\?|\?:)|[\"'`]?[\])]+ *(?:\|\||\?\?|\?:)) +[\"'`]" + _INSIDE,
    rb"[\"'][ \t]+(?:\w+=[\"'][^\"'\r\n]*[\"'] )?(?:value|default|content|string)[ \t]*=[ \t]*[\"']" + _INSIDE,
    rb"[\"']?(?: [^<>\r\n]*)?>[ \t]*(?:</?\w+>[ \t]*)*[^<>\r\n0-9]*",
    rb"[ \t]+(?:(?:is|by|with|to|of|from)[ \t]|[=:]|(?:-|\xe2\x80[\x93\x94])[ \t])?[ \t]*@?[\"'`\\]*" + _BARE,
)

TRIGGERS: Final[tuple[bytes, ...]] = (
    rb"(?i)(?:" + rb"|".join(_NAMES) + rb")(?:" + rb"|".join(_NAMED) + rb")" + _ODD,
    rb"(?i)(?:pass|pwd|pswd|psw|pw|secret)[\w\-.$]*" + _CLOSE + _ANNOTATION + _OPERATOR + _CALL + rb"[\"'`\\]*[a-z]{3}",
    rb"(?i)(?:pass|pwd|pswd|psw|pw|secret)[\w\-.$]*" + _CLOSE + rb" ?[,(][ \t]*[buBU@$]?" + _QUOTE + rb"[a-z]{3}",
    rb"://[^\s:/@\"'<>]*:[^\s/@\"'<>]+@",
    rb"(?i)(?:basic|bearer|token|oauth|digest|negotiate|ntlm|apikey) {1,3}[A-Za-z+/=._~-]*" + _ODD,
    rb"eyJ[A-Za-z0-9_-]{8}",
    rb"(?i)(?:encode|basic_?auth|curl|\s-u|\s--user)[ (\[\w-]*[\"']?[\w.@+-]+:" + _BARE + _ODD,
)
"""Expressions over bytes for the engine; the places where they end go to the judge."""
