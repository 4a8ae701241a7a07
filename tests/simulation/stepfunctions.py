"""Step Functions on the simulation's clock: runs the backfill's definition, as it is deployed, one task after the other.

moto runs state machines in threads and in real time, so nothing could be killed at a chosen call there. Only what the
definition uses is here: https://states-language.net/spec.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class TaskFailedError(Exception):
    """A function did not come to its end."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What the states need from the world."""

    invoke: Callable[[str, Any], Any]
    """Calls a function by name; raises :class:`TaskFailedError`."""
    read: Callable[[str], bytes]
    """Reads an object of the bucket."""
    sleep: Callable[[float], None]

    def run(self, machine: Mapping[str, Any], data: Any) -> Any:
        """Run a state machine to its end and return its output.

        Raises:
            TaskFailedError: a task failed as often as it may.
        """
        name = machine["StartAt"]
        while True:
            state = machine["States"][name]
            data, then = self._take(state, data)
            if then is None:
                return data
            name = then

    def _take(self, state: Mapping[str, Any], data: Any) -> tuple[Any, str | None]:
        then = None if state.get("End") else state.get("Next")
        match state["Type"]:
            case "Pass":
                return state["Result"], then
            case "Choice":
                taken = [each for each in state["Choices"] if _at(each["Variable"], data) is each["BooleanEquals"]]
                return data, taken[0]["Next"] if taken else state["Default"]
            case "Map":
                key = _at(state["ItemReader"]["Parameters"]["Key.$"], data)
                for item in json.loads(self.read(key)):
                    self.run(state["ItemProcessor"], item)
                assert state["ResultPath"] is None
                return data, then
            case "Task":
                try:
                    return self._task(state, data), then
                except TaskFailedError as error:
                    (catch,) = state.get("Catch", [None])
                    if catch is None:
                        raise
                    return {**data, "error": str(error)}, catch["Next"]
        raise AssertionError(f"the interpreter does not know {state['Type']}")

    def _task(self, state: Mapping[str, Any], data: Any) -> Any:
        parameters = _filled(state["Parameters"], data)
        (retry,) = state["Retry"]
        for attempt in range(retry["MaxAttempts"]):
            try:
                return self.invoke(parameters["FunctionName"], parameters["Payload"])
            except TaskFailedError:
                wait_s = retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt
                self.sleep(min(wait_s, retry["MaxDelaySeconds"]))
        return self.invoke(parameters["FunctionName"], parameters["Payload"])


def _filled(template: Mapping[str, Any], data: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in template.items():
        if key.endswith(".$"):
            made[key.removesuffix(".$")] = _at(value, data)
        else:
            made[key] = _filled(value, data) if isinstance(value, dict) else value
    return made


def _at(path: str, data: Any) -> Any:
    return data if path == "$" else data[path.removeprefix("$.")]
