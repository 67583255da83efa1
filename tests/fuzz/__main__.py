"""`python -m tests.fuzz [OPTION…]`: schemathesis on the API as it is served, with services of its own.

Options go to schemathesis.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from api.roles import API
from config import embedded

HERE = Path(__file__).parent
NO_LIMIT = "1000000/m"
RATE_LIMITS = ("CREDENTIAL", "TOKEN", "ADDRESS", "LOGIN")
START_SECONDS = 30


def main(options: list[str]) -> int:
    limits = {f"RATE_LIMIT_{name}": NO_LIMIT for name in RATE_LIMITS}
    with embedded.thrown_away("fuzz", durable=False, PORT=str(_free_port()), **limits):
        _make_partners()
        with _served(Path(os.environ["DATA_DIR"]) / "server.log") as url:
            return _fuzz(url, options)


def _make_partners() -> None:
    """Two, whose credentials the hooks find in the environment."""
    from api.principals import Administrator
    from oauth_clients.services import create_client

    for name in ("PARTNER", "FOUNDER"):
        row, secret = create_client(name=name.title(), actor=Administrator(user_id=None), rate_limit_per_minute=None)
        os.environ[f"FUZZ_{name}_ID"], os.environ[f"FUZZ_{name}_SECRET"] = row.client_id, secret
    connection.close()


@contextmanager
def _served(log: Path) -> Iterator[str]:
    """By gunicorn, as in production. What it logs is shown where it failed."""
    port = os.environ["PORT"]
    environment = {**os.environ, "DATABASE_URL": embedded.url_of(API, os.environ["DATABASE_URL"])}
    with log.open("w") as file:
        server = subprocess.Popen([sys.executable, "-m", "gunicorn"], env=environment, stdout=file, stderr=file)
    try:
        _await_port(int(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)
        errors = [line for line in log.read_text().splitlines(keepends=True) if '"request_failed"' in line]
        sys.stderr.writelines(errors[:20])


def _fuzz(url: str, options: list[str]) -> int:
    command = ["schemathesis", "--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/openapi.json"]
    environment = {**os.environ, "FUZZ_URL": url}
    program = str(Path(sys.executable).with_name(command[0]))
    return subprocess.run([program, *command[1:], "--url", url, *options], env=environment, check=False).returncode


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit("The server did not start.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
