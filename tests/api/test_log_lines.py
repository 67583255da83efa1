"""What libraries would log of what callers sent."""

import json
from collections.abc import Callable

import psycopg
import pytest
import structlog
from django.db import DatabaseError, connection

from config.logs import without_routine, without_what_was_sent


def test_what_a_server_could_not_read_is_not_repeated() -> None:
    told = "Invalid request from ip=10.1.2.3: Invalid HTTP Header: 'Authorization : Bearer agency_pat_x'"
    assert without_what_was_sent(None, "warning", {"event": told})["event"] == "Invalid request"
    told = "Error handling request GET /ada-lovelace-x7k2p/s/secret"
    assert without_what_was_sent(None, "error", {"event": told})["event"] == "Error handling request"


def test_a_tasks_error_tells_no_values() -> None:
    told = "duplicate key\nDETAIL:  Key (email)=(ann@private.example) already exists."
    kept = without_what_was_sent(None, "error", {"event": "task_failed", "error": told})
    assert kept["error"] == "duplicate key\nDETAIL: (left out)"


@pytest.mark.parametrize("event", ["task_enqueued", "task_started", "task_succeeded"])
def test_a_task_that_came_by_the_clock_is_told_of_when_it_fails(event: str) -> None:
    rung = {"event": event, "request_id": "one"}
    assert without_routine(None, "info", rung) == rung
    assert without_routine(None, "error", {"event": "task_failed"})
    with pytest.raises(structlog.DropEvent):
        without_routine(None, "info", {"event": event})


VALUE = "Ann Private\n\nof 1 Private Lane"
FAILING = {
    "SELECT %s::tsquery": "'" + "AnnPrivate" * 300 + "'",
    "SELECT %s::uuid": VALUE,
    "INSERT INTO django_content_type (app_label, model) SELECT 'x', %s FROM generate_series(1, 2)": VALUE,
    "DO $$ BEGIN RAISE EXCEPTION 'no' USING DETAIL = 'Private', HINT = 'Ann Private'; END $$": None,
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sql", FAILING)
def test_what_the_database_says_of_a_failure_tells_no_values(sql: str, logged: Callable[[], str]) -> None:
    """Neither in the exception and those that it came of, nor beside it."""
    with pytest.raises(DatabaseError) as failure, connection.cursor() as cursor:
        cursor.execute(sql, FAILING[sql] and [FAILING[sql]])
    raised = failure.value
    assert isinstance(raised.__cause__, psycopg.Error)
    assert "Private" in str(raised)
    logged()
    structlog.get_logger().error("task_failed", exc_info=raised, error=str(raised))
    structlog.get_logger().error(f"raised unexpected: {raised!r}", exception=raised)
    text = logged()
    assert "Private" not in text
    for line in text.splitlines():
        assert type(raised.__cause__).__name__ in json.loads(line)["exception"]
