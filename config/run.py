"""`make run`: the whole service on a developer's machine, with what it needs, until Ctrl-C.

The processes are those of production: gunicorn, two Celery workers and beat. What is relaxed for development is
relaxed here, by name, and what the environment already says stays as it is.
"""

import ctypes
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import django
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection
from redis.exceptions import RedisError

from api.roles import API, WORKER
from config import startup

BASE_DIR = Path(__file__).resolve().parent.parent
DEVELOPMENT = {
    "ALLOW_INSECURE_HTTP": "true",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
    "HOST": "127.0.0.1",
    "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true",
    "MAIL_URL": "consolemail://",
}
KEPT = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "DATA_DIR", *DEVELOPMENT)
CELERY = ["celery", "--quiet", "-A", "config"]
# Workers have nothing to tell each other, and Celery's gossip fails, and may end the worker, when the broker restarts.
CELERY_WORKER = [*CELERY, "worker", "--without-gossip", "--without-mingle"]
COMMANDS = {
    "server": (API, ["gunicorn"]),
    "worker": (WORKER, [*CELERY_WORKER, "--concurrency", "2"]),
    "webhook worker": (
        WORKER,
        [*CELERY_WORKER, "--queues", "webhooks", "--hostname", "webhooks@%h", "--concurrency", "1"],
    ),
    "beat": (WORKER, [*CELERY, "beat"]),
}
"""In which role each comes to the database."""
Processes = dict[str, subprocess.Popen[bytes]]
START_SECONDS = 30
STOP_SECONDS = 10
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last: its terminal was closed
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
SAMPLE_PARTNER = "Sample partner"
SAMPLE_LOGIN = "admin"


_told_to_stop: list[int] = []
"""The signals that came. A handler that raised would be lost wherever Python drops what is raised (a weak reference's
callback, a destructor), and would forget a process that was just started: so it only notes, and is asked."""


class CannotStartError(Exception):
    """Why the service does not start, in one line that says what to do."""


class StoppedError(Exception):
    """It was told to stop."""


def main() -> None:
    """Start everything, wait for Ctrl-C or the end of one process, stop everything."""
    startup.prepare()
    for number in STOP_SIGNALS:  # a shell's background job is started with SIGINT ignored
        signal.signal(number, lambda number, _: _told_to_stop.append(number))
    try:
        with ExitStack() as stack:
            _serve(stack)
    except StoppedError:
        _say("Stopped.")
    except (CannotStartError, ImproperlyConfigured) as error:
        sys.exit(f"Cannot start: {' '.join(str(error).split())}")


def _serve(stack: ExitStack) -> None:
    data_dir = _prepare_environment()
    _require_free_port(os.environ["HOST"], os.environ["PORT"])
    url_of = _require_services(stack, data_dir)
    _heed_signals()
    django.setup()
    _require_answers()
    _heed_signals()
    _migrate()
    _heed_signals()
    _keep_environment(data_dir)
    children: Processes = {}
    stack.callback(_stop, children)
    for name, (role, command) in COMMANDS.items():
        children[name] = _start(command, url_of(role))
    _await_server(children)
    _welcome()
    _await_first_end(children)


