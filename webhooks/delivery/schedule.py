"""When a delivery is attempted again, and when a subscription is left in peace (design §6).

Times are seconds. Every answer that is not 2xx is tried again, until the schedule is at its end.
"""

import random

DELAYS = (5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""After the first attempt, the second, and so on: 75.7 hours in all."""
JITTER = 0.2
"""Each delay is up to so much shorter or longer, so that what failed together does not come back together."""
MOST_ATTEMPTS = len(DELAYS) + 1

LEASE = 60
"""How long a worker has for an attempt and the writing of its result; well above an attempt's time-out."""
MOST_CAP = 16
"""Deliveries under way to one subscription, at most."""
BREAKER_AFTER = 5
"""Failures in a row after which a subscription is left in peace, and then probed by one delivery at a time."""
BREAKER_FIRST = 30
BREAKER_LONGEST = 900


def delay_after(attempts: int, retry_after: float | None) -> float | None:
    """Seconds until the next attempt; None where there is none. What the receiver asks for is a floor."""
    if attempts >= MOST_ATTEMPTS:
        return None
    delay = DELAYS[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, guards nothing
    return max(delay, retry_after or 0)
