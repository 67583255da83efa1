"""The database is brought back to a moment, by the runbook's own lines: the service goes on from there."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api import roles
from config import embedded
from config.run import CELERY_WORKER
from tests.webhooks.scripted import Receiver, receiving

from .conftest import ROOT, Serve, Server, Start, environment, finish, wait_for
from .day import EMAIL, PERSON, Day

pytestmark = pytest.mark.drill
SECTION = (ROOT / "docs/runbook.md").read_text().partition("## Going back to a moment")[2].partition("\n## ")[0]
ARCHIVE_FROM_NOW_ON, COPY, GO_BACK = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
[BEFORE_ANYBODY_IS_LET_IN] = re.findall(r"```sql\n(.*?)```", SECTION, re.DOTALL)
TRIAL = {"SECRET_KEY": "s" * 60, "ALLOW_INSECURE_HTTP": "true", "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true"}
WORKER = [*CELERY_WORKER, "--queues", "celery,webhooks", "--concurrency", "1"]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where PostgreSQL's own user may write."""
    disk = tmp_path / "disk"
    (disk / "archive").mkdir(parents=True)
    if postgres_user():
        for path in (disk, disk / "archive"):
            shutil.chown(path, postgres_user())
    return disk


@pytest.fixture
def services(tmp_path: Path) -> Iterator[embedded.Services]:
    services = embedded.start(tmp_path / "services", durable=True)
    yield services
    services.stop()


@pytest.fixture
def restored(disk: Path) -> Iterator[embedded.Postgres]:
    """Where it is started that was brought back."""
    restored = embedded.Postgres(disk / "restored", durable=True)
    yield restored
    if restored.data_dir.exists():
        restored.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def postgres_user() -> str | None:
    return embedded.UNPRIVILEGED_USER if os.geteuid() == 0 else None


def run_lines(lines: str, disk: Path, url: str, moment: str = "") -> None:
    programs = f"{embedded.postgres_program('psql').parent}:{os.environ['PATH']}"
    places = {name.upper(): str(disk / name) for name in ("archive", "base", "restored")}
    ended = subprocess.run(
        ["bash", "-e", "-c", lines], cwd=disk, capture_output=True, text=True, timeout=120, check=False,
        user=postgres_user(), env=environment(PATH=programs, ADMIN_URL=url, MOMENT=moment, **places),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


def asked(url: str, statement: str) -> Any:
    """The first value of the first row."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement).fetchone()[0]  # type: ignore[index]


def all_delivered(url: str) -> bool:
    return asked(url, "SELECT count(*) FILTER (WHERE state <> 'delivered') FROM webhooks_delivery") == 0


def told(day: Day) -> dict[str, object]:
    """What the service says to its callers of all that there is, by tokens of before."""
    paths = {
        "/v1/agents?includeDeactivated=true": day.partner,
        "/v1/agencies": day.partner,
        f"/v1/agents/{day.agent_id}/clients?include=submissions.declaration_pages": day.token,
        "/v1/webhooks": day.token,
    }
    return {path: day.data("GET", path, token=token) for path, token in paths.items()}


def founded(day: Day) -> int:
    body = {"agency_name": "Another", "email": EMAIL, **PERSON}
    return day.data("POST", "/v1/agencies", token=day.partner, json=body)["agency"]["id"]


def revisions(receiver: Receiver) -> list[int]:
    """Of the client that changes, as its receiver hears of them."""
    events = [json.loads(hit.body) for hit in receiver.hits]
    return [event["data"]["object_revision"] for event in events if event["type"] == "client.updated"]


def stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    process.wait(60)


def test_a_service_goes_on_from_a_moment_before_somebodys_mistake(
    services: embedded.Services,
    restored: embedded.Postgres,
    disk: Path,
    serve: Serve,
    start: Start,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    url = services.database_url

    def server() -> Server:
        return serve(embedded.url_of(roles.API, url), services.redis_url, **TRIAL)

    def worker(name: str) -> "subprocess.Popen[str]":
        facts = {"DATABASE_URL": embedded.url_of(roles.WORKER, url), "REDIS_URL": services.redis_url, **TRIAL}
        return start("-m", *WORKER, output=tmp_path / name, DATA_DIR=str(tmp_path), **facts)

    run_lines(ARCHIVE_FROM_NOW_ON, disk, url)
    services.postgres.stop()
    services.postgres.start()
    command = {"DATABASE_URL": url, "REDIS_URL": services.redis_url, **TRIAL}
    assert finish("manage.py", "migrate", **command).returncode == 0
    made = finish("manage.py", "create_oauth_client", "Partner", **command).stdout
    client_id, secret = re.findall(r"client_(?:id|secret)\W+(\S+)", made)
    serving, working = server(), worker("worker")
    day = Day(serving.url, client_id, secret, receiver.url("/crm"))
    day.begin()
    day.collect()
    run_lines(COPY, disk, url)
    day.change()
    wait_for(lambda: all_delivered(url), 60)

    stop(working)
    day.change()
    before, moment = told(day), str(asked(url, "SELECT clock_timestamp()"))
    working = worker("worker-again")
    wait_for(lambda: all_delivered(url), 60)
    under_way = receiver.hits[-1].id
    for _ in range(3):
        day.change()
    given = founded(day)
    path = f"/v1/agents/{day.agent_id}/reset-access-token"
    reset = day.data("POST", path, token=day.partner)["agent"]["access_token"]
    wait_for(lambda: all_delivered(url), 60)
    assert asked(url, "UPDATE clients_client SET last_name = 'Oops' RETURNING true")
    heard, newest = len(receiver.hits), max(revisions(receiver))
    stop(serving.process)
    stop(working)
    services.postgres.stop()

    run_lines(GO_BACK, disk, url, moment)
    restored.start()
    url = restored.url
    wait_for(lambda: not asked(url, "SELECT pg_is_in_recovery()"))
    with psycopg.connect(url) as owner:
        owner.execute(BEFORE_ANYBODY_IS_LET_IN)
    serving = server()

    assert told(day) == before
    assert day.call("GET", "/v1/webhooks", token=reset).status_code == 401
    assert founded(day) > given
    worker("worker-of-restored")
    day.change()
    wait_for(lambda: all_delivered(url), 60)
    again = receiver.hits[heard:]
    assert [hit.id for hit in again].count(under_way) == 1
    assert max(revisions(receiver)) > newest
