"""What beat is to start, by its own schedules."""

from datetime import UTC, datetime, timedelta

import pytest
from celery.schedules import maybe_schedule
from django.conf import settings

from config.celery import app

BEGUN = datetime(2027, 2, 28, 17, tzinfo=UTC)
A_DAY_LATER = BEGUN + timedelta(days=1)


@pytest.mark.parametrize("name", settings.CELERY_BEAT_SCHEDULE)
def test_all_is_done_each_day_where_beat_remembers_nothing_and_is_started_each_day(name: str) -> None:
    """As with a release a day, each on a disk of its own."""
    schedule = maybe_schedule(settings.CELERY_BEAT_SCHEDULE[name]["schedule"], app=app)
    schedule.nowfun = lambda: now
    now, due = BEGUN, 0
    while now < A_DAY_LATER:
        due += schedule.is_due(BEGUN).is_due
        now += timedelta(minutes=1)
    assert due


@pytest.mark.parametrize("name", settings.CELERY_BEAT_SCHEDULE)
def test_however_long_no_worker_comes_few_of_a_task_wait_for_one(name: str) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE[name]
    if isinstance(entry["schedule"], int) and entry["schedule"] < 3600:
        assert entry["options"]["expires"] == 3600
