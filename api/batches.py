"""Acts on any number of rows, a bounded number of them by each statement.

PostgreSQL ends a statement that takes longer than `statement_timeout` (config.settings), and would do so each time the
act is tried again: what one statement does must not grow with a tenant.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

from django.db.models import QuerySet

Rows = TypeVar("Rows", bound=QuerySet[Any])
AT_ONCE = 1_000
"""Rows of a statement: so few that each is looked up by index, and no table is read whole for them."""


def in_batches(rows: Rows) -> Iterator[Rows]:
    """`rows` in parts of AT_ONCE, in the order of their ids, for which there is an index.

    The caller holds what keeps others from adding to them, and narrows each part to what it changes: narrowed before,
    all that is left would be looked through for each part.
    """
    rest = rows
    while last := rest.order_by("pk").values_list("pk", flat=True)[AT_ONCE - 1 : AT_ONCE].first():
        yield rest.filter(pk__lte=last)
        rest = rows.filter(pk__gt=last)
    yield rest
