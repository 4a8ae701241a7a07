"""CodeCommit on one machine: the API, git over HTTP, events, IAM, and the ways in which all of them fail.

:class:`CodeCommitServer` answers ordinary clients unchanged: git, git-remote-codecommit's signing, ``aws codecommit``
and boto3. What AWS does not document is a switch of :class:`EventSwitches` or stands in a docstring.
"""

from pushwarden.local.codecommit.auth import Principal
from pushwarden.local.codecommit.delivery import EventSwitches
from pushwarden.local.codecommit.faults import Fault, Faults, RequestLog, RequestRecord
from pushwarden.local.codecommit.iam import PolicyError
from pushwarden.local.codecommit.server import CodeCommitServer

__all__ = [
    "CodeCommitServer",
    "EventSwitches",
    "Fault",
    "Faults",
    "PolicyError",
    "Principal",
    "RequestLog",
    "RequestRecord",
]
