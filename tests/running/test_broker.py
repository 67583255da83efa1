"""The connection to the broker is lost, as when it is restarted."""

from uuid import uuid4

import pytest
from celery import current_app


@pytest.mark.parametrize("lost", [False, True], ids=["ended", "lost"])
def test_what_was_under_way_ends_no_worker(lost: bool) -> None:
    """It is given back where that can be; else it stays for the broker to give out again."""
    with current_app.connection_for_write() as other:
        name = f"under-way-{uuid4()}"
        queue = other.SimpleQueue(name)
        queue.put("work")
        connection = current_app.connection_for_read()
        assert connection.default_channel.basic_get(name)
        if lost:
            connection.transport.client = None  # as kombu leaves it where it could not close the channel
        connection.release()
        assert other.default_channel.client.llen(name) == (0 if lost else 1)
        queue.clear()
