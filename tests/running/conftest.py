"""Real processes: each is started here, and stopped here by its own id."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import requests
from django.db import connection

from api.roles import API, WORKER
from config import embedded
from tests.services import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., subprocess.Popen[str]]
CLOSED_DATABASE = "postgresql://x@127.0.0.1:1/x"
CLOSED_STORE = "redis://127.0.0.1:1/0"
OWNER, DATABASE = "agency_owner", "agency"


@dataclass(frozen=True)
class Server:
    """gunicorn, with one worker unless it is told otherwise."""

    process: subprocess.Popen[str]
    url: str
    directory: Path
    """Where it keeps its files, and writes its log (`output`)."""

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", headers=headers, timeout=60)

    @property
    def workers(self) -> list[int]:
        """The processes that answer."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    @property
    def worker(self) -> int:
        """The one, where there is one."""
        [only] = self.workers
        return only


Serve = Callable[..., Server]


def environment(**values: str) -> dict[str, str]:
    """This machine's environment without what the tests set for Django, and with `values`. What a process compiles is
    kept, also where that is turned off: the next of some sixty need not do it again."""
    ours = {*SETTINGS, "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE"}
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **values}


def finish(*command: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module or script that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(**values),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def wait_for(what: Callable[[], object], seconds: float = 60) -> object:
    """The first truthy answer of `what`, which may fail with OSError until then. On a busy machine a start alone may
    take half a minute, so it waits longer than that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answer := what():
                return answer
        except OSError:
            pass
        time.sleep(0.05)
    pytest.fail(f"nothing within {seconds} seconds")


@contextmanager
def starting() -> Iterator[Start]:
    """Start a Python module in the background; what still runs when the block is left is stopped."""
    started: list[subprocess.Popen[str]] = []

    def start_one(*command: str, output: Path, **values: str) -> subprocess.Popen[str]:
        with output.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment(**values), stdout=file, stderr=file, text=True
            )
        started.append(process)
        return process

    yield start_one
    running = [process for process in started if process.poll() is None]
    for process in running:
        process.send_signal(signal.SIGINT)  # gunicorn then waits for no kept connection
    for process in running:
        process.wait(60)  # longer than gunicorn waits for a request that is under way


@pytest.fixture
def start() -> Iterator[Start]:
    """For one test."""
    with starting() as start:
        yield start


@pytest.fixture(scope="module")
def start_once() -> Iterator[Start]:
    """For all tests of a file: a process takes longer to start than most of them."""
    with starting() as start:
        yield start


def free_port() -> str:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def port() -> str:
    return free_port()


def migrated_database_url(role: str = API) -> str:
    """The database that this test sees, for a process of this role; what is not committed there, none sees."""
    url = os.environ["DATABASE_URL"].replace("/postgres?", f"/{connection.settings_dict['NAME']}?")
    return embedded.url_of(role, url)


@pytest.fixture
def serve(tmp_path: Path, port: str, start: Start) -> Serve:
    """Serve one test; a server that follows another is found where that was."""
    return partial(served, start, tmp_path, port)


@pytest.fixture(scope="module")
def serve_once(tmp_path_factory: pytest.TempPathFactory, start_once: Start, django_db_setup: None) -> Serve:
    """Serve all tests of a file."""
    return partial(served, start_once, tmp_path_factory.mktemp("served"), free_port())


def served(start: Start, directory: Path, port: str, database_url: str, redis_url: str, **values: str) -> Server:
    """Serve with these neighbours by gunicorn, as production does; further settings by name."""
    facts = {"PORT": port, "SECRET_KEY": "s" * 60, "ALLOW_INSECURE_HTTP": "true", "WEB_CONCURRENCY": "1", **values}
    process = start(
        "-m",
        "gunicorn",
        "config.wsgi",
        output=directory / "output",
        DATA_DIR=str(directory),
        ALLOWED_HOSTS="127.0.0.1",
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        **facts,
    )
    server = Server(process, f"http://127.0.0.1:{facts['PORT']}", directory)
    wait_for(lambda: server.get("/healthz").status_code == 200)
    return server


@dataclass(frozen=True)
class Site:
    """A server of PostgreSQL on which only the owner and its database were made."""

    services: embedded.Services

    def url_of(self, role: str, password: str = "") -> str:
        return f"postgresql://{role}:{password}@/{DATABASE}?host={quote(str(self.services.postgres.sockets), safe='')}"

    def asked(self, role: str, *statements: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url_of(role), autocommit=True) as connection:
            answers = [connection.execute(statement) for statement in statements]
            return answers[-1].fetchall() if answers[-1].description else []

    def finish(self, *command: str, role: str = OWNER) -> str:
        values = {"DATABASE_URL": self.url_of(role), "REDIS_URL": self.services.redis_url, "SECRET_KEY": "s" * 60}
        ended = finish(*command, **values, DJANGO_SETTINGS_MODULE="config.settings")
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def administer(self, *statements: str) -> list[tuple[Any, ...]]:
        return self.asked("postgres", *statements)

    def migrate(self, *to: str) -> None:
        self.finish("manage.py", "migrate", *to)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    services = embedded.start(tmp_path / "data", durable=False)
    try:
        with psycopg.connect(services.database_url, autocommit=True) as administrator:
            administrator.execute(f"DROP ROLE {API}, {WORKER}")
            administrator.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
            administrator.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        yield Site(services)
    finally:
        services.stop()
