"""Acts that wait for each other in a circle: PostgreSQL ends one of them, and it is done again.

Locks are taken in one order where we choose it (an agency, a client, its submission, what hangs from that). Where we do
not, as when two bulk calls bring the same slugs in opposite order, nobody who calls should have to know.
"""

from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import OperationalError
from psycopg.errors import DeadlockDetected

from api import counts

logger = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
TRIES = 3


def outlived(act: Callable[[], Answer]) -> Answer:
    """What `act` gives, which makes its changes in one transaction of its own: nothing of a try that failed stays."""
    for _ in range(TRIES - 1):
        try:
            return act()
        except OperationalError as failure:
            if not isinstance(failure.__cause__, DeadlockDetected):
                raise
        counts.DEADLOCKS.inc()
        logger.warning("deadlock_outlived")
    return act()
