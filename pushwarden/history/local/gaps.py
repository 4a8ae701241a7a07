"""What could not be scanned, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushwarden.model import Gap

if TYPE_CHECKING:
    from pushwarden.history.local.model import Limits
    from pushwarden.history.local.pool import Died


def too_large(path: str, size: int | None, limits: Limits) -> Gap:
    """Say that content is over the limit."""
    said = f"{size:,} bytes" if size is not None else "more"
    return Gap(
        "too-large",
        f"{said}, the limit is {limits.content_bytes:,}; raise --max-file-size",
        path=path,
    )


def unreadable(path: str, error: OSError) -> Gap:
    """Say that a file or folder could not be read."""
    return Gap("unreadable", f"cannot be read ({error.strerror}); give yourself the right to read it", path=path)


def crash_gap(path: str | None, died: Died) -> Gap:
    """Say that the scanning process died on some content."""
    code = died.exit_code
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return Gap("crashed", f"the scanning process ended ({how}); scan it alone, and please report it", path=path)
