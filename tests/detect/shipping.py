"""The rules that ship, read once: that takes a second, and several modules want them while tests are collected."""

from __future__ import annotations

import functools

from pushwarden.detect import Scanner, load_scanner


@functools.cache
def plain_scanner() -> Scanner:
    """Return the plain engine with every rule that ships."""
    return load_scanner(engine="plain")
