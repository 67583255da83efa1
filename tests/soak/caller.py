"""Calls over HTTP, each judged as its answer comes; what was cut or refused by an honest 503 is called again."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.soak.model import Wrong

CONNECTIONS = 96
ANSWER_SECONDS = 60
"""Who is not answered by then never will be. How long it takes is told, not judged: the machine may be busy."""
PATIENCE = 120
"""Seconds for which a request is tried again."""
PAUSE = 0.2
"""Seconds before a request that was cut is tried again."""
RATE_LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def data(self) -> Any:
        return self.json["data"]


@dataclass
class Tries:
    """How every try of every request went."""

    ended: list[tuple[float, bool]] = field(default_factory=list)
    """When, and whether the answer was good."""
    seconds: list[tuple[float, float]] = field(default_factory=list)
    """When a request was answered in the end, and how long that was after the moment planned for it."""
    cut: list[float] = field(default_factory=list)
    away: list[float] = field(default_factory=list)
    """When an honest 503 came."""
    statuses: Counter[int] = field(default_factory=Counter)
    replayed: int = 0
    """Answers that were given again because of the Idempotency-Key, to requests that were tried again."""
    in_flight: int = 0
    """Requests that were tried again because the first one was still being worked at."""


class Caller:
    """One pool of connections for all."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tries = Tries()
        self._session: aiohttp.ClientSession | None = None

    def turn(self, planned: float | None = None) -> "Turn":
        return Turn(self, planned or time.monotonic())

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._session._retry_connection = False  # by itself it would hide cuts from us
        return self._session

    async def hang_up(self) -> None:
        """Ends all connections; the next call makes new ones."""
        if self._session:
            await self._session.close()
            self._session = None


@dataclass
class Turn:
    """The requests of one act. The first is measured from when it was planned."""

    caller: Caller
    planned: float

    async def call(
        self,
        method: str,
        path: str,
        *,
        expect: int = 200,
        token: str = "",
        json: Any = None,
        form: dict[str, Any] | None = None,
        body: tuple[bytes, str] | None = None,
        key: str = "",
        **headers: str,
    ) -> Answer:
        """The answer in the end. `body` goes with its content type; other keywords are headers. Raises Wrong."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key:
            headers["Idempotency-Key"] = key
        facts: dict[str, Any] = {"json": json} if json is not None else {"data": form}
        if body:
            facts, headers["Content-Type"] = {"data": body[0]}, body[1]
        planned, self.planned = self.planned, 0.0
        begun = planned or time.monotonic()
        answer = await self._persist(method, path, {**facts, "headers": headers, "allow_redirects": False})
        self.caller.tries.seconds.append((time.monotonic(), time.monotonic() - begun))
        if answer.status != expect:
            raise Wrong(f"{method} {path}: {answer.status} instead of {expect}: {answer.content[:500]!r}")
        if path.startswith("/v1/") and not all(name in answer.headers for name in RATE_LIMIT_HEADERS):
            raise Wrong(f"{method} {path}: without the headers of the rate limit")
        return answer

    async def _persist(self, method: str, path: str, facts: dict[str, Any]) -> Answer:
        deadline = time.monotonic() + PATIENCE
        again = False
        while True:
            answer, pause = await self._try(method, path, facts)
            if answer is not None:
                self.caller.tries.replayed += again and "Idempotency-Replayed" in answer.headers
                return answer
            if time.monotonic() + pause > deadline:
                raise Wrong(f"{method} {path}: no answer in {PATIENCE} seconds")
            again = True
            await asyncio.sleep(pause)

    async def _try(self, method: str, path: str, facts: dict[str, Any]) -> tuple[Answer | None, float]:
        """The answer, or how long to wait before the next try."""
        tries = self.caller.tries
        try:
            async with self.caller.session.request(method, f"{self.caller.url}{path}", **facts) as came:
                answer = Answer(came.status, came.headers, await came.read())
        except TimeoutError as fault:
            raise Wrong(f"{method} {path}: no answer in {ANSWER_SECONDS} seconds") from fault
        except (aiohttp.ClientError, OSError):
            tries.cut.append(time.monotonic())
            tries.ended.append((time.monotonic(), False))
            return None, PAUSE
        tries.statuses[answer.status] += 1
        tries.ended.append((time.monotonic(), answer.status < 500))
        if answer.status == 503:
            if not answer.headers.get("Retry-After", "").isdecimal():
                raise Wrong(f"{method} {path}: 503 without Retry-After: {answer.content[:500]!r}")
            tries.away.append(time.monotonic())
            return None, float(answer.headers["Retry-After"])
        if answer.status == 409 and b"idempotency_in_flight" in answer.content:
            tries.in_flight += 1
            return None, float(answer.headers["Retry-After"])
        return answer, 0.0
