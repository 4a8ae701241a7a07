"""Where reports go: standard output and files, each in its format."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushwarden.errors import PushwardenError, UsageError
from pushwarden.report import FORMATS, Report, format_for_path, write

STDOUT: Final = "-"
DEFAULT_WIDTH: Final = 100


class OutputError(PushwardenError):
    """A report could not be written, because the disk is full for example."""


@dataclass(frozen=True, slots=True)
class Output:
    """One report to write."""

    target: str
    """A file, or ``-`` for standard output."""
    format: str


def plan_outputs(formats: Sequence[str], files: Sequence[str], default: str | None) -> tuple[Output, ...]:
    """Decide which format goes where.

    The first ``--format`` belongs to the first ``-o`` and so on. An ``-o`` without one takes the format of its
    extension; a ``--format`` left over is printed. Without any ``-o`` the report is printed.

    Raises:
        UsageError: two formats would be printed, or an extension says no format.
    """
    for each in formats:
        if each not in FORMATS:
            raise UsageError(f"there is no report format {each!r}; use one of {', '.join(FORMATS)}")
    outputs = [Output(file, format_) for file, format_ in zip(files, formats, strict=False)]
    outputs += [Output(file, _format_of(file, default)) for file in files[len(formats) :]]
    spare = formats[len(files) :]
    if len(spare) > 1:
        raise UsageError("only one format can be printed; give an -o FILE for each of the others")
    outputs += [Output(STDOUT, each) for each in spare]
    return tuple(outputs) or (Output(STDOUT, default or "text"),)


def check_folders(outputs: Sequence[Output]) -> None:
    """Look before the scan, which may take long, whether each report has a folder to go to.

    Raises:
        UsageError: a name is empty, is a folder, or stands in a folder that is not there.
    """
    for output in outputs:
        target = Path(output.target)
        if not output.target or target.is_dir():
            raise UsageError(f"-o {output.target!r} names no file; give the name of a file to write")
        if not target.parent.is_dir():
            raise UsageError(
                f"cannot write {target}: there is no folder {target.parent}; make it, or give another -o FILE"
            )


def _format_of(file: str, default: str | None) -> str:
    """Return the format of an ``-o`` that has no ``--format``: the extension's, else the configuration's.

    Raises:
        UsageError: neither says one.
    """
    format_ = (default or "text") if file == STDOUT else format_for_path(file) or default
    if format_ is None:
        raise UsageError(f"the name {file} says no format; add --format ({', '.join(FORMATS)})")
    return format_


def write_outputs(
    report: Report, outputs: Sequence[Output], *, show_secrets: bool, color: str, elapsed_s: float
) -> None:
    """Write every report; files are replaced whole or not at all.

    Raises:
        OutputError: a file cannot be written.
        BrokenPipeError: the reader of standard output is gone.
    """
    for output in outputs:
        if output.target == STDOUT:
            width = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
            stream = sys.stdout.buffer
            colored = wants_color(color, is_terminal=stream.isatty())
            try:
                write(
                    report,
                    output.format,
                    stream,
                    show_secrets=show_secrets,
                    color=colored,
                    width=width,
                    elapsed_s=elapsed_s,
                )
                stream.flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                raise OutputError(
                    f"cannot write to standard output ({error.strerror}); the report is cut off"
                ) from error
        else:
            _write_file(report, output, show_secrets=show_secrets)


def _write_file(report: Report, output: Output, *, show_secrets: bool) -> None:
    """Write beside the target and rename, so that a full disk leaves the old report as it was."""
    target = Path(output.target)
    if target.exists() and not target.is_file():  # /dev/stderr, a named pipe
        _write_to(target, report, output, show_secrets=show_secrets)
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _write_to(partial, report, output, show_secrets=show_secrets)
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {target} ({error.strerror}); no report was written there") from error
    finally:
        partial.unlink(missing_ok=True)


def _write_to(path: Path, report: Report, output: Output, *, show_secrets: bool) -> None:
    try:
        with path.open("wb") as stream:
            write(report, output.format, stream, show_secrets=show_secrets)
    except OSError as error:
        raise OutputError(
            f"cannot write {output.target} ({error.strerror}); make room or give another -o FILE"
        ) from error


def wants_color(choice: str, *, is_terminal: bool) -> bool:
    """Decide about colour: ``--color`` over NO_COLOR over FORCE_COLOR over the terminal (https://no-color.org/)."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal and os.environ.get("TERM") != "dumb"
