"""Reads git objects by id through one long-lived ``git cat-file`` (https://git-scm.com/docs/git-cat-file)."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

_ID: Final = re.compile(r"[0-9a-f]{40}")
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class GitObject:
    """One object: ``data`` is None where it is larger than the caller's limit."""

    kind: str
    """``blob``, ``tree``, ``commit`` or ``tag``."""
    size_bytes: int
    data: bytes | None

    def require(self) -> bytes:
        """Return the data.

        Raises:
            ValueError: it was not read because of its size.
        """
        if self.data is None:
            msg = f"the object's {self.size_bytes} bytes were not read"
            raise ValueError(msg)
        return self.data


class ObjectReader:
    """One ``git cat-file --batch`` process, started when it is first needed; calls from several threads queue up.

    Git finds objects that were added after the process started: a miss makes it look at the disk again.
    """

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._path = path
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, object_id: str, *, limit_bytes: int | None = None) -> GitObject | None:
        """Return the object, None when it is not stored (or ``object_id`` is no full id).

        Data beyond ``limit_bytes`` is not kept in memory.
        """
        if not _ID.fullmatch(object_id):
            return None
        with self._lock:
            if not self._path.is_dir():  # deleted meanwhile
                return None
            stdin, stdout = self._pipes()
            stdin.write(object_id.encode("ascii") + b"\n")
            stdin.flush()
            head = stdout.readline().split()
            if len(head) != 3:  # noqa: PLR2004 - "<id> <type> <size>", or "<id> missing"
                return None
            kind, size = head[1].decode("ascii"), int(head[2])
            data = self._take(stdout, size, keep=limit_bytes is None or size <= limit_bytes)
            stdout.read(1)
            return GitObject(kind, size, data)

    def typed(self, object_id: str, kind: str) -> bytes | None:
        """Return the data of the object when it is stored and of that kind."""
        found = self.read(object_id)
        return found.require() if found is not None and found.kind == kind else None

    @property
    def is_running(self) -> bool:
        """Tell whether the process is there."""
        return self._process is not None

    def close(self) -> None:
        """End the process; the next read starts another."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                ["git", "cat-file", "--batch"],
                cwd=self._path,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the server, which ends it in order
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        return stdin, stdout

    @staticmethod
    def _take(stdout: IO[bytes], size: int, *, keep: bool) -> bytes | None:
        if keep:
            return stdout.read(size)
        while size > 0:
            size -= len(stdout.read(min(size, _CHUNK_BYTES)))
        return None
