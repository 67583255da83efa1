"""The clock: what it tells workers to do, and when."""

import json
import os
from pathlib import Path

import pytest
import redis

from .conftest import CLOSED_DATABASE, Start, finish, wait_for

BEAT = ("-m", "celery", "-A", "config", "beat")
EACH_DAY = {
    "administration.tasks.clear_expired_sessions",
    "agencies.tasks.sweep_pictures",
    "agents.tasks.tidy_totals",
    "clients.tasks.sweep_orphans",
    "webhooks.tasks.tidy",
}


@pytest.mark.drill
def test_what_is_done_each_day_is_done_though_beat_began_this_day_and_kept_nothing(
    tmp_path: Path, start: Start
) -> None:
    start(
        *BEAT,
        output=tmp_path / "output",
        DATA_DIR=str(tmp_path / "not/there/yet"),
        SECRET_KEY="s" * 60,
        DATABASE_URL=CLOSED_DATABASE,
        REDIS_URL=os.environ["REDIS_URL"],
        LD_PRELOAD="/usr/$LIB/faketime/libfaketimeMT.so.1",
        FAKETIME="@2030-01-01 08:59:50",
    )
    queue = redis.Redis.from_url(os.environ["REDIS_URL"])
    wait_for(lambda: {json.loads(one)["headers"]["task"] for one in queue.lrange("celery", 0, -1)} >= EACH_DAY)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    values = {"DATABASE_URL": CLOSED_DATABASE, "REDIS_URL": "redis://127.0.0.1:1/0", "SECRET_KEY": "s" * 60}

    ended = finish(*BEAT, **values, DATA_DIR=str(tmp_path / "file/data"))

    assert ended.returncode != 0
    told = f"Cannot start: DATA_DIR cannot be written to: {tmp_path}/file/data/celerybeat-schedule (Not a directory)"
    assert ended.stderr.splitlines()[-1] == told
