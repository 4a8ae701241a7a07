"""The ways in which CodeCommit says no.

An :class:`ApiError` becomes the JSON body of an AWS JSON 1.1 error; the others end the connection in ways that real
networks do.
"""

from __future__ import annotations

from typing import Final

from pushwarden.errors import PushwardenError

THROTTLED_XML: Final = b"<ThrottlingException>\n  <Message>Rate exceeded</Message>\n</ThrottlingException>\n"
"""The body of a throttled API call: XML, although the service speaks JSON (https://github.com/boto/boto3/issues/3663)."""


class ApiError(PushwardenError):
    """An error of the API: ``code`` is the exception's name in the service model, ``status`` the HTTP status."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class GitRefusedError(PushwardenError):
    """A git request that is answered with a bare HTTP status: 401, 403, 404, 429, ..."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class HangUpError(PushwardenError):
    """The client broke the protocol: CodeCommit answers with HTTP 200 and an empty body, then closes the connection.

    Seen by clients that named their ``agent``: https://github.com/isomorphic-git/isomorphic-git/issues/310 got "" where a
    report was due, https://github.com/jelmer/dulwich/issues/671 a hang-up.
    """


class ConnectionResetFaultError(PushwardenError):
    """The connection is reset (RST) without an answer; only an injected fault does this."""


class StallFaultError(PushwardenError):
    """The answer never comes: the connection stays open for ``hold_s`` seconds, then it is closed."""

    def __init__(self, hold_s: float) -> None:
        super().__init__(f"no answer for {hold_s} s, as the injected fault asks")
        self.hold_s = hold_s
