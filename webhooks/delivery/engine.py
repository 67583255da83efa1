"""The loop that delivers: claims what is due, posts it, writes how it went; until nothing is left to do.

One loop in one worker process. It claims and writes while it posts, each on a connection of its own, and holds no
transaction open over a post. Nothing that it knows is lost with it: what it had claimed is due again when the leases
end. Time is the database's, so a worker whose clock is wrong signs with the right one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import structlog
from django.db import Error
from django.db import connection as django_connection
from psycopg import AsyncConnection

from webhooks import secrets, signing
from webhooks.delivery import claims, results
from webhooks.delivery.claims import Claim, Target
from webhooks.delivery.results import Result
from webhooks.delivery.sender import Sender
from webhooks.models import Subscription, message_id
from webhooks.services.subscriptions import disable_subscription

logger = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

SLOTS = 500
"""Deliveries under way in one loop, those whose receivers are slow not counted: they take no slot from others."""
MOST_SLOTS = 2_000
"""The same with the slow ones."""
SLOW = 1.0
"""Seconds under way, from which on a delivery is a slow one."""
BATCH = 250
"""Claimed at once: half of the slots, so that one half is under way while the other is claimed."""
ENOUGH = BATCH // 2
"""So many free slots are worth a claim."""
POLL = 0.2
"""Seconds after which to look for what is newly due, while something is under way."""
RELEASE = 5.0
"""Seconds after which to look for leases that have lapsed."""
GATHER = 0.005
"""Seconds in which results gather, to be written together."""
RECONNECT = 45.0
"""Seconds that a database which is away is waited for; after that the leases have lapsed anyway."""


class Engine:
    """One run: `await Engine(sender, seconds=50).run()`."""

    def __init__(self, sender: Sender, *, seconds: float) -> None:
        self._sender = sender
        self._until = time.monotonic() + seconds
        self._under_way: dict[asyncio.Task[None], float] = {}
        """Each since when, the oldest first."""
        self._finished: list[Result] = []
        self._writing: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._claimed_at = self._released_at = 0.0
        self._more = True
        """Whether a claim may find something at once: the last one found all it asked for, or results were written."""
        self._claims = _Database()
        self._results = _Database()
        self._clock = 0.0
        """What the database's clock says at the monotonic clock's zero."""

    async def run(self) -> bool:
        """Delivers until nothing is due, or the time is over; says whether there may be more to do."""
        try:
            while True:
                await self._release_lapsed()
                writing = self._write_on()
                idle = not writing and not self._under_way
                in_time = time.monotonic() < self._until
                claimed = await self._claim(idle) if in_time else 0
                if idle and not claimed:
                    return not in_time
                await self._rest()
        finally:
            for task in filter(None, [*self._under_way, self._writing]):
                task.cancel()
            await self._claims.close()
            await self._results.close()

    async def _release_lapsed(self) -> None:
        """Now and then, so that what a dead worker left does not wait for the end of a long run."""
        if time.monotonic() - self._released_at > RELEASE:
            self._released_at = time.monotonic()
            await self._claims.ask(claims.release_lapsed)

    async def _claim(self, idle: bool) -> int:
        room = min(self._room(), BATCH)
        soon = self._more and room >= ENOUGH
        if room <= 0 or not (idle or soon or time.monotonic() - self._claimed_at > POLL):
            return 0
        self._more = False
        claimed, now = await self._claims.ask(lambda connection: claims.claim(connection, room))
        self._more |= len(claimed) == room
        self._claimed_at = begun = time.monotonic()
        self._clock = now - begun if claimed else self._clock
        for claim, target in claimed:
            task = asyncio.create_task(self._attempt(claim, target))
            self._under_way[task] = begun
            task.add_done_callback(self._ended)
        return len(claimed)

    def _room(self) -> int:
        slow_before = time.monotonic() - SLOW
        slow = 0
        for begun in self._under_way.values():
            if begun > slow_before:
                break
            slow += 1
        waiting = len(self._under_way)
        return min(SLOTS - (waiting - slow), MOST_SLOTS - waiting)

    async def _attempt(self, claim: Claim, target: Target) -> None:
        now = self._clock + time.monotonic()
        headers = signing.headers(
            message_id=message_id(claim.event_id),
            timestamp=int(now),
            body=claim.body,
            secrets=secrets.live(target.secrets, now),
        )
        outcome = await self._sender.post(target.url, headers=headers, body=claim.body)
        self._finished.append(Result(claim, target.url, outcome, datetime.fromtimestamp(now, UTC)))

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._news.set()
        if not task.cancelled() and task.exception():  # ours: its lease lapses, and it is attempted again
            logger.error("webhook_attempt_failed", exc_info=task.exception())

    def _write_on(self) -> bool:
        """Begins to write what is finished, while posts go on; says whether something is still to be written."""
        if self._writing and self._writing.done():
            self._writing.result()
            self._writing = None
        if self._finished and not self._writing:
            finished, self._finished = self._finished, []
            self._writing = asyncio.create_task(self._write(finished))
            self._writing.add_done_callback(self._written)
        return self._writing is not None

    async def _write(self, finished: Sequence[Result]) -> None:
        written = await self._results.ask(lambda connection: results.write(connection, finished))
        late = len(finished) - len(written)
        if late:
            logger.warning("webhook_results_refused", results=late, reason="their leases were over")
        gone = {one.claim.subscription_id: one.url for one in finished if one.gone and one.claim.id in written}
        if gone:
            try:
                await asyncio.to_thread(_disable_gone, gone)
            except Error as failure:  # the receiver will say so again
                logger.warning("webhook_not_disabled", error=type(failure).__name__)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._more = True  # within the caps
        self._news.set()

    async def _rest(self) -> None:
        """Until something is finished, and a moment more for others to finish with it."""
        try:
            await asyncio.wait_for(self._news.wait(), POLL)
        except TimeoutError:
            return
        self._news.clear()
        await asyncio.sleep(GATHER)


class _Database:
    """A connection for one thing after the other, made anew where it was lost."""

    def __init__(self) -> None:
        self._connection: AsyncConnection[Any] | None = None

    async def ask(self, act: Callable[[AsyncConnection[Any]], Awaitable[Answer]]) -> Answer:
        """What `act` gives; done again where the database was away, as long as that is of use."""
        deadline = time.monotonic() + RECONNECT
        while True:
            try:
                if self._connection is None:
                    self._connection = await _connect()
                return await act(self._connection)
            except (psycopg.OperationalError, psycopg.InterfaceError) as failure:
                logger.warning("database_unavailable", error=type(failure).__name__)
                await self.close()
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.5)

    async def close(self) -> None:
        if self._connection:
            await self._connection.close()
        self._connection = None


async def _connect() -> AsyncConnection[Any]:
    """A connection to where Django's settings lead, in every way but what is of Django's own cursors."""
    facts = django_connection.get_connection_params()
    del facts["cursor_factory"], facts["context"]
    return await AsyncConnection.connect(autocommit=True, **facts)


def _disable_gone(urls: dict[UUID, str]) -> None:
    """In a thread, with a connection of that thread's. What wants nothing more is an address: the webhook may have
    another one by now."""
    try:
        for one in Subscription.objects.filter(pk__in=urls).order_by("pk"):
            if one.url == urls[one.pk]:
                disable_subscription(subscription=one, reason=Subscription.Reason.GONE)
    finally:
        django_connection.close()