def _prepare_environment() -> Path:
    data_dir = Path(os.environ.get("DATA_DIR") or BASE_DIR / ".data").resolve()
    with _using(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
    os.environ["DATA_DIR"] = str(data_dir)
    for name, value in {**DEVELOPMENT, "PORT": "8000"}.items():
        os.environ[name] = os.environ.get(name) or value
    if not os.environ.get("SECRET_KEY"):
        with _using(data_dir):
            os.environ["SECRET_KEY"] = _secret_key(data_dir / "secret_key")
    return data_dir


@contextmanager
def _using(data_dir: Path) -> Iterator[None]:
    """Raises CannotStartError where the folder is another user's, say, or its disk is full."""
    try:
        yield
    except OSError as error:
        raise CannotStartError(f"DATA_DIR {data_dir} cannot be used ({error.strerror}); name another") from error


def _secret_key(path: Path) -> str:
    """The development key, made at the first start and readable by its owner only. A first start that broke off, as on
    a full disk, leaves an empty file."""
    if not path.exists() or not path.stat().st_size:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text()


def _require_free_port(host: str, port: str) -> None:
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CannotStartError(f"PORT must be a number from 1 to 65535; it is {port!r}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise CannotStartError(
                f"{host}:{port} cannot be served on ({error.strerror}); stop what uses it, or set PORT to another port"
            ) from error


def _require_services(stack: ExitStack, data_dir: Path) -> Callable[[str], str]:
    """Embedded PostgreSQL and Valkey, unless the environment names both. Gives the database's address for each role:
    one for all where it is the environment's."""
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return lambda _: os.environ["DATABASE_URL"]
    from config import embedded  # a development dependency; production has no need of it

    try:
        services = embedded.start(data_dir, durable=True)
    except embedded.EmbeddedServiceError as error:
        raise CannotStartError(str(error)) from error
    stack.callback(services.stop)
    os.environ["DATABASE_URL"] = os.environ.get("DATABASE_URL") or services.database_url
    os.environ["REDIS_URL"] = os.environ.get("REDIS_URL") or services.redis_url
    return lambda role: embedded.url_of(role, os.environ["DATABASE_URL"])


def _require_answers() -> None:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise CannotStartError(startup.without_database(error)) from error
    try:
        caches["default"].get("start")
    except RedisError as error:
        raise CannotStartError(f"the counter store does not answer; check REDIS_URL ({error})") from error


def _migrate() -> None:
    try:
        call_command("migrate", verbosity=0)
    except DatabaseError as error:
        reason = str(error).strip().partition("\n")[0]
        raise CannotStartError(f"the database cannot be migrated; check the role in DATABASE_URL ({reason})") from error


def _keep_environment(data_dir: Path) -> None:
    """What `manage.py` needs to work on the running service, for a shell to read; for its owner only."""
    lines = (f"{name}={shlex.quote(os.environ[name])}\n" for name in KEPT if name in os.environ)
    path, anew = data_dir / "environment", os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with _using(data_dir), os.fdopen(os.open(path, anew, 0o600), "w") as file:
        file.writelines(lines)


def _start(command: list[str], database_url: str) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own, where the terminal's Ctrl-C does not reach it: it is stopped by us."""
    environment = {**os.environ, "DATABASE_URL": database_url}
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", *command],
        cwd=BASE_DIR,
        env=environment,
        start_new_session=True,
        preexec_fn=_end_with_us,
    )


def _end_with_us() -> None:
    """In the child, before it begins: it is told to stop when we are gone. By SIGKILL we go without a word, and it
    would keep the port from the next start. (Linux.)"""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(children: Processes) -> None:
    for process in children.values():
        process.terminate()
    for process in children.values():
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_server(children: Processes) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _heed_signals()
        _require_alive(children)
        try:
            with urllib.request.urlopen(f"{_base_url()}/healthz", timeout=5):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)
    raise CannotStartError(f"the server does not answer within {START_SECONDS} seconds; its log is above")


def _await_first_end(children: Processes) -> NoReturn:
    while True:
        _heed_signals()
        _require_alive(children)
        time.sleep(0.5)


def _require_alive(children: Processes) -> None:
    for name, process in children.items():
        if process.poll() is not None:
            raise CannotStartError(f"the {name} ended by itself ({process.returncode}); its log is above")


def _welcome() -> None:
    """Say where the service is, and the first time, make what is needed to try it. Secrets are shown once."""
    base = _base_url()
    _say(f"\nServing on {base}   documentation: {base}/docs/   admin: {base}/admin/   stop: Ctrl-C")
    _make_login()
    _make_partner(base)


def _make_login() -> None:
    from django.contrib.auth.models import User

    if User.objects.filter(username=SAMPLE_LOGIN).exists():
        return
    password = secrets.token_urlsafe(15)
    User.objects.create_superuser(SAMPLE_LOGIN, password=password)
    _say(f"\nAdmin login, shown only now:\n  user      {SAMPLE_LOGIN}\n  password  {password}")


def _make_partner(base: str) -> None:
    from api.principals import Administrator
    from oauth_clients.models import OAuthClient
    from oauth_clients.services import create_client

    if OAuthClient.objects.filter(name=SAMPLE_PARTNER).exists():
        return
    client, secret = create_client(name=SAMPLE_PARTNER, actor=Administrator(user_id=None))
    token = (
        f"curl -s {base}/oauth/token -d grant_type=client_credentials"
        f" -d client_id={client.client_id} -d client_secret={secret}"
        " | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"access_token\"])'"
    )
    _say(
        f"\n{SAMPLE_PARTNER}, shown only now:\n  client_id      {client.client_id}\n  client_secret  {secret}\n"
        f'\nTry it:\n  curl -s {base}/v1/agents -H "Authorization: Bearer $({token})"'
    )


def _base_url() -> str:
    host = os.environ["HOST"]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104
    return f"http://{shown}:{os.environ['PORT']}"


def _heed_signals() -> None:
    """Between two steps of starting, where all that was started is known and can be stopped."""
    if _told_to_stop:
        raise StoppedError


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
