"""Times as PostgreSQL sends them; the session's time zone is UTC (settings.TIME_ZONE)."""

from datetime import UTC, datetime
from typing import Any

from psycopg.adapt import Loader


class UtcLoader(Loader):
    """`2026-11-23 21:38:14.864823+00` to an aware datetime."""

    timezone = UTC  # Django asks, to see whether it must put its own loader in place

    def load(self, data: Any) -> datetime:
        return datetime.fromisoformat(str(data, "ascii"))
