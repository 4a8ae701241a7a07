"""The root of every error that Pushwarden raises on purpose.

Each message says what went wrong, where, and what to do next, and never holds a secret. Packages derive their own errors
from :class:`PushwardenError`; only the command line and the handlers turn one into an exit code or a recorded outcome.
"""

from __future__ import annotations


class PushwardenError(Exception):
    """Something that Pushwarden foresaw; the message is fit to show to a person as it is."""


class UsageError(PushwardenError):
    """The caller asked for something that cannot be done as asked: a wrong option, value or file."""
