"""Real processes on servers of their own: drills kill the ones, and stop, restart and flush the others."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import environ
import psycopg
import pytest
import redis
from celery import Celery
from django.core.management import call_command
from django.db import connection

from api.roles import API
from api.roles import WORKER as WORKER_ROLE
from config import embedded
from config.run import CELERY_WORKER
from oauth_clients.services import create_client
from tests.conftest import COMMAND_LINE
from tests.running.conftest import ROOT, environment, wait_for
from tests.webhooks.scripted import Receiver, receiving

from .stage import Counts, Site, Stage, check_invariant

PLENTY = "1000000/m"
WORKER = [*CELERY_WORKER, "-Q", "webhooks", "-c", "1", "-l", "INFO"]
OWNER = {"first_name": "Olive", "last_name": "Owner", "email": "owner@example.com"}
JOE = {"first_name": "Joe", "last_name": "Consumer", "email": "joe@home.example", "phone_number": "(212) 555-0123"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.drill)


@dataclass
class Process:
    """With its children in a session of its own, so that all of it can be killed at once."""

    popen: subprocess.Popen[bytes]
    output: Path

    def kill(self) -> None:
        """As the kernel does when memory runs out, or a machine dies."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(60)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It stands still, as on a machine that has too much to do."""
        os.killpg(self.popen.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.popen.pid, signal.SIGCONT)

    @property
    def children(self) -> list[int]:
        found = subprocess.run(["pgrep", "-P", str(self.popen.pid)], capture_output=True, text=True, check=True)
        return [int(pid) for pid in found.stdout.split()]

    def said(self, text: str) -> bool:
        return text in self.output.read_text()


@dataclass
class Neighbours:
    """PostgreSQL and Valkey of the drills' own, and what is started on them."""

    services: embedded.Services
    directory: Path
    processes: list[Process] = field(default_factory=list)

    def start(self, *command: str, **values: str) -> Process:
        output = self.directory / f"output-{len(self.processes)}"
        facts = {
            "DATA_DIR": str(self.directory),
            "SECRET_KEY": "s" * 60,
            "ALLOW_INSECURE_HTTP": "true",
            "ALLOWED_HOSTS": "127.0.0.1",
            "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true",
            "DATABASE_URL": embedded.url_of(WORKER_ROLE if command[0] == "celery" else API, self.services.database_url),
            "REDIS_URL": self.services.redis_url,
            **{f"RATE_LIMIT_{name}": PLENTY for name in ("CREDENTIAL", "TOKEN", "ADDRESS", "LOGIN")},
            **values,
        }
        with output.open("wb") as file:
            popen = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT, env=environment(**facts), stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
        self.processes.append(Process(popen, output))
        return self.processes[-1]

    def worker(self, **values: str) -> Process:
        """One that delivers, ready to be rung for."""
        one = self.start(*WORKER, "--hostname", f"worker{len(self.processes)}@%h", **values)
        wait_for(lambda: one.said("ready."))
        return one

    def beat(self) -> Process:
        return self.start("celery", "-A", "config", "beat")

    def site(self, **values: str) -> Site:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        # No connection outlives its request: each would tell one caller of a database that was restarted.
        self.start("gunicorn", "config.wsgi", PORT=port, WEB_CONCURRENCY="1", DATABASE_CONN_MAX_AGE="0", **values)
        site = Site(f"http://127.0.0.1:{port}")
        wait_for(lambda: site.call("GET", "/healthz").status_code == 200)
        return site

    def ring(self, task: str = "webhooks.tasks.deliver") -> None:
        """A doorbell, rung by hand: one worker comes."""
        self.broker.send_task(task, queue="webhooks", ignore_result=True)

    @property
    def broker(self) -> Celery:
        url = re.sub(r"^unix://", "redis+socket://", self.services.redis_url).replace("?db=", "?virtual_host=")
        return Celery(broker=url, set_as_current=False)

    @property
    def valkey(self) -> redis.Redis:
        return redis.Redis.from_url(self.services.redis_url)

    @contextmanager
    def no_broker(self) -> Iterator[None]:
        self.services.valkey.stop()
        try:
            yield
        finally:
            self.services.valkey.start()

    def restart_database(self) -> None:
        """Every connection is cut, and what was not committed is gone."""
        self.services.postgres.stop()
        self.services.postgres.start()
        connection.close()

    @contextmanager
    def held_up(self, table: str, mode: str) -> Iterator[Callable[[], object]]:
        """Whoever needs the table waits until the block is left. Gives how to await that somebody does."""
        with psycopg.connect(self.services.database_url) as holder:
            holder.execute(f"LOCK TABLE {table} IN {mode} MODE")
            yield lambda: wait_for(self._waiting)
            with suppress(psycopg.OperationalError):  # the server was restarted
                holder.rollback()

    def _waiting(self) -> list[int]:
        query = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with psycopg.connect(self.services.database_url) as onlooker:
            return [pid for (pid,) in onlooker.execute(query)]

    def cut_off_waiting(self) -> None:
        with psycopg.connect(self.services.database_url, autocommit=True) as administrator:
            for pid in self._waiting():
                administrator.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.fixture(scope="package")
