"""Any size: every list and read on a platform of 1,000 agents and 1,000 clients, and on one of a million of each.

Two databases on one server, the same code; each question goes to both in turn, over HTTP on gunicorn, one request at a
time, so that what else the machine does falls on both alike. Takes about a quarter of an hour and six gigabytes.
"""

import http.client
import os
import random
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from bench import contest
from bench.scale_asked import Asker, Question, questions

ROUNDS = 100
SECONDS = 480
"""After so many no further round begins, if there were LEAST_ROUNDS."""
LEAST_ROUNDS = 20
LAST_TO_FIRST = 1.2
LARGE_TO_SMALL = 1.5
SEVERAL = 5
"""So many executions until a statement is prepared for good, and so many rounds that are not counted."""


@dataclass
class Platform:
    """A database of this size, served."""

    name: str
    agencies: int
    agents: int
    clients: int
    waits: dict[Question, list[float]] = field(default_factory=dict)
    """Milliseconds of each request."""

    @property
    def database(self) -> str:
        return f"scale_{self.agents}"

    def environment(self, data_dir: Path) -> dict[str, str]:
        return {
            "DATABASE_URL": os.environ["DATABASE_URL"].replace("/postgres?", f"/{self.database}?"),
            "RATE_LIMIT_CREDENTIAL": "100000000/m",
            "SEATS": str(data_dir / f"{self.database}.seats"),
            "GUNICORN_CMD_ARGS": "--threads 1",  # one connection to the database, with every statement prepared on it
        }

    def fill(self, data_dir: Path, base: datetime) -> None:
        sizes = map(str, (self.agencies, self.agents, self.clients))
        command = [sys.executable, "-m", "bench.scale_data", self.database, *sizes]
        environment = {**os.environ, **self.environment(data_dir), "BASE": base.isoformat()}
        begun = time.monotonic()
        subprocess.run(command, env=environment, check=True)
        print(f"  {self.name}: loaded in {time.monotonic() - begun:.0f} s")

    def seats(self, data_dir: Path) -> dict[str, Any]:
        return orjson.loads(Path(self.environment(data_dir)["SEATS"]).read_bytes())


SMALL = Platform("1,000 agents, 1,000 clients", 100, 1_000, 1_000)
LARGE = Platform("1,000,000 agents, 1,000,000 clients", 10_000, 1_000_000, 1_000_000)


class Caller:
    """A connection that is kept."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def fetch(self, token: str, path: str) -> Any:
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            sys.exit(f"{path}: {answer.status} {body[:500]!r}")
        return orjson.loads(body)

    def milliseconds(self, token: str, path: str) -> float:
        begun = time.perf_counter()
        self.fetch(token, path)
        return 1000 * (time.perf_counter() - begun)


def main(data_dir: Path) -> None:
    print("\nEvery list and read, on platforms of two sizes.")
    base = datetime.now(UTC).replace(microsecond=0)
    platforms = (SMALL, LARGE)
    for platform in platforms:
        platform.fill(data_dir, base)
    asked = list(questions())
    with ExitStack() as stack:
        turns = []
        for platform in platforms:
            contender = contest.Contender(platform.name, "config.wsgi", load=platform.environment(data_dir))
            server = stack.enter_context(contest.served(contender))
            caller = Caller(server.url)
            asker = Asker(platform.seats(data_dir), base, caller.fetch)
            turns.append((platform, server, caller, {question: asker.request(question) for question in asked}))
        _measure(turns, asked)
        _tell(asked)
        for platform, server, *_ in turns:
            print(f"  {platform.name}: the server's memory was {server.peak() / 2**20:.0f} MB at the most")


def _measure(turns: list[Any], asked: list[Question]) -> None:
    for question in asked:
        for _, _, caller, requests in turns:
            for _ in range(SEVERAL):
                caller.fetch(*requests[question])
    for _, server, *_ in turns:
        server.forget_peak()
    begun = time.monotonic()
    for done in range(ROUNDS):
        if done >= LEAST_ROUNDS and time.monotonic() - begun > SECONDS:
            break
        # In another order each time: what comes after a page that reads much is slower for that.
        for question in random.Random(done).sample(asked, len(asked)):  # noqa: S311
            for platform, _, caller, requests in turns if done % 2 else reversed(turns):
                platform.waits.setdefault(question, []).append(caller.milliseconds(*requests[question]))


def _tell(asked: list[Question]) -> None:
    rounds = len(SMALL.waits[asked[0]])
    print(
        f"\nMilliseconds: least, p50 and p99 of {rounds}, at 1,000 and at 1,000,000; the latter to the former, by p50,"
    )
    print(
        "and by the least, which what else the machine does falls on less; at 1,000,000 what is far in to the first, by"
    )
    print(f"both. !: by p50 over the aim, which is {LARGE_TO_SMALL:g} and {LAST_TO_FIRST:g}.")
    over = {"large": 0, "last": 0}
    for question in asked:
        small, large = SMALL.waits[question], LARGE.waits[question]
        over["large"] += _ratio(large, small) > LARGE_TO_SMALL
        line = f"{question.title:<70} {_centiles(small)} {_centiles(large)} {_ratios(large, small, LARGE_TO_SMALL)}"
        if question.like:
            first = f"{question.endpoint.operation.name}, {question.tenant}, {question.like}"
            shallow = next(waits for one, waits in LARGE.waits.items() if one.title == first)
            over["last"] += _ratio(large, shallow) > LAST_TO_FIRST
            line += _ratios(large, shallow, LAST_TO_FIRST)
        print(line)
    print(f"\nOf {len(asked)}, {over['large']} are over {LARGE_TO_SMALL:g}; {over['last']} over {LAST_TO_FIRST:g}.")


def _ratio(waits: list[float], others: list[float]) -> float:
    """The median of the rounds' own ratios."""
    return statistics.median(mine / theirs for mine, theirs in zip(waits, others, strict=True))


def _ratios(waits: list[float], others: list[float], aim: float) -> str:
    ratio = _ratio(waits, others)
    return f"{ratio:>7.2f}{'!' if ratio > aim else ' '} {min(waits) / min(others):>5.2f}"


def _centiles(waits: list[float]) -> str:
    last = statistics.quantiles(waits, n=100, method="inclusive")[98]
    return f"{min(waits):>6.1f} {statistics.median(waits):>6.1f} {last:>6.1f}"
