"""What CodeCommit's git server can do, remembered for the processes to come: to ask costs each a request.

The server advertises its capabilities at the head of every listing of refs. They are its own, not a repository's, so one
look serves for all of them; a day later somebody looks again.
"""

from __future__ import annotations

from typing import Final

from pushwarden.service.app import App

UPLOAD: Final = "git-upload-pack"
RECEIVE: Final = "git-receive-pack"
_AGE_MAX_S: Final = 86_400


def recall(app: App, service: str) -> frozenset[str]:
    """Return the capabilities of a service, without asking the server; none if they are not known, or from too long ago."""
    known = app.git.offered(service)
    if known:
        return known
    stored = app.state.setting(_name(service))
    seen_s, _, offered = (stored or b"0").decode("ascii", "replace").partition(" ")
    if app.wall_clock() - int(seen_s) < _AGE_MAX_S:
        app.git.learn(service, frozenset(offered.split()))
    return app.git.offered(service)


def remember(app: App, service: str) -> None:
    """Write down what this process saw the service advertise."""
    offered = " ".join(sorted(app.git.offered(service)))
    if offered:
        app.state.save_setting(_name(service), f"{int(app.wall_clock())} {offered}".encode())


def forget(app: App, service: str) -> None:
    """Have everybody look again: what is remembered does not seem to hold any more."""
    app.git.learn(service, frozenset())
    app.state.save_setting(_name(service), b"0")


def _name(service: str) -> str:
    return f"offers-{service}"
