"""`Idempotency-Key` on every POST (contract §2): the same key and body gets the first answer again.

The answer is written in the transaction that makes the change. So a caller cut off in the middle, or a server that
dies, leaves either both or neither, and a key is never left "in flight" by a crash; two at once are told apart by
an advisory lock that the transaction holds, so no row has to be seen before it is committed.

Keys are kept per principal and not per access token: a partner's token lives one hour and a key a day, and a retry
after a refresh must not act twice. An answer can hold a fresh access token, so it is encrypted, with a key derived
from the Idempotency-Key (of which only a keyed digest is stored) and the server's own secret: neither the table
alone nor the table with the settings opens it.
"""

import base64
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.db.models.functions import Now
from rest_framework.request import Request
from rest_framework.response import Response

from api import counts
from api.errors import Conflict, Invalid
from api.models import IdempotentAnswer
from api.principals import ApiPrincipal
from api.renderers import to_json
from api.uploads import sha256_of

HEADER = "Idempotency-Key"
VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_HEADERS = ("Location",)


def key_of(request: Request) -> str | None:
    """The request's key; None where it has none. Raises Invalid (422) for one out of bounds."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not VISIBLE.fullmatch(key):
        raise Invalid("1 to 255 visible ASCII characters.", field=HEADER)
    return key


def once(request: Request, principal: ApiPrincipal, key: str, act: Callable[[], Response]) -> Response:
    """What `act` answers, or answered the first time. `act` must turn its own errors into answers.

    Raises Conflict (409) for a key that was used with another request, or is in flight.
    """
    _ = request.data  # all of it has come before a transaction is open, however long that takes
    derived = {one.digest: one for one in _derived(principal, key)}
    with transaction.atomic():
        if not _lock(derived):
            raise Conflict(
                "A request with this Idempotency-Key is in flight; try again shortly.",
                code="idempotency_in_flight",
                headers={"Retry-After": "1"},
            )
        kept = IdempotentAnswer.objects.filter(pk__in=derived, created_at__gt=Now() - _lifetime()).first()
        by = derived[bytes(kept.key_digest)] if kept else next(iter(derived.values()))
        asked = _fingerprint(request, by)  # before a file is taken from the request
        if kept is None:
            response = act()
            if _is_final(response.status_code):
                _keep(principal, by, asked, response)
            return response
    if not hmac.compare_digest(bytes(kept.fingerprint), asked):
        raise Conflict("This Idempotency-Key was used with another request.", code="idempotency_key_reused")
    return _replay(by, kept)


@dataclass(frozen=True, slots=True)
class _Derived:
    """What follows from principal, key and a secret of the server's."""

    digest: bytes
    fingerprint_key: bytes
    sealing_key: bytes

    @classmethod
    def of(cls, secret: str, principal: ApiPrincipal, key: str) -> "_Derived":
        identity = f"{principal.label}\n{key}".encode()

        def derive(purpose: str) -> bytes:
            return hmac.digest(secret.encode(), f"idempotency {purpose}\n".encode() + identity, "sha256")

        return cls(derive("digest"), derive("fingerprint"), base64.urlsafe_b64encode(derive("sealing")))


def _derived(principal: ApiPrincipal, key: str) -> list[_Derived]:
    """By the secret in use, then by the earlier ones: while SECRET_KEY is replaced, some servers still use the one
    before, and answers of the last day were kept under it."""
    return [_Derived.of(secret, principal, key) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _lifetime() -> timedelta:
    return timedelta(hours=settings.IDEMPOTENCY_HOURS)


def _lock(digests: Iterable[bytes]) -> bool:
    """All of them or none; in one order, so that of two requests at once one acts."""
    numbers = sorted(int.from_bytes(digest[:8], signed=True) for digest in digests)
    with connection.cursor() as cursor:
        cursor.execute("SELECT bool_and(pg_try_advisory_xact_lock(number)) FROM unnest(%s) AS number", [numbers])
        return cursor.fetchone()[0]


def _is_final(status: int) -> bool:
    """Answers that are meant to be tried again are not kept."""
    return status < 500 and status not in (409, 429)


def _keep(principal: ApiPrincipal, derived: _Derived, asked: bytes, response: Response) -> None:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    answer = to_json({"status": response.status_code, "headers": headers, "data": response.data})
    IdempotentAnswer.objects.update_or_create(  # an expired row may still stand there
        key_digest=derived.digest,
        defaults={
            "actor": principal.label,
            "fingerprint": asked,
            "sealed_answer": Fernet(derived.sealing_key).encrypt(answer),
            "created_at": Now(),
        },
    )


def _replay(derived: _Derived, kept: IdempotentAnswer) -> Response:
    counts.REPLAYS.inc()
    answer = orjson.loads(Fernet(derived.sealing_key).decrypt(bytes(kept.sealed_answer)))
    headers = {**answer["headers"], "Idempotency-Replayed": "true"}
    return Response(answer["data"], status=answer["status"], headers=headers)


def _fingerprint(request: Request, derived: _Derived) -> bytes:
    """Of method, path and body as understood: a retried multipart body has another boundary, but the same parts."""
    body: Any = request.data
    if isinstance(body, dict) and hasattr(body, "lists"):
        body = {name: [_part(value) for value in values] for name, values in body.lists()}
    canonical = orjson.dumps([request.method, request.get_full_path(), body], option=orjson.OPT_SORT_KEYS)
    return hmac.digest(derived.fingerprint_key, canonical, "sha256")


def _part(value: Any) -> str:
    if not isinstance(value, UploadedFile):
        return value
    return f"{value.name} {sha256_of(value)}"
