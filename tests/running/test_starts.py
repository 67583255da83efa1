"""The ways into the program, as processes."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from django.db import connection

from api.roles import API
from config.run import CELERY_WORKER

from .conftest import Start, finish, migrated_database_url, wait_for

CLOSED = {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "gunicorn", "config.wsgi"),
        ("-m", "celery", "-A", "config", "worker"),
        ("-m", "celery", "-A", "config", "beat"),
        ("manage.py", "migrate"),
    ],
    ids=lambda command: command[-1],
)
def test_a_missing_secret_is_told_in_one_line(command: tuple[str, ...]) -> None:
    ended = finish(*command, **CLOSED)

    assert ended.returncode != 0
    assert (ended.stdout + ended.stderr) == "Cannot start: Set the SECRET_KEY environment variable\n"


def test_an_unreachable_database_is_told_in_one_line(tmp_path: Path, port: str) -> None:
    ended = finish("-m", "config.run", **CLOSED, DATA_DIR=str(tmp_path), PORT=port)

    assert ended.returncode != 0
    assert re.fullmatch(r"Cannot start: the database does not answer; check DATABASE_URL .+\n", ended.stderr)


@pytest.mark.parametrize("command", ["migrate", "recount", "create_oauth_client X"])
@pytest.mark.parametrize("url", [CLOSED["DATABASE_URL"], "postgresql://x:word@nowhere.invalid/x"])
def test_so_it_is_by_each_command(command: str, url: str) -> None:
    ended = finish("manage.py", *command.split(), **{**CLOSED, "SECRET_KEY": "s" * 60, "DATABASE_URL": url})

    assert ended.returncode != 0
    assert re.fullmatch(r"Cannot start: the database does not answer; check DATABASE_URL .+\n", ended.stderr)
    assert "word" not in ended.stderr


def test_an_unreachable_counter_store_is_told_in_one_line(tmp_path: Path, port: str) -> None:
    values = {**CLOSED, "DATABASE_URL": os.environ["DATABASE_URL"]}

    ended = finish("-m", "config.run", **values, DATA_DIR=str(tmp_path), PORT=port)

    assert ended.returncode != 0
    assert re.fullmatch(r"Cannot start: the counter store does not answer; check REDIS_URL .+\n", ended.stderr)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SECRET_KEY", "", "Set the SECRET_KEY environment variable"),
        ("SECRET_KEY", "k3y" * 16, "SECRET_KEY must be at least 50 random characters"),
        ("TRUSTED_PROXY_COUNT", "one", "TRUSTED_PROXY_COUNT must be a whole number; it is 'one'"),
        ("TRUSTED_PROXY_COUNT", "-1", "TRUSTED_PROXY_COUNT must be a whole number; it is '-1'"),
        ("ALLOW_INSECURE_HTTP", "maybe", "ALLOW_INSECURE_HTTP must be true or false; it is 'maybe'"),
        ("RATE_LIMIT_TOKEN", "10/d", "RATE_LIMIT_TOKEN must read COUNT/m or COUNT/h, for example 10/m; it is '10/d'"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL must read postgresql://user:password@host:5432/name"),
        ("DATABASE_URL", "mysql://a:b@c/d", "DATABASE_URL must read postgresql://user:password@host:5432/name"),
        ("DATABASE_URL", "postgresql://a:b@c:port/d", "DATABASE_URL must read .+: its port is no number, or .+"),
        (
            "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES",
            "true",
            "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES is for trials, together with ALLOW_INSECURE_HTTP",
        ),
        ("WEBHOOK_SECRET_KEYS", "short", "WEBHOOK_SECRET_KEYS must be random texts of at least 32 characters"),
        ("WEBHOOK_SECRET_KEYS", f"{'k' * 32},short", "WEBHOOK_SECRET_KEYS must be random texts of .+ characters"),
        ("METRICS_TOKEN", f"{'m' * 32},short", "METRICS_TOKEN must be random texts of at least 32 .+ characters"),
        ("DATABASE_URL", "postgresql://", "DATABASE_URL must read postgresql://user:password@host:5432/name"),
        ("DATABASE_URL", "postgresql://a:b@c/d?sslmod=x", "DATABASE_URL has an option behind its .+ does not know"),
        ("REDIS_URL", "nonsense", "REDIS_URL must read redis://host:6379/0, or rediss://… with TLS"),
        ("REDIS_URL", "redis://host/name", "REDIS_URL must read redis://host:6379/0, or rediss://… with TLS"),
        ("REDIS_URL", "redis://:pass/word@host", "REDIS_URL must read .+, or a password in it has a / that .+ %2F"),
        ("MAIL_URL", "nonsense", r"MAIL_URL must read smtp\+tls://user:password@host:587"),
        ("MAIL_URL", "smtp://a:pass/word@host:587", "MAIL_URL must read .+, or a password in it has a / that .+ %2F"),
        ("ALLOWED_HOSTS", "https://host", "ALLOWED_HOSTS must be names such as .+; it is 'https://host'"),
        ("CSRF_TRUSTED_ORIGINS", "host", "CSRF_TRUSTED_ORIGINS must read https://host, without a path; it is 'host'"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be one of DEBUG, INFO, .+; it is 'LOUD'"),
        ("WEB_CONCURRENCY", "0", "WEB_CONCURRENCY must be a whole number from 1; it is '0'"),
        ("WEB_THREADS", "many", "WEB_THREADS must be a whole number from 1; it is 'many'"),
        ("WEB_STALL_SECONDS", "-1", "WEB_STALL_SECONDS must be a whole number from 1; it is '-1'"),
        ("PORT", "99999", "PORT must be a whole number from 1 to 65535; it is '99999'"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(name: str, value: str, told: str) -> None:
    ended = finish("-m", "gunicorn", **{**CLOSED, "SECRET_KEY": "s" * 60, "ALLOWED_HOSTS": "localhost", name: value})

    assert ended.returncode != 0
    assert re.fullmatch(f"Cannot start: {told}\n", ended.stdout + ended.stderr)


def test_a_start_that_fails_leaves_no_folder_of_counts(tmp_path: Path, start: Start) -> None:
    failed = start("-m", "gunicorn", output=tmp_path / "output", **CLOSED)

    assert failed.wait(60) != 0
    places = (Path("/dev/shm"), Path(tempfile.gettempdir()))  # noqa: S108
    assert not [place for place in places if (place / f"agency-api-counts-{failed.pid}").exists()]


def test_an_address_of_a_bucket_that_is_none_is_told_in_one_line() -> None:
    values = {**CLOSED, "SECRET_KEY": "s" * 60, "S3_BUCKET": "files", "S3_ENDPOINT_URL": "store.example.com"}

    ended = finish("-m", "gunicorn", **values)

    assert ended.returncode != 0
    assert ended.stdout + ended.stderr == "Cannot start: S3_ENDPOINT_URL must read https://host\n"


def test_a_secret_that_looks_like_a_variables_name_is_a_secret() -> None:
    """django-environ by itself would look for a variable PATH, and tell the name of one it does not find."""
    values = {**CLOSED, "SECRET_KEY": "$PATH" + "s" * 60}
    code = "import django; django.setup(); from django.conf import settings; print(settings.SECRET_KEY)"

    assert finish("-c", code, **values, DJANGO_SETTINGS_MODULE="config.settings").stdout.strip() == values["SECRET_KEY"]


def test_a_data_directory_that_cannot_be_made_is_told_in_one_line(tmp_path: Path, port: str) -> None:
    (tmp_path / "file").touch()

    ended = finish("-m", "config.run", DATA_DIR=str(tmp_path / "file/data"), PORT=port)

    assert ended.returncode != 0
    assert re.fullmatch(r"Cannot start: DATA_DIR .+ cannot be used \(Not a directory\); name another\n", ended.stderr)


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); from config import run; run.main()"
"""No file may be larger than so many bytes; a disk that is full is the same to whoever writes."""


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, r"DATA_DIR .+ cannot be used \(File too large\); name another"),
        (65_536, "PostgreSQL cannot make .+: .*(error:|FATAL|PANIC).*"),
    ],
)
def test_a_disk_that_is_full_is_told_in_one_line(tmp_path: Path, port: str, size: int, told: str) -> None:
    ended = finish("-c", FULL.format(size), DATA_DIR=str(tmp_path), PORT=port)

    assert ended.returncode != 0
    assert re.fullmatch(f"Cannot start: {told}\n", ended.stderr)


def test_a_key_that_a_start_before_did_not_come_to_write_is_made(tmp_path: Path, port: str) -> None:
    (tmp_path / "secret_key").touch()

    ended = finish("-m", "config.run", **CLOSED, DATA_DIR=str(tmp_path), PORT=port)

    assert ended.stderr.startswith("Cannot start: the database does not answer")
    assert len((tmp_path / "secret_key").read_text()) > 50


def test_a_role_that_may_not_make_tables_is_told_in_one_line(tmp_path: Path, port: str, transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE powerless LOGIN")
    try:
        url = os.environ["DATABASE_URL"].replace("//postgres@", "//powerless@")
        assert "powerless" in url
        values = {"DATABASE_URL": url, "REDIS_URL": os.environ["REDIS_URL"], "DATA_DIR": str(tmp_path), "PORT": port}

        ended = finish("-m", "config.run", **values)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE powerless")

    assert ended.returncode != 0
    assert re.fullmatch(r"Cannot start: the database cannot be migrated; check the role .+\n", ended.stderr)


def test_a_worker_with_the_servers_login_is_told_in_one_line(tmp_path: Path, transactional_db: None) -> None:
    """It would be shown no row, and so deliver nothing without a word."""
    login = {"DATABASE_URL": migrated_database_url(API), "REDIS_URL": os.environ["REDIS_URL"]}
    ended = finish("-m", *CELERY_WORKER, **login, SECRET_KEY="s" * 60, DATA_DIR=str(tmp_path))

    assert ended.returncode != 0
    assert re.search("^Cannot start: agency_api is shown no tenant's rows; .+$", ended.stderr, re.MULTILINE)


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended = finish("-m", "config.run", DATA_DIR=str(tmp_path), PORT=port)

    assert ended.returncode != 0
    assert re.fullmatch(rf"Cannot start: 127\.0\.0\.1:{port} cannot be served on .+ set PORT to .+\n", ended.stderr)
    assert not (tmp_path / "postgres").exists()


@pytest.mark.drill
def test_the_printed_line_works_when_pasted_and_one_interrupt_stops_all(
    tmp_path: Path, port: str, start: Start
) -> None:
    output = tmp_path / "output"
    service = start("-m", "config.run", output=output, DATA_DIR=str(tmp_path / "data"), PORT=port)
    line = wait_for(lambda: re.search(r"^  (curl .+)\n", output.read_text(), re.MULTILINE) or service.poll())
    assert isinstance(line, re.Match), output.read_text()

    pasted = subprocess.run(["bash", "-c", line[1]], capture_output=True, text=True, timeout=60, check=True)

    assert pasted.stdout.startswith("{"), pasted.stdout
    assert '"errors"' not in pasted.stdout
    assert oct((tmp_path / "data/secret_key").stat().st_mode & 0o777) == "0o600"
    wait_for(lambda: output.read_text().count(" ready.") == 2)  # the workers
    time.sleep(6)
    assert "task_" not in output.read_text(), "what comes each five seconds moves out of sight what is shown only now"
    service.send_signal(signal.SIGINT)
    assert service.wait(60) == 0
    assert not (tmp_path / "data/postgres/postmaster.pid").exists()
    assert not (tmp_path / "data/valkey/valkey.sock").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))


DROPPED = """
import os, signal
from django.db.backends.signals import connection_created
from config import run

