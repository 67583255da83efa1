"""Cursors: how far a walk through a list has come, so that it goes on from there whatever came or went meanwhile.

A cursor holds what the last row shown is ordered by. That may be somebody's name, and cursors stand in addresses, which
are logged: so it is encrypted. It opens for the same caller, list and order only. AES-SIV makes the same cursor of the
same place each time, so that an answer that has not changed keeps its ETag.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

FIRST = "first"
MAX_LENGTH = 2_000
"""Of a cursor; the longest name to sort by, in letters of four bytes each, takes about 1,200."""


class BadCursor(Exception):
    """Not one of ours, or of another caller, list or order."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A caller's way through a list in one order, from the beginning to the end."""

    caller: str
    path: str
    order: tuple[str, ...]
    """Columns as `order_by` takes them, the primary key last; all of them with `-` before them, or none."""

    def rest_of(self, rows: QuerySet[Any], place: Sequence[Any], order: Sequence[str]) -> QuerySet[Any]:
        """Those of `rows` that come after `place`; all of them where it is empty. `order` names the columns of the walk
        as `rows` calls them."""
        if not place:
            return rows
        beyond = TupleLessThan if order[0].startswith("-") else TupleGreaterThan
        return rows.filter(beyond(Tuple(*(F(name.removeprefix("-")) for name in order)), tuple(place)))

    def cursor_at(self, place: Sequence[Any]) -> str:
        """`place` is what the columns of the last row shown hold."""
        sealed = _cipher(settings.SECRET_KEY).encrypt(orjson.dumps(place), [self._context])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def place_of(self, cursor: str) -> list[Any]:
        """What the last row shown was ordered by; empty for the first page. Raises BadCursor."""
        if cursor in ("", FIRST):
            return []
        if len(cursor) > MAX_LENGTH:
            raise BadCursor
        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError as error:
            raise BadCursor from error
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            try:
                return orjson.loads(_cipher(secret).decrypt(sealed, [self._context]))
            except InvalidTag:
                continue
        raise BadCursor

    @property
    def _context(self) -> bytes:
        return orjson.dumps([self.caller, self.path, self.order])


@lru_cache(10)
def _cipher(secret: str) -> AESSIV:
    return AESSIV(hashlib.blake2b(secret.encode(), person=b"cursors").digest())
