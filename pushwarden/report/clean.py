"""Make text that a stranger wrote harmless before it is shown.

Paths, commit messages and names can hold anything that git can store: terminal escape sequences, bidirectional controls
(https://trojansource.codes), line breaks, bytes that are no UTF-8. :func:`line` is what every format for people starts
from; each format adds the escaping of its own syntax.
"""

from __future__ import annotations

import re
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_UNDECODABLE: Final = re.compile("[\udc80-\udcff]")
_SURROGATE_OF_BYTE_0: Final = 0xDC00  # PEP 383
_NOT_XML: Final = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Not compiled here: that takes milliseconds, and few reports are XML."""
_LOG_COMMAND: Final = re.compile(r"#(?=#\w*\[)")
_FORMULA: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def line(text: str) -> str:
    r"""Return ``text`` as one line that a terminal shows as it is: everything else becomes a visible escape.

    Controls, format characters (bidirectional overrides, zero-width ones), line separators and lone surrogates turn into
    ``\x1b``, ``\u202e`` and so on; undecodable bytes, which Python keeps as surrogate escapes, into ``\xNN``.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _visible(each) for each in text)


def log_line(text: str) -> str:
    """Return :func:`line` without what build servers take for commands inside a line (``##[...``, ``##vso[...``).

    Links:
        https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
    """
    return _LOG_COMMAND.sub(r"\\x23", line(text))


def unicode(text: str) -> str:
    r"""Return ``text`` with lone surrogates made visible (``\xNN``), so that it can be encoded; all else is kept."""
    return _SURROGATE.sub(lambda found: _visible(found[0]), text)


def xml(text: str) -> str:
    """Return :func:`line` without the characters that XML 1.0 forbids even as references.

    Links:
        https://www.w3.org/TR/xml/#charsets
    """
    return re.sub(_NOT_XML, lambda found: _visible(found[0]), line(text))


def cell(text: str) -> str:
    """Return :func:`line`, with an apostrophe in front where a spreadsheet would take the text for a formula.

    Links:
        https://owasp.org/www-community/attacks/CSV_Injection
    """
    shown = line(text)
    return "'" + shown if text.startswith(_FORMULA) or shown.startswith(_FORMULA) else shown


def _visible(character: str) -> str:
    if _UNDECODABLE.match(character):
        return f"\\x{ord(character) - _SURROGATE_OF_BYTE_0:02x}"
    return character.encode("unicode_escape").decode("ascii")
