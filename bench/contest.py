"""Serving a contender on gunicorn, loading it with wrk, and telling how contenders compare.

All in one run, on the same server class and data, in turn and in rounds, so that what else the machine does falls on
all alike. Figures are medians over the rounds; they mean something as ratios only.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CONNECTIONS = 8
WARM_UP_SECONDS = 2
SECONDS = 8
ROUNDS = 3
HERE = Path(__file__).parent


@dataclass
class Contender:
    """A WSGI application, and the settings it runs with."""

    name: str
    application: str
    settings: str = "config.settings"
    rates: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return statistics.median(self.rates)


def run(contenders: list[Contender], *, script: str, environment: dict[str, str]) -> None:
    """Loads each in turn, for some rounds. `script` is the wrk script's file name."""
    if not shutil.which("wrk"):
        sys.exit("The benchmark needs wrk, the load generator: see README, Benchmarks.")
    environment = {**os.environ, **environment}
    for turn in range(ROUNDS):
        for contender in contenders:
            with _served(contender, environment) as url:
                _load(url, script, environment, WARM_UP_SECONDS)
                contender.rates.append(_load(url, script, environment, SECONDS))
            print(f"  round {turn + 1}: {contender.name:<34} {contender.rates[-1]:>8.1f}/s", flush=True)


def tell(title: str, contenders: list[Contender], ratios: list[tuple[Contender, Contender, float]]) -> None:
    """The table, and for each ratio what was aimed at."""
    print(f"\n{title}")
    for contender in contenders:
        spread = f"{min(contender.rates):.0f} to {max(contender.rates):.0f}"
        print(f"  {contender.name:<34} {contender.rate:>8.1f}/s   ({spread})")
    for one, other, aim in ratios:
        print(f"  {one.name} : {other.name} = {one.rate / other.rate:.2f}   (aim: {aim:g})")


@contextmanager
def _served(contender: Contender, environment: dict[str, str]) -> Iterator[str]:
    port = _free_port()
    command = [sys.executable, "-m", "gunicorn", contender.application, "--bind", f"127.0.0.1:{port}"]
    command += ["--config", str(HERE / "server.py")]
    with (Path(environment["DATA_DIR"]) / "bench.log").open("ab") as log:
        server = subprocess.Popen(
            command, env={**environment, "DJANGO_SETTINGS_MODULE": contender.settings}, stderr=log, stdout=log
        )
    try:
        _await_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _load(url: str, script: str, environment: dict[str, str], seconds: int) -> float:
    """Requests a second that were answered with 2xx. Any other answer ends the run: it would measure refusals."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / script), url]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        sys.exit(f"Some answers were not 2xx:\n{output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit("A contender did not start; bench.log in DATA_DIR says why.")
