"""Rate limits: counted by django-ratelimit in fixed windows, in one round trip to the counter store.

The count is atomic over all processes and machines. When the store is away, requests are served uncounted; the
outage is logged, and shown by `/readyz`.
"""

import time
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.http import HttpRequest, HttpResponseBase
from django_ratelimit.core import get_usage
from redis.exceptions import NoScriptError, RedisError

from api import counts
from api.addresses import client_address

logger = structlog.get_logger(__name__)

PAUSE_AFTER_OUTAGE = 1.0
"""Seconds for which a store that failed is not asked again, so that one that hangs does not slow every request. After
them one asks, and others go on passing by."""
_pause_until = 0.0
"""0 while it answers."""


class CounterCache(RedisCache):
    """Django's Redis cache, with counters that cost one round trip instead of three.

    django-ratelimit calls `add`, then `incr` where the key was there already; here `incr` creates the counter and
    gives it its life time by itself, so `add` has nothing to ask.
    """

    INCREMENT = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
        return count
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._counters = self._cache.get_client(write=True)
        self._lifetime = int(self.default_timeout or 0)
        self._increment = self._counters.register_script(self.INCREMENT)

    def add(self, key: str, value: Any, timeout: Any = None, version: int | None = None) -> bool:
        """Only takes note of how long the window is, for the `incr` that follows; each thread has its own cache."""
        self._lifetime = int(timeout)
        return False

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        name, lifetime = self.make_and_validate_key(key, version), self._lifetime
        try:
            return self._counters.evalsha(self._increment.sha, 1, name, lifetime)
        except NoScriptError:
            return self._counters.eval(self.INCREMENT, 1, name, lifetime)


@dataclass(frozen=True, slots=True)
class Usage:
    """Where a caller stands in its window."""

    limit: int
    count: int
    reset: int
    """Unix seconds at which the window ends."""
    retry_after: int
    """Seconds until then, at least 1."""

    @property
    def limited(self) -> bool:
        return self.count > self.limit

    def headers(self) -> dict[str, str]:
        """The three headers of every answer, and `Retry-After` where the limit is passed."""
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.count)),
            "X-RateLimit-Reset": str(self.reset),
        }
        if self.limited:
            headers["Retry-After"] = str(self.retry_after)
        return headers

    def put_on(self, response: HttpResponseBase) -> None:
        for name, value in self.headers().items():
            response.headers[name] = value


def hit(group: str, key: str, rate: str, request: HttpRequest) -> Usage:
    """Count one request of `key` in `group`, at a rate of the form `60/m`. Never raises."""
    global _pause_until
    now = time.time()
    if now >= _pause_until:
        if _pause_until:
            _pause_until = now + PAUSE_AFTER_OUTAGE
        try:
            # The delimiters matter: django-ratelimit joins the parts of its key with nothing between them.
            usage = get_usage(request, group=f"{group}|", key=lambda *_: f"|{key}|", rate=rate, increment=True)
            _pause_until = 0.0
            # Its windows end with the second that it names, which counts as well; who came back then was refused again.
            left = max(0, usage["time_left"]) + 1
            counted = Usage(usage["limit"], usage["count"], int(now) + left, left)
            if counted.limited:
                counts.RATE_LIMITED.labels(group).inc()
            return counted
        except RedisError as error:
            _pause_until = time.time() + PAUSE_AFTER_OUTAGE
            counts.OUTAGES.labels("counter_store").inc()
            logger.warning("counter_store_unavailable", error=type(error).__name__)
    return Usage(int(rate.partition("/")[0]), 0, int(now) + 60, 60)


def hit_address(request: HttpRequest) -> Usage:
    """Count, by its address, a request that comes with a bad credential or asks for what is not there: so that neither
    can be guessed at will."""
    return hit("address", client_address(request), settings.RATE_LIMIT_ADDRESS, request)
