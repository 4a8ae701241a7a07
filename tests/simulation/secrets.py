"""Secrets that people of the simulation push: made up, and each looking like something else."""

from __future__ import annotations

import base64
import json
import random
from typing import Final

from moto.iam.models import iam_backends

from pushwarden.detect import Scanner
from pushwarden.local.aws import ACCOUNT
from pushwarden.model import Confidence
from tests.conftest import made_up

_BASE32: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_UPPER: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def aws_assignment(seed: object) -> str:
    """Return a secret access key in an assignment: found wherever it stands."""
    return f"aws_secret_access_key = {made_up(seed, 40)}\n"


def _json(seed: object) -> str:
    return f'{{"user": "shop", "password": "{made_up(seed, 18)}"}}\n'


def _jwt(seed: object) -> str:
    def part(data: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    claims = {"sub": made_up(seed, 10), "iat": 1_790_000_000}
    return f"token = {part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{made_up(seed, 43)}\n"


def _slack(seed: object) -> str:
    parts = f"T{made_up(f'{seed}t', 8, _UPPER)}/B{made_up(f'{seed}b', 8, _UPPER)}/{made_up(seed, 24)}"
    return f"hook: https://hooks.slack.com/services/{parts}\n"


KINDS: Final = (
    aws_assignment,
    lambda seed: f"secret={made_up(seed, 32)}\n",
    lambda seed: f"DATABASE_URL=postgres://shop:{made_up(seed, 20)}@db.internal.acme.io/shop\n",
    lambda seed: f"STRIPE_KEY = sk_live_{made_up(seed, 24)}\n",
    lambda seed: f"GITLAB_TOKEN=glpat-{made_up(seed, 20)}\n",
    _json,
    _jwt,
    _slack,
)


def secret_text(source: random.Random, scanner: Scanner, *, plain: bool = False) -> str:
    """Return a line with a secret that the scanner takes seriously: now and then random characters look like nothing.

    Args:
        source: of the random characters.
        scanner: whose rules must know the secret with medium confidence at least.
        plain: one that is found wherever it stands, in a name or a message as well.
    """
    while True:
        made = (aws_assignment if plain else source.choice(KINDS))(source.getrandbits(64))
        matches = scanner.scan(made.encode()).matches
        if any(each.confidence >= Confidence.MEDIUM for each in matches):
            return made


def key_pair(user: str) -> str:
    """Make an IAM user of this account with an access key, and return the key as people write it down."""
    backend = iam_backends[ACCOUNT]["aws"]
    backend.create_user("eu-central-1", user)
    key = backend.create_access_key(user)
    key.access_key_id = "AKIA" + made_up(f"id {user}", 16, _BASE32)
    key.secret_access_key = made_up(f"secret {user}", 40)
    return f"aws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"


def key_status(user: str) -> str:
    """Return ``Active`` or ``Inactive``."""
    (key,) = iam_backends[ACCOUNT]["aws"].get_user(user).access_keys
    return str(key.status)
