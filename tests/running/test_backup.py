"""A service goes on from its back-up: the runbook's own lines, into another PostgreSQL, and the files."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from api import roles
from config import embedded
from config.run import CELERY_WORKER
from oauth_clients.services import create_client
from tests.conftest import COMMAND_LINE
from tests.webhooks.drills.stage import verifies
from tests.webhooks.scripted import Receiver, receiving
from webhooks.models import Delivery

from .conftest import ROOT, Serve, Start, environment, finish, migrated_database_url, wait_for
from .day import EMAIL, PERSON, Day, declarations

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.drill]
SECTION = (ROOT / "docs/runbook.md").read_text().partition("## Back-up and restore")[2]
LINES = re.search(r"```sh\n(.*?)```", SECTION, re.DOTALL)[1]  # type: ignore[index]
KEY = "s" * 60
OWNER = "postgres"
TRIAL = {"ALLOW_INSECURE_HTTP": "true", "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true"}
WORKER = [*CELERY_WORKER, "--queues", "celery,webhooks", "--concurrency", "1"]


@pytest.fixture
def restored_url(tmp_path: Path) -> Iterator[str]:
    """An empty database of another PostgreSQL."""
    services = embedded.start(tmp_path / "restored", durable=False)
    yield services.database_url
    services.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def rows(url: str) -> dict[str, int]:
    """How many each table has, partitions included."""
    tables = (
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    with psycopg.connect(url) as database:
        names = [name for (name,) in database.execute(tables)]
        return {name: database.execute(f"TABLE {name}").rowcount for name in names}


def told(day: Day) -> dict[str, object]:
    """What the service says to its callers of all that there is."""
    paths = {
        "/v1/agents?includeDeactivated=true": day.partner,
        "/v1/agencies": day.partner,
        f"/v1/agencies/{day.agency_id}": day.token,
        f"/v1/agents/{day.agent_id}/clients?include=submissions.declaration_pages": day.token,
        "/v1/webhooks": day.token,
        f"{day.webhook}/deliveries": day.token,
    }
    return {path: day.data("GET", path, token=token) for path, token in paths.items()}


def run_lines(dump: Path, database_url: str, restored_url: str) -> None:
    programs = [str(embedded.postgres_program("pg_dump").parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    facts = {"PATH": ":".join(programs), "DUMP": str(dump), "SECRET_KEY": KEY, "REDIS_URL": os.environ["REDIS_URL"]}
    ended = subprocess.run(
        ["bash", "-e", "-c", LINES], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env=environment(**facts, DATABASE_URL=database_url, RESTORED_URL=restored_url),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


def stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    process.wait(30)


def test_a_service_goes_on_from_its_back_up(
    serve: Serve, start: Start, receiver: Receiver, tmp_path: Path, restored_url: str
) -> None:
    def worker(database_url: str, name: str) -> "subprocess.Popen[str]":
        as_worker = embedded.url_of(roles.WORKER, database_url)
        facts = {"DATABASE_URL": as_worker, "REDIS_URL": os.environ["REDIS_URL"], "SECRET_KEY": KEY, **TRIAL}
        return start("-m", *WORKER, output=tmp_path / name, DATA_DIR=str(tmp_path), **facts)

    url = migrated_database_url(OWNER)
    row, secret = create_client(name="Partner", actor=COMMAND_LINE)
    server = serve(embedded.url_of(roles.API, url), os.environ["REDIS_URL"], WEBHOOKS_ALLOW_PRIVATE_ADDRESSES="true")
    working = worker(url, "worker")
    day = Day(server.url, row.client_id, secret, receiver.url("/crm"))
    day.begin()
    day.collect()
    day.change()
    wait_for(lambda: receiver.hits and not Delivery.objects.exclude(state="delivered").exists())
    before, counted, signed = told(day), rows(url), day.secrets
    stop(server.process)
    stop(working)

    run_lines(tmp_path / "dump", url, restored_url)
    shutil.copytree(tmp_path / "media", tmp_path / "kept")
    shutil.rmtree(tmp_path / "media")
    shutil.copytree(tmp_path / "kept", tmp_path / "media")

    assert rows(restored_url) == counted
    serve(embedded.url_of(roles.API, restored_url), os.environ["REDIS_URL"], WEBHOOKS_ALLOW_PRIVATE_ADDRESSES="true")
    assert told(day) == before
    worker(restored_url, "worker-of-restored")
    came = len(receiver.hits)
    day.change()
    wait_for(lambda: len(receiver.hits) > came)
    assert any(verifies(receiver.hits[-1], one) for one in signed if one.startswith("whsec_"))
    assert requests.get(day.link(), timeout=10).content == declarations()
    founded = {"agency_name": "Another", "email": EMAIL, **PERSON}
    made = day.data("POST", "/v1/agencies", token=day.partner, json=founded)
    assert made["agency"]["id"] == day.agency_id + 1
    tidied = finish(
        "-c", "import django; django.setup(); from webhooks.tasks import tidy; tidy()",
        DJANGO_SETTINGS_MODULE="config.settings", SECRET_KEY=KEY, DATABASE_URL=restored_url,
        REDIS_URL=os.environ["REDIS_URL"],
    )  # fmt: skip
    assert tidied.returncode == 0, tidied.stderr
