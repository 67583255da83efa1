"""Telling a worker that there is something to do.

What is to be done stands in PostgreSQL, and a sweep finds it. So a doorbell that nobody hears loses nothing: it rings
after the commit, briefly, and a broker that is away is logged and passed by.
"""

import time
from functools import cache
from typing import Any

import structlog
from celery import current_app
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.pools import producers

from api import counts

logger = structlog.get_logger(__name__)
PATIENCE = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
"""Seconds that who rings waits for a broker that hangs; workers, who wait for work, have more (config.settings)."""
PAUSE_AFTER_OUTAGE = 5.0
"""Seconds in which no request waits for a broker that was away. After them one does, and others go on passing by."""
_pause_until = 0.0
"""0 while it answers."""


def is_paused() -> bool:
    """Whether nothing is rung now, for the broker was away a moment ago."""
    return time.monotonic() < _pause_until


@cache
def broker() -> Connection:
    """How it is reached. Whoever connects takes a clone: this one stays as it is."""
    return current_app.connection_for_write(transport_options=PATIENCE)


def ring(task: str, *args: Any, **options: Any) -> None:
    """Sends the task, if the broker takes it at once. `options` are Celery's: `queue`, `expires` (seconds)."""
    global _pause_until
    if is_paused():
        return
    if _pause_until:
        _pause_until = time.monotonic() + PAUSE_AFTER_OUTAGE
    try:
        with producers[broker()].acquire(block=True) as producer:
            current_app.send_task(task, args, producer=producer, retry=False, **options)
        _pause_until = 0.0
    except OperationalError as failure:
        _pause_until = time.monotonic() + PAUSE_AFTER_OUTAGE
        counts.OUTAGES.labels("broker").inc()
        logger.warning("broker_unavailable", error=type(failure).__name__)
