"""Real processes: each is started here, and stopped here by its own id."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., subprocess.Popen[str]]


def environment(**values: str) -> dict[str, str]:
    """This machine's environment without what the tests set for Django, and with `values`."""
    ours = {"SECRET_KEY", "ALLOW_INSECURE_HTTP", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **values}


def finish(*command: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module or script that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(**values),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def wait_for(what: Callable[[], object], seconds: float = 20) -> object:
    """The first truthy answer of `what`, which may fail with OSError until then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answer := what():
                return answer
        except OSError:
            pass
        time.sleep(0.05)
    pytest.fail(f"nothing within {seconds} seconds")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python module in the background; what still runs after the test is stopped."""
    started: list[subprocess.Popen[str]] = []

    def start_one(*command: str, output: Path, **values: str) -> subprocess.Popen[str]:
        with output.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment(**values), stdout=file, stderr=file, text=True
            )
        started.append(process)
        return process

    yield start_one
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


@pytest.fixture
def port() -> str:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
