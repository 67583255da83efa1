"""The usual way's rate limit: by token, a minute."""

from typing import Any

from rest_framework.throttling import SimpleRateThrottle


class TokenThrottle(SimpleRateThrottle):
    scope = "token"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"throttle:{request.auth.pk}"
