"""The embedded servers, against what happens to them on a developer's machine."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import embedded

from .conftest import wait_for


def store(services: embedded.Services) -> redis.Redis:
    return redis.Redis.from_url(services.redis_url, retry=Retry(NoBackoff(), 0))


def postgres_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().partition("\n")[0])


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text()


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.start(tmp_path, durable=False).stop()


@pytest.mark.drill
def test_data_survives_servers_that_were_killed(data_dir: Path) -> None:
    services = embedded.start(data_dir, durable=True)
    with psycopg.connect(services.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    client = store(services)
    client.set("kept", "42")
    client.config_set("appendfsync", "always")
    client.set("kept", "43")
    for pid in (postgres_pid(data_dir), client.info("server")["process_id"]):
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: gone(pid))
    services.use.close()  # as the kernel does when a process is killed
    # The number of the server that was killed may belong to another process by now.
    pid_file = data_dir / "postgres" / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(pid_file.read_text().partition("\n")[0], str(os.getppid()), 1))

    again = embedded.start(data_dir, durable=True)

    with psycopg.connect(again.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchall() == [(42,)]
    assert store(again).get("kept") == b"43"
    again.stop()


def test_the_last_user_stops_the_servers(data_dir: Path) -> None:
    first, second = embedded.start(data_dir, durable=False), embedded.start(data_dir, durable=False)
    pid = postgres_pid(data_dir)

    first.stop()

    assert store(second).ping()
    assert postgres_pid(data_dir) == pid
    second.stop()
    with pytest.raises(redis.ConnectionError):
        store(second).ping()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(second.database_url)


def test_a_deep_path_with_odd_characters_works(tmp_path: Path) -> None:
    deep = tmp_path / "it's 100% deep" / ("d" * 100)

    services = embedded.start(deep, durable=False)

    assert store(services).ping()
    psycopg.connect(services.database_url).close()
    services.stop()
