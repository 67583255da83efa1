"""Ids of what is not an agency or an agent (design §3)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUID of version 7: ordered by time, so that new rows stand together in every index."""
    return uuid7()
