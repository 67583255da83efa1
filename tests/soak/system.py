"""The whole system as production runs it, on services of its own, and what starts a process again that has ended."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis

from config import embedded
from config.run import BASE_DIR, COMMANDS

START_SECONDS = 60
STOP_SECONDS = 30
AWAY_SECONDS = 1.0
"""How long a service that is restarted is away at least, and a process that ended."""
HANGING_SECONDS = 0.3
WAIT_SECONDS = 2
UNDER_WAY = "SELECT FROM webhooks_delivery WHERE state = 'leased' LIMIT 1"
SERVER, WORKER, DELIVERER, DATABASE = "server", "worker", "webhook worker", "PostgreSQL"


@dataclass
class System:
    """gunicorn, both workers and beat, PostgreSQL and Valkey."""

    services: embedded.Services
    directory: Path
    url: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    """What ended without being killed by us."""
    _killed: set[int] = field(default_factory=set)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        for name in COMMANDS:
            self._start(name)
        self._await_server()
        threading.Thread(target=self._supervise, daemon=True).start()

    def stop(self) -> None:
        """All at once, as at the end of a deployment."""
        self._stopping.set()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def log(self, name: str) -> Path:
        return self.directory / f"{name.replace(' ', '-')}.log"

    # --- what goes wrong ------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """A process with its children, as when memory runs out; it is started again soon."""
        process = self.processes[name]
        self._killed.add(process.pid)
        os.killpg(process.pid, signal.SIGKILL)

    def kill_deliverer(self) -> None:
        """In the middle of a delivery, if there is one within a moment."""
        deadline = time.monotonic() + WAIT_SECONDS
        with psycopg.connect(self.services.database_url, autocommit=True) as database:
            while not database.execute(UNDER_WAY).fetchall() and time.monotonic() < deadline:
                time.sleep(0.002)
        self.kill(DELIVERER)

    def kill_server_worker(self) -> None:
        """One of gunicorn's, which gunicorn itself replaces. It hangs for a moment first, so that it dies with requests
        that are half done, done and not yet answered, or waiting."""
        worker = children(self.processes[SERVER].pid)[0]
        os.kill(worker, signal.SIGSTOP)
        time.sleep(HANGING_SECONDS)
        os.kill(worker, signal.SIGKILL)

    def restart_counter_store(self) -> None:
        self._restart(self.services.valkey)

    def restart_database(self) -> None:
        self._restart(self.services.postgres)

    def crash_database(self) -> None:
        """All of it at once, as when a machine dies."""
        for pid in family(_postmaster(self.services.postgres)):
            os.kill(pid, signal.SIGKILL)
        time.sleep(AWAY_SECONDS)
        self.services.postgres.start()

    def _restart(self, service: embedded.Postgres | embedded.Valkey) -> None:
        service.stop()
        time.sleep(AWAY_SECONDS)
        service.start()

    # --- who is who -----------------------------------------------------------------------------------

    def parts(self) -> dict[str, list[int]]:
        """The processes of each part."""
        ours = {name: family(process.pid) for name, process in self.processes.items()}
        with redis.Redis.from_url(self.services.redis_url) as valkey:
            store = valkey.info("server")["process_id"]
        return {**ours, DATABASE: family(_postmaster(self.services.postgres)), "Valkey": family(store)}

    # --- starting -------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        role, command = COMMANDS[name]
        environment = {**os.environ, "DATABASE_URL": embedded.url_of(role, self.services.database_url)}
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=BASE_DIR, env=environment, start_new_session=True, stdout=log, stderr=log,
            )  # fmt: skip

    def _supervise(self) -> None:
        while not self._stopping.wait(AWAY_SECONDS):
            for name, process in list(self.processes.items()):
                if process.poll() is not None and not self._stopping.is_set():
                    if process.pid not in self._killed:
                        self.ended.append(f"the {name} ended by itself ({process.returncode})")
                    self._start(name)

    def _await_server(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return
            time.sleep(0.1)
        sys.exit(f"The server does not start:\n{self.log(SERVER).read_text()[-2000:]}")


@contextmanager
def running(services: embedded.Services, directory: Path) -> Iterator[System]:
    """The environment says where."""
    system = System(services, directory, f"http://127.0.0.1:{os.environ['PORT']}")
    try:
        system.start()
        yield system
    finally:
        system.stop()


def _postmaster(postgres: embedded.Postgres) -> int:
    return int((postgres.data_dir / "postmaster.pid").read_text().partition("\n")[0])


def family(pid: int) -> list[int]:
    """A process, its children and theirs."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def children(pid: int) -> list[int]:
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:  # it has ended
        return []
    return [int(one) for one in told.split()]
