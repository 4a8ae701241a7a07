"""The server: CodeCommit's API and git endpoint on one port of 127.0.0.1."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pushwarden.errors import UsageError
from pushwarden.local.codecommit.app import Application
from pushwarden.local.codecommit.auth import Principal, Principals
from pushwarden.local.codecommit.delivery import EventSwitches
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.events import Event
from pushwarden.local.codecommit.faults import Faults, RequestLog
from pushwarden.local.codecommit.http import HttpServer
from pushwarden.local.codecommit.state import Account, OnDecision


class CodeCommitServer:
    """CodeCommit for one account and region, in this process.

    The API is at ``url``, git at ``url + "/v1/repos/NAME"``. Repositories live below ``root`` while the server runs; what
    is not git (tags, pull requests, comments) lives in memory.
    """

    def __init__(  # noqa: PLR0917 - account and region read well by position
        self,
        root: Path,
        account: str,
        region: str,
        principals: Iterable[Principal],
        on_event: Callable[[Event], None] | None = None,
        port: int = 0,
    ) -> None:
        self.events = EventSwitches(on_event)
        self._account = Account(root, account, region, self.events)
        self._principals = Principals(principals)
        self._app = Application(self._account, self._principals)
        self._port = port
        self._http: HttpServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen and answer, in threads.

        Raises:
            UsageError: it runs already, or the port is taken.
        """
        if self._http is not None:
            raise UsageError("the CodeCommit server runs already; stop it first")
        try:
            self._http = HttpServer(self._port, self._app.answer)
        except OSError as error:
            raise UsageError(
                f"cannot listen on 127.0.0.1:{self._port}: {error.strerror}; use another port, or 0 for a free one"
            ) from error
        self._account.git_url = self.url + "/v1/repos/"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="codecommit", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the connections, the events on their way and the helper processes; stopping twice is no error."""
        if self._http is None or self._thread is None:
            return
        self._http.stop()
        self._thread.join()
        self._http, self._thread = None, None
        self.events.close()
        self._account.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``.

        Raises:
            UsageError: the server does not run.
        """
        if self._http is None:
            raise UsageError("the CodeCommit server does not run; start it first")
        return f"http://127.0.0.1:{self._http.server_port}"

    def clone_url(self, name: str) -> str:
        """Return the URL of a repository's git endpoint, without credentials."""
        return f"{self.url}/v1/repos/{name}"

    def add_principal(self, principal: Principal) -> None:
        """Let another caller in, or replace the one with the same access key id."""
        self._principals.add(principal)

    def remove_principal(self, access_key_id: str) -> None:
        """Forget a caller: its next request is refused."""
        self._principals.remove(access_key_id)

    def tags(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a repository, as AWS's tagging service would: none for one that is not there."""
        try:
            return dict(self._account.repository_by_arn(arn).tags)
        except ApiError:
            return {}

    @property
    def on_decision(self) -> OnDecision | None:
        """Called with every decision about access: the caller, the request with its conditions, and the answer."""
        return self._account.on_decision

    @on_decision.setter
    def on_decision(self, value: OnDecision | None) -> None:
        self._account.on_decision = value

    @property
    def faults(self) -> Faults:
        """Faults to inject."""
        return self._app.faults

    @property
    def requests(self) -> RequestLog:
        """The log of requests."""
        return self._app.requests

    @property
    def rate_limit_per_s(self) -> float | None:
        """Requests per second that the account allows before it throttles; None for no limit."""
        return self._app.rate_limit.per_second

    @rate_limit_per_s.setter
    def rate_limit_per_s(self, value: float | None) -> None:
        self._app.rate_limit.set(value)

    @property
    def latency_ms(self) -> float:
        """How long every request waits before it is looked at."""
        return self._app.latency_ms

    @latency_ms.setter
    def latency_ms(self, value: float) -> None:
        self._app.latency_ms = value

    def repository_path(self, name: str) -> Path:
        """Return the path of the bare repository.

        Raises:
            UsageError: there is no repository of that name.
        """
        try:
            return self._account.repository(name).git.path
        except ApiError as error:
            raise UsageError(f"{error.message}; create it first") from error
