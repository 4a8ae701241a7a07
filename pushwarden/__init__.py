"""Pushwarden guards AWS CodeCommit: every push is scanned for secrets, and a leak is answered by itself."""

__version__ = "0.1.0"
