"""What lists of the admin may be asked in their query."""

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest


class Narrowed:
    """A ModelAdmin whose list is narrowed by the lookups that `lookups` names, which its filters and links to it use,
    and by no others. Django takes any lookup of any field from the query, and at some PostgreSQL fails, at a broken
    regular expression for example: that was answered with 500."""

    lookups: Collection[str] = ()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup in self.lookups and "\0" not in value
