"""What somebody gets who reads the whole database."""

import itertools
from collections.abc import Iterator

from django.db import connection


def everything_stored() -> Iterator[bytes]:
    """Every value of every column of every table, as text; bytea as it is and as hex."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names from the catalogue
            for value in itertools.chain.from_iterable(cursor.fetchall()):
                raw = bytes(value) if isinstance(value, memoryview | bytes) else str(value).encode()
                yield raw
                yield raw.hex().encode()
