"""The clock: what it tells workers to do, and when."""

import json
import os
import shutil
from pathlib import Path

import pytest
import redis

from config.celery import Scheduler, app

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


@pytest.mark.parametrize("kept", [b"", b"\x80\x05", b"no schedule at all" * 300], ids=["nothing", "a piece", "noise"])
def test_a_file_that_was_cut_short_is_begun_anew(tmp_path: Path, start: Start, kept: bytes) -> None:
    values = {"DATABASE_URL": CLOSED_DATABASE, "REDIS_URL": os.environ["REDIS_URL"], "SECRET_KEY": "s" * 60}
    file = tmp_path / "celerybeat-schedule.dat"
    first = start(*BEAT, output=tmp_path / "first", DATA_DIR=str(tmp_path), **values)
    wait_for(file.exists)
    wait_for(lambda: b"tidy-webhooks" in file.read_bytes())
    first.kill()
    first.wait(60)
    file.write_bytes(kept)

    second = start(*BEAT, output=tmp_path / "second", DATA_DIR=str(tmp_path), **values)

    wait_for(lambda: b"tidy-webhooks" in file.read_bytes() or second.poll() is not None)
    assert second.poll() is None, (tmp_path / "second").read_text()


def test_the_clock_goes_on_where_its_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    clock = Scheduler(app=app, schedule_filename=str(tmp_path / "data/celerybeat-schedule"))
    shutil.rmtree(tmp_path / "data")

    clock.sync()
    (tmp_path / "data").mkdir()  # disks are cleared
    clock.close()
    assert Scheduler(app=app, schedule_filename=clock.schedule_filename).schedule
