"""What migrations use to add indexes to a table that is in use, and do whatever else takes long there."""

from collections.abc import Iterable

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation
from django.db.models import Index

PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"  # CONCURRENTLY waits for transactions that are open
AS_BEFORE = "RESET lock_timeout; RESET statement_timeout"


def built_beside_writes(model: str, indexes: Iterable[Index]) -> list[Operation]:
    """The operations of a migration, which must be `atomic = False`.

    Without a lock on the table, and without a time-out: a large table takes long. A build that broke off left an
    invalid index behind: hence the DROP before each.
    """
    return patiently(
        operation
        for index in indexes
        for operation in (
            RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}", RunSQL.noop),
            AddIndexConcurrently(model, index),
        )
    )


def patiently(operations: Iterable[Operation]) -> list[Operation]:
    """Without time-outs, in a migration that is `atomic = False`."""
    return [RunSQL(PATIENT, AS_BEFORE), *operations, RunSQL(AS_BEFORE, PATIENT)]
