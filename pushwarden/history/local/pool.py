"""Worker processes: one task at a time each, handed out as they come free.

A worker that dies (killed for its memory, crashed in a C library) is replaced, and its task comes back as
:class:`Died`, so that the caller can say what was not scanned. There are no threads, and processes
are forked, so that they share the compiled rules.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, Self, TypeVar, cast, runtime_checkable

if TYPE_CHECKING:  # imported at run time where the first worker starts: a hook needs none
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

Task = TypeVar("Task")
Result = TypeVar("Result")

EXIT_GRACE_S: Final = 2.0


@runtime_checkable
class Closing(Protocol):
    """Work that holds something open, such as a process, until it is closed."""

    def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True, slots=True)
class Died:
    """A worker ended before it had done its task."""

    exit_code: int | None
    """As :attr:`multiprocessing.Process.exitcode`: negative for a signal."""


class WorkerError(Exception):
    """An error in a worker that could not be handed over; its text is the class of that error."""


@dataclass(frozen=True, slots=True)
class _Raised:
    """What ``work`` raised in a worker, on its way to the caller."""

    error: Exception


def default_jobs() -> int:
    """Return the number of processors this process may use, at least 1."""
    if sys.platform == "linux":
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


class Pool(Generic[Task, Result]):
    """Runs ``work`` on tasks in worker processes; with one job, in this process.

    Use as a context manager: leaving it ends the workers, at once where an exception (Ctrl-C) is the reason.
    """

    def __init__(self, work: Callable[[Task], Result], jobs: int) -> None:
        self._work = work
        self._jobs = jobs
        self._workers: dict[Connection, BaseProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for connection, process in self._workers.items():
            if kind is not None:
                process.terminate()
            connection.close()  # the worker sees the end of its tasks
        for process in self._workers.values():
            process.join(EXIT_GRACE_S)
            if process.is_alive():
                process.kill()
                process.join()
        self._workers.clear()

    def map(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | Died]]:
        """Yield each task with its result, in the order in which they end; what ``work`` raises is raised here."""
        if self._jobs == 1:
            for task in tasks:
                yield task, self._work(task)
            return
        from multiprocessing.connection import wait  # noqa: PLC0415 - see above

        queue = iter(tasks)
        busy: dict[Connection, Task] = {}
        for connection in [*self._workers]:
            self._hand_out(connection, queue, busy)
        while len(self._workers) < self._jobs and self._hand_out(None, queue, busy):
            pass
        while busy:
            for ready in wait(list(busy)):
                connection = cast("Connection", ready)
                task = busy.pop(connection)
                try:
                    result: Result | Died | _Raised = connection.recv()
                except (EOFError, ConnectionResetError):
                    result = self._bury(connection)
                    self._hand_out(None, queue, busy)
                else:
                    if isinstance(result, _Raised):
                        raise result.error
                    self._hand_out(connection, queue, busy)
                yield task, result

    def _hand_out(self, connection: Connection | None, queue: Iterator[Task], busy: dict[Connection, Task]) -> bool:
        """Give the next task to a worker (a new one for None); False where there is none left."""
        for task in queue:
            target = connection or self._start()
            # The worker is waiting for exactly this, so a large task cannot meet a large result in full pipes.
            with contextlib.suppress(BrokenPipeError):  # it died while idle: reading from it says so
                target.send(task)
            busy[target] = task
            return True
        return False

    def _start(self) -> Connection:
        import multiprocessing  # noqa: PLC0415 - see above

        # Forking costs a millisecond and shares the compiled rules. It is safe because this process has no threads.
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._work, [*self._workers, ours]), daemon=True)
        process.start()
        theirs.close()
        self._workers[ours] = process
        return ours

    def _bury(self, connection: Connection) -> Died:
        process = self._workers.pop(connection)
        connection.close()
        process.join(EXIT_GRACE_S)
        return Died(process.exitcode)


def _serve(tasks: Connection, work: Callable[[Task], Result], inherited: list[Connection]) -> None:
    """Run in a worker: take tasks until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
    for each in inherited:
        each.close()  # a copy held here would keep a sibling from seeing its end
    try:
        while True:
            tasks.send(_done(work, tasks.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # there are no more tasks, or nobody waits for a result
    finally:
        if isinstance(work, Closing):
            work.close()


def _done(work: Callable[[Task], Result], task: Task) -> Result | _Raised:
    try:
        return work(task)
    except Exception as error:  # noqa: BLE001 - it is the caller's: without this, each task would cost a worker its life
        error.__traceback__ = None  # it does not travel, and neither does what its frames hold
        return _Raised(error if _travels(error) else WorkerError(type(error).__qualname__))


def _travels(error: Exception) -> bool:
    """Return whether an error arrives as it was sent: some hold what cannot be pickled, or are made in another way."""
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301 - made in the line itself
    except Exception:  # noqa: BLE001 - pickling runs the error's own code, which may raise anything
        return False