class Dropped:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

connection_created.connect(lambda **_: Dropped() and None, weak=False)
run.main()
"""


def test_a_signal_is_heard_that_comes_where_python_drops_what_is_raised(
    tmp_path: Path, port: str, start: Start
) -> None:
    """In a destructor; weak references' callbacks, of which importing runs many, are alike."""
    service = start("-c", DROPPED, output=tmp_path / "output", DATA_DIR=str(tmp_path / "data"), PORT=port)

    assert service.wait(30) == 0
    assert (tmp_path / "output").read_text() == "Stopped.\n"


@pytest.mark.drill
@pytest.mark.skipif(sys.platform != "linux", reason="only there the kernel tells children")
def test_after_it_was_killed_the_next_start_serves(tmp_path: Path, port: str, start: Start) -> None:
    data_dir, output = tmp_path / "data", tmp_path / "output"
    killed = start("-m", "config.run", output=output, DATA_DIR=str(data_dir), PORT=port)
    wait_for(lambda: "Serving on" in output.read_text())
    killed.kill()
    killed.wait(60)
    everything = ["ps", "axeww", "-o", "command="]
    ours = re.compile(rf"python -m (gunicorn|celery) .*DATA_DIR={data_dir}")
    wait_for(lambda: not ours.search(subprocess.run(everything, capture_output=True, text=True, check=True).stdout))

    follower = start("-m", "config.run", output=output, DATA_DIR=str(data_dir), PORT=port)

    wait_for(lambda: "Serving on" in output.read_text() or follower.poll())
    assert follower.poll() is None, output.read_text()


@pytest.mark.drill
@pytest.mark.parametrize("tenths", range(6, 60, 4))
def test_told_to_stop_at_any_moment_of_starting_it_leaves_nothing_behind(
    tenths: int, tmp_path: Path, port: str, start: Start
) -> None:
    data_dir, output = tmp_path / "data", tmp_path / "output"
    service = start("-m", "config.run", output=output, DATA_DIR=str(data_dir), PORT=port)
    time.sleep(tenths / 10)
    service.terminate()

    assert service.wait(60) == 0 or not data_dir.exists(), output.read_text()
    everything = subprocess.run(["ps", "axeww", "-o", "command="], capture_output=True, text=True, check=True)
    assert f"DATA_DIR={data_dir}" not in everything.stdout
