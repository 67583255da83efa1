"""The ways into the program, as processes."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from .conftest import Start, finish, wait_for

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


def test_an_unreachable_counter_store_is_told_in_one_line(tmp_path: Path, port: str) -> None:
    values = {**CLOSED, "DATABASE_URL": os.environ["DATABASE_URL"]}

    ended = finish("-m", "config.run", **values, DATA_DIR=str(tmp_path), PORT=port)

    assert ended.returncode != 0
    assert re.fullmatch(r"Cannot start: the counter store does not answer; check REDIS_URL .+\n", ended.stderr)


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended = finish("-m", "config.run", DATA_DIR=str(tmp_path), PORT=port)

    assert ended.returncode != 0
    assert re.fullmatch(rf"Cannot start: 127\.0\.0\.1:{port} cannot be served on .+ set PORT to .+\n", ended.stderr)
    assert not (tmp_path / "postgres").exists()


def test_the_printed_line_works_when_pasted_and_one_interrupt_stops_all(
    tmp_path: Path, port: str, start: Start
) -> None:
    output = tmp_path / "output"
    service = start("-m", "config.run", output=output, DATA_DIR=str(tmp_path / "data"), PORT=port)
    line = wait_for(lambda: re.search(r"^  (curl .+)\n", output.read_text(), re.MULTILINE) or service.poll())
    assert isinstance(line, re.Match), output.read_text()

    pasted = subprocess.run(["bash", "-c", line[1]], capture_output=True, text=True, timeout=10, check=True)

    assert pasted.stdout.startswith("{"), pasted.stdout
    assert '"errors"' not in pasted.stdout
    assert oct((tmp_path / "data/secret_key").stat().st_mode & 0o777) == "0o600"
    service.send_signal(signal.SIGINT)
    assert service.wait(15) == 0
    assert not (tmp_path / "data/postgres/postmaster.pid").exists()
    assert not (tmp_path / "data/valkey/valkey.sock").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))
