"""Worker processes: each works on one task and holds the next, handed out as they come free.

A worker that dies (killed for its memory, crashed in a C library) is replaced, and its task comes back as
:class:`Died`, so that the caller can say what was not scanned. There are no threads, and processes
are forked, so that they share the compiled rules.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, Self, TypeVar, cast, runtime_checkable

if TYPE_CHECKING:  # imported at run time where the first worker starts: a hook needs none
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

Task = TypeVar("Task")
Result = TypeVar("Result")

EXIT_GRACE_S: Final = 2.0
AHEAD: Final = 2
"""Tasks that a worker holds: the one that it works on, and the next."""
OBJECTS: Final = 50_000
"""New objects after which a worker looks for garbage in them; hardly any of it goes in circles."""


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
        self._end(at_once=kind is not None)

    def map(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | Died]]:
        """Yield each task with its result, in the order in which they end; what ``work`` raises is raised here."""
        if self._jobs == 1:
            for task in tasks:
                yield task, self._work(task)
            return
        known = list(tasks)
        queue = deque(range(len(known)))
        busy: dict[Connection, deque[int]] = {}
        self._end(at_once=False)  # workers of an earlier call were born with other tasks
        for _ in range(min(self._jobs, len(known))):
            self._feed(self._start(known), queue, busy)
        while busy:
            for connection in _ready(busy):
                number, result = self._receive(connection, queue, busy)
                if connection not in self._workers and queue:
                    self._feed(self._start(known), queue, busy)
                if isinstance(result, _Raised):
                    raise result.error
                yield known[number], result

    def _receive(
        self, connection: Connection, queue: deque[int], busy: dict[Connection, deque[int]]
    ) -> tuple[int, Result | Died | _Raised]:
        """Take a worker's result, and give it more to do; of one that died, put back what it had not begun."""
        held = busy.pop(connection)
        number = held.popleft()
        try:
            result: Result | Died | _Raised = connection.recv()
        except (EOFError, ConnectionResetError):
            queue.extendleft(reversed(held))
            return number, self._bury(connection)
        if held:
            busy[connection] = held
        self._feed(connection, queue, busy)
        return number, result

    def _feed(self, connection: Connection, queue: deque[int], busy: dict[Connection, deque[int]]) -> None:
        """Send a worker the numbers of its next tasks: one more than it works on, so that it never waits for us."""
        most = AHEAD if len(queue) > self._jobs else 1  # at the end, whoever is free shall have what is left
        while queue and len(busy.get(connection, ())) < most:
            number = queue.popleft()
            busy.setdefault(connection, deque()).append(number)
            with contextlib.suppress(BrokenPipeError):  # it died while idle: reading from it says so
                connection.send(number)

    def _start(self, known: Sequence[Task]) -> Connection:
        import multiprocessing  # noqa: PLC0415 - see above

        # Forking costs a millisecond and shares rules and tasks. It is safe because this process has no threads.
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        inherited = [*self._workers, ours]
        process = context.Process(target=_serve, args=(theirs, self._work, known, inherited), daemon=True)
        process.start()
        theirs.close()
        self._workers[ours] = process
        return ours

    def _bury(self, connection: Connection) -> Died:
        process = self._workers.pop(connection)
        connection.close()
        process.join(EXIT_GRACE_S)
        return Died(process.exitcode)

    def _end(self, *, at_once: bool) -> None:
        for connection, process in self._workers.items():
            if at_once:
                process.terminate()
            connection.close()  # the worker sees the end of its tasks
        for process in self._workers.values():
            process.join(EXIT_GRACE_S)
            if process.is_alive():
                process.kill()
                process.join()
        self._workers.clear()


def _ready(busy: Iterable[Connection]) -> list[Connection]:
    from multiprocessing.connection import wait  # noqa: PLC0415 - see above

    return cast("list[Connection]", wait(list(busy)))


def _serve(
    numbers: Connection, work: Callable[[Task], Result], known: Sequence[Task], inherited: list[Connection]
) -> None:
    """Run in a worker: do the tasks whose numbers come, until the other end closes."""
    import signal  # noqa: PLC0415 - see above

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
    gc.freeze()  # what the parent made stays: looking for garbage in it would only copy its pages
    gc.set_threshold(OBJECTS)
    for each in inherited:
        each.close()  # a copy held here would keep a sibling from seeing its end
    try:
        while True:
            numbers.send(_done(work, known[numbers.recv()]))
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
    import pickle  # noqa: PLC0415 - see above

    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301 - made in the line itself
    except Exception:  # noqa: BLE001 - pickling runs the error's own code, which may raise anything
        return False
