"""What lists of the admin may be asked in their query."""

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest


class Narrowed:
    """A ModelAdmin whose list is narrowed by what `lookups` names: what its filters ask, and links to it. Django takes
    every lookup of every field, and those of which PostgreSQL makes no sense, a broken expression for example, were
    failures of ours."""

    lookups: Collection[str] = ()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup in self.lookups and "\0" not in value