def neighbours(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Neighbours]:
    """What is read in these tests by Django's models is read from their own database."""
    directory = tmp_path_factory.mktemp("drills")
    services = embedded.start(directory, durable=True)
    before = dict(connection.settings_dict)
    own = environ.Env.db_url_config(services.database_url)
    one = Neighbours(services, directory)
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict.update(NAME=own["NAME"], OPTIONS={**before["OPTIONS"], **own["OPTIONS"]})
        call_command("migrate", verbosity=0)
        try:
            yield one
        finally:
            for process in one.processes:
                process.kill()
            connection.close()
            connection.settings_dict.update(before)
            services.stop()


@pytest.fixture(scope="package")
def site(neighbours: Neighbours) -> Site:
    return neighbours.site()


NewWorker = Callable[..., Process]


@pytest.fixture
def new_worker(neighbours: Neighbours) -> Iterator[NewWorker]:
    """Starts workers that end with the drill."""
    with ExitStack() as stack:

        def new(**values: str) -> Process:
            one = neighbours.worker(**values)
            stack.callback(one.kill)
            return one

        yield new


@pytest.fixture(scope="module")
def worker(neighbours: Neighbours) -> Iterator[Process]:
    """One for all drills of a file, which leave it alive."""
    one = neighbours.worker()
    yield one
    one.kill()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def new_stage(site: Site, name: str) -> Stage:
    row, secret = create_client(name=name, actor=COMMAND_LINE)
    grant = {"grant_type": "client_credentials", "client_id": row.client_id, "client_secret": secret}
    answer = site.call("POST", "/oauth/token", json=grant)
    assert answer.status_code == 200, answer.text
    partner = answer.json()["access_token"]
    made = site.data("POST", "/v1/agencies", token=partner, json={"agency_name": name, **OWNER})
    token, agent_id = made["agent"]["access_token"], made["agent"]["id"]
    client = site.data("POST", "/v1/client", token=token, json=JOE)["uuid"]
    return Stage(site, made["agency"]["id"], agent_id, token, f"/v1/agents/{agent_id}/clients/{client}")


@pytest.fixture
def stage(site: Site) -> Stage:
    return new_stage(site, "Harbour Insurance")


Conclude = Callable[..., Counts]


@pytest.fixture
def conclude(request: pytest.FixtureRequest, stage: Stage) -> Conclude:
    """Checks the design's invariant, and keeps the counts for the end of the run."""

    def concluded(drill: str, *, in_flight: int = 0) -> Counts:
        counts = check_invariant(stage, drill, in_flight=in_flight)
        request.node.user_properties.append(("came to", str(counts)))
        return counts

    return concluded
