"""When a delivery is attempted again."""

import pytest

from webhooks.delivery.schedule import DELAYS, MOST_ATTEMPTS, delay_after

HOUR = 3600


def test_twelve_attempts_in_three_days() -> None:
    assert MOST_ATTEMPTS == 12
    assert sum(DELAYS) / HOUR == pytest.approx(75.7, abs=0.05)
    assert DELAYS[0] == 5


@pytest.mark.parametrize("attempts", range(1, MOST_ATTEMPTS))
def test_each_delay_is_up_to_a_fifth_shorter_or_longer(attempts: int) -> None:
    delays = [delay_after(attempts, None) or 0 for _ in range(300)]
    nominal = DELAYS[attempts - 1]
    assert 0.8 * nominal <= min(delays) < 0.9 * nominal
    assert 1.1 * nominal < max(delays) <= 1.2 * nominal


@pytest.mark.parametrize("retry_after", [None, 0, 100])
def test_there_is_none_after_the_last(retry_after: float | None) -> None:
    assert delay_after(MOST_ATTEMPTS, retry_after) is None


def test_what_the_receiver_asks_for_is_a_floor() -> None:
    assert delay_after(1, 100.0) == 100
    assert 4 <= (delay_after(1, 1.0) or 0) <= 6
