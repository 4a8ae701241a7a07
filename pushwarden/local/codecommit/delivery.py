"""Delivers events as EventBridge might: on time, late, twice, in another order, or never.

CodeCommit's events are best effort (https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-codecommit.html), and
a service that has only ever seen them once and in order has not been tested.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

from pushwarden.local.codecommit.events import Event

Listener = Callable[[Event], None]
Switch = int | Callable[[Event], bool]
"""How many of the next events, or which."""


class EventSwitches:
    """What happens to events on their way; every attribute may be set while the server runs.

    Events are delivered one after another by a thread of their own. ``sent`` lists every event that CodeCommit meant to
    send, delivered or not; ``failures`` lists what the listener raised.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        self.drop: Switch = 0
        """The next N events, or those for which it is true, are lost."""
        self.duplicate: Switch = 0
        """The next N events, or those for which it is true, are delivered twice, with the same id."""
        self.delay_s: float | Callable[[Event], float] = 0.0
        """Seconds that each event waits before it is delivered."""
        self.reorder: int = 0
        """From 2: that many events are gathered, then delivered last first. :meth:`flush` delivers a rest."""
        self.annotated_tag_event: Literal["commit", "tag"] = "commit"
        """Which id the event of an annotated tag carries; AWS documents neither."""
        self.other_refs: bool = False
        """Whether refs beside branches and tags (notes, ...) send events; AWS documents neither."""
        self.listener = listener
        self._lock = threading.RLock()  # a delivery may end before `submit` returns, in the same thread
        self._idle = threading.Condition(self._lock)
        self._held: list[Event] | None = None
        self._gathered: list[Event] = []
        self._pending = 0
        self._timers: set[threading.Timer] = set()
        self._sent: list[Event] = []
        self._failures: list[BaseException] = []
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="codecommit-events")

    @property
    def sent(self) -> Sequence[Event]:
        """Every event that was sent, also those that were dropped; a copy."""
        with self._lock:
            return copy.deepcopy(self._sent)

    @property
    def failures(self) -> Sequence[BaseException]:
        """What the listener raised."""
        with self._lock:
            return tuple(self._failures)

    def clear(self) -> None:
        """Forget what was sent and what failed."""
        with self._lock:
            self._sent.clear()
            self._failures.clear()

    def send(self, event: Event) -> None:
        """Take an event from CodeCommit and deliver it as the switches say."""
        with self._lock:
            self._sent.append(event)
            dropped, self.drop = _take(self.drop, event)
            if dropped:
                return
            doubled, self.duplicate = _take(self.duplicate, event)
            self._route([event, event] if doubled else [event])

    def hold(self) -> None:
        """Keep events back until :meth:`release`."""
        with self._lock:
            self._held = [] if self._held is None else self._held

    @property
    def held(self) -> Sequence[Event]:
        """The events that are kept back; a copy."""
        with self._lock:
            return copy.deepcopy(self._held or [])

    def release(self, order: Callable[[list[Event]], Iterable[Event]] | None = None) -> None:
        """Deliver what was held, in the order that ``order`` makes of it, and hold no more.

        ``order`` gets a copy of the held events and returns the ones to deliver: it may sort, repeat and leave out.
        """
        with self._lock:
            held, self._held = copy.deepcopy(self._held or []), None
            for event in order(held) if order else held:
                self._schedule(event)

    def flush(self) -> None:
        """Deliver what :attr:`reorder` has gathered so far."""
        with self._lock:
            self._deliver_gathered()

    def wait_idle(self, timeout_s: float = 30.0) -> bool:
        """Wait until everything that was scheduled has been delivered; return whether that happened in time."""
        with self._idle:
            return self._idle.wait_for(lambda: self._pending == 0, timeout_s)

    def close(self) -> None:
        """Stop delivering: events that are still delayed are lost."""
        with self._lock:
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
        self._worker.shutdown(wait=True, cancel_futures=True)

    # All below run with the lock held, but for _delivered and _submit_later.

    def _route(self, events: list[Event]) -> None:
        if self._held is not None:
            self._held.extend(events)
        elif self.reorder > 1:
            self._gathered.extend(events)
            if len(self._gathered) >= self.reorder:
                self._deliver_gathered()
        else:
            for event in events:
                self._schedule(event)

    def _deliver_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        for event in reversed(gathered):
            self._schedule(event)

    def _schedule(self, event: Event) -> None:
        if self.listener is None:
            return
        delay_s = self.delay_s(event) if callable(self.delay_s) else self.delay_s
        self._pending += 1
        if delay_s <= 0:
            self._submit(event)
            return
        timer = threading.Timer(delay_s, self._submit_later, [event])
        timer.daemon = True
        self._timers.add(timer)
        timer.start()

    def _submit(self, event: Event) -> None:
        assert self.listener is not None
        self._worker.submit(self.listener, copy.deepcopy(event)).add_done_callback(self._delivered)

    def _submit_later(self, event: Event) -> None:
        with self._lock:
            self._timers.discard(threading.current_thread())  # a Timer is its own thread
            self._submit(event)

    def _delivered(self, future: Future[None]) -> None:
        error = None if future.cancelled() else future.exception()
        with self._idle:
            self._pending -= 1
            if error is not None:
                self._failures.append(error)
            self._idle.notify_all()


def _take(switch: Switch, event: Event) -> tuple[bool, Switch]:
    """Tell whether the switch is on for ``event``, and what it is afterwards."""
    if callable(switch):
        return switch(event), switch
    return switch > 0, max(0, switch - 1)
