"""Serving a contender, loading it with wrk, and telling how contenders compare.

All in one run, on the same data and (but for FastAPI, which has its own) the same server class, in short turns, so that
what else the machine does falls on all alike. A ratio is taken within each round; the median of the rounds is what is
told.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg

from api.roles import API
from config import embedded

OWNER = "postgres"
CONNECTIONS = 8
WARM_UP_SECONDS = 3
SECONDS = 3
ROUNDS = 9
HERE = Path(__file__).parent


@dataclass
class Contender:
    """An application, the settings it runs with, what its load is told, and what serves it."""

    name: str
    application: str
    settings: str = "config.settings"
    role: str = API
    """In which it comes to the database."""
    load: dict[str, str] = field(default_factory=dict)
    server: Literal["gunicorn", "uvicorn"] = "gunicorn"
    seconds: int = SECONDS
    """Of a round: more for one that answers a few requests a second."""
    rates: list[float] = field(default_factory=list)
    """Requests a second, a round each."""
    waits: list[float] = field(default_factory=list)
    """Milliseconds in which half of the requests were answered, a round each."""
    costs: list[float] = field(default_factory=list)
    """Milliseconds of processor time that a request took, of the server's and of PostgreSQL's for it, a round each."""


@dataclass(frozen=True)
class Server:
    """A contender that is served, by one worker."""

    url: str
    process: subprocess.Popen[bytes]
    label: str
    """Of its connections to the database."""

    def forget_peak(self) -> None:
        """So that `peak` tells of what comes from now on. (Linux.)"""
        (self._worker / "clear_refs").write_text("5")

    def peak(self) -> int:
        """Bytes of memory that the worker had at the most."""
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", (self._worker / "status").read_text())[1])

    def spent(self) -> float:
        """Milliseconds of processor time so far, of the worker and of those who serve it in PostgreSQL. (Linux.)"""
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            places = [self._worker, *(Path("/proc", str(pid)) for (pid,) in connection.execute(query, [self.label]))]
        fields = [(place / "stat").read_text().rpartition(")")[2].split() for place in places]
        return sum(int(one[11]) + int(one[12]) for one in fields) * 1000 / os.sysconf("SC_CLK_TCK")

    @property
    def _worker(self) -> Path:
        """Gunicorn's only child; uvicorn serves by itself."""
        pid = self.process.pid
        [worker] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split() or [pid]
        return Path("/proc", str(worker))


def run(contenders: list[Contender], *, script: str, rounds: int = ROUNDS) -> None:
    """Serves all, and loads one after the other in short turns. `script` is the wrk script's file name."""
    if not shutil.which("wrk"):
        sys.exit("The benchmark needs wrk, the load generator: see README, Benchmarks.")
    with ExitStack() as stack:
        servers = [stack.enter_context(served(contender)) for contender in contenders]
        for contender, server in zip(contenders, servers, strict=True):
            _load(contender, server.url, script, WARM_UP_SECONDS)
        for _ in range(rounds):
            for contender, server in zip(contenders, servers, strict=True):
                before = server.spent()
                count, rate, wait = _load(contender, server.url, script, contender.seconds)
                contender.rates.append(rate)
                contender.waits.append(wait)
                contender.costs.append((server.spent() - before) / count)


def tell(
    title: str,
    contenders: list[Contender],
    ratios: list[tuple[Contender, Contender, float | None]],
    *,
    by: Literal["rates", "waits", "costs"] = "rates",
) -> None:
    """The table, and for each ratio what was aimed at, if anything. Ratios are of `by`."""
    rounds = len(contenders[0].rates)
    print(f"\n{title}, requests a second: median (least to most) of {rounds} rounds; half within; processor time")
    for contender in contenders:
        spread = f"({min(contender.rates):.0f} to {max(contender.rates):.0f})"
        rate, wait, cost = map(statistics.median, (contender.rates, contender.waits, contender.costs))
        print(f"  {contender.name:<34} {rate:>8.1f}   {spread:<20} {wait:>7.1f} ms   {cost:>6.2f} ms")
    for one, other, aim in ratios:
        ratio = [mine / theirs for mine, theirs in zip(getattr(one, by), getattr(other, by), strict=True)]
        spread = f"{min(ratio):.2f} to {max(ratio):.2f}" + (f"; aim: {aim:g}" if aim else "")
        print(f"  {one.name} : {other.name} = {statistics.median(ratio):.2f}   ({spread})")


@contextmanager
def served(contender: Contender) -> Iterator[Server]:
    port = _free_port()
    label = f"bench {port}"
    environment = {**os.environ, **contender.load, "DJANGO_SETTINGS_MODULE": contender.settings, "PGAPPNAME": label}
    environment["DATABASE_URL"] = embedded.url_of(contender.role, environment["DATABASE_URL"])
    command = [sys.executable, "-m", contender.server, contender.application, *_served_on(port)[contender.server]]
    with _log().open("ab") as log:
        server = subprocess.Popen(command, env=environment, stderr=log, stdout=log)
    try:
        _await_port(port)
        yield Server(f"http://127.0.0.1:{port}", server, label)
    finally:
        server.terminate()
        server.wait(timeout=20)


def _served_on(port: int) -> dict[str, list[str]]:
    """How each server is told the port, and to be one process."""
    return {
        "gunicorn": ["--bind", f"127.0.0.1:{port}", "--config", str(HERE / "server.py")],
        "uvicorn": ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--no-access-log"],
    }


def _load(contender: Contender, url: str, script: str, seconds: int) -> tuple[int, float, float]:
    """How many requests were answered with 2xx, how many a second, and the milliseconds that half of them took at most.

    Any other answer ends the run: it would measure refusals.
    """
    command = ["wrk", "-t1", "--latency", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / script), url]
    loaded = subprocess.run(command, env={**os.environ, **contender.load}, capture_output=True, text=True, check=False)
    output = loaded.stdout
    if loaded.returncode or "Non-2xx" in output:
        sys.exit(f"{contender.name}: some answers were not 2xx\n{output}{loaded.stderr}\n{_log().read_text()[-2000:]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)[1]
    wait, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", output).groups()
    count = re.search(r"(\d+) requests in", output)[1]
    return int(count), float(rate), float(wait) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _log() -> Path:
    return Path(os.environ["DATA_DIR"]) / "bench.log"


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
