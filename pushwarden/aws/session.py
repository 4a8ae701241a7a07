"""AWS clients from botocore alone.

boto3 adds resources and file transfers, which nothing here uses, and a third of a function's cold start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import botocore.session

if TYPE_CHECKING:
    from botocore.config import Config


class Session(Protocol):
    """The part of ``boto3.Session`` that is used; :class:`LeanSession` has no more than that."""

    # Positional, as boto3 has it with a type for each service's name.
    @property
    def client(self) -> Any:
        """Make a client: ``client(service, config=..., endpoint_url=...)``."""

    def get_credentials(self) -> Any:
        """Return the credentials, or None where there are none."""


class LeanSession:
    """Credentials from where AWS's tools look for them, and clients for one Region."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._session = botocore.session.get_session()

    def client(self, service: str, *, config: Config, endpoint_url: str | None) -> Any:
        """Return a client of a service."""
        make: Any = self._session.create_client  # its types know every service by name, and we have any
        return make(service, region_name=self._region, config=config, endpoint_url=endpoint_url)

    def get_credentials(self) -> Any:
        """Return the credentials, or None where there are none."""
        return self._session.get_credentials()
