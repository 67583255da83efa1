"""Signing secrets at rest.

Each is used again for every signature, so they are encrypted and not hashed: with the first of
settings.WEBHOOK_SECRET_KEYS, and readable with any of them. A subscription keeps its newest first; an older one signs
beside it until its hours are over.
"""

from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from webhooks import signing

Kept = list[dict[str, Any]]
"""A subscription's secrets as its row has them: `{"sealed": text, "until": Unix seconds or null}`, the newest first."""

MOST = 3
"""Live at once."""


def sealed(secret: str) -> str:
    return _keys().encrypt(secret.encode()).decode()


def live(kept: Kept, now: float) -> list[str]:
    """The secrets that sign now, the newest first."""
    return [_opened(one["sealed"]) for one in kept if one["until"] is None or one["until"] > now]


def begun() -> tuple[str, Kept]:
    """A first secret: in plain text, to be shown once, and as it is kept."""
    secret = signing.new_secret()
    return secret, [{"sealed": sealed(secret), "until": None}]


def rotated(kept: Kept, now: datetime, until: datetime) -> tuple[str, Kept]:
    """A new secret before those that are live, which end at `until` at the latest."""
    secret, first = begun()
    older = [
        {**one, "until": min(one["until"] or until.timestamp(), until.timestamp())}
        for one in kept
        if one["until"] is None or one["until"] > now.timestamp()
    ]
    return secret, [*first, *older][:MOST]


def resealed(kept: Kept) -> Kept:
    """The same, encrypted anew with the first key: before an older key is taken out of the settings."""
    return [{**one, "sealed": _keys().rotate(one["sealed"].encode()).decode()} for one in kept]


@lru_cache(10_000)
def _opened(text: str) -> str:
    return _keys().decrypt(text.encode()).decode()


@cache
def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.WEBHOOK_SECRET_KEYS])
