"""The list of clients, searched, plain and sorted: where there are 1,000 clients, and where there are 1,000,000.

Three databases on one server, the same code, the same questions: an agent's 1,000 clients alone; the same among
1,000,000 of a thousand agents; and, as no agent has, 1,000,000 of one.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import contest

FOUND = 10
"""Clients of one agent who share a last name."""
REQUESTS = 2_000
MOST_TIMES = 1.5


@dataclass(frozen=True)
class Platform:
    """A database with so many agents, and so many clients of each."""

    name: str
    agents: int
    each: int

    @property
    def database(self) -> str:
        return f"bench_{self.agents}_{self.each}"

    def fill(self, data_dir: Path) -> None:
        command = [sys.executable, "-m", "bench.clients_data", self.database, str(self.agents), str(self.each)]
        environment = {**os.environ, **self.environment(data_dir), "LOG_LEVEL": "WARNING"}
        subprocess.run(command, env=environment, check=True)

    def searches(self) -> list[str]:
        """Queries that find ten clients each."""
        names = self.each // FOUND
        return [f"search=last{n * 7 % names}x" for n in range(REQUESTS)]

    def asked(self, queries: list[str], data_dir: Path) -> contest.Contender:
        """Its agents in turn, each with its own token."""
        environment = self.environment(data_dir)
        seats = [line.split() for line in Path(environment["SEATS"]).read_text().splitlines()]
        turns = ((query, *seats[n % len(seats)]) for n, query in enumerate(queries))
        lines = (f"{token} /v1/agents/{agent}/clients?{query}" for query, agent, token in turns)
        Path(environment["REQUESTS"]).write_text("\n".join(lines))
        return contest.Contender(self.name, "config.wsgi", load=environment)

    def environment(self, data_dir: Path) -> dict[str, str]:
        return {
            "DATABASE_URL": os.environ["DATABASE_URL"].replace("/postgres?", f"/{self.database}?"),
            "RATE_LIMIT_CREDENTIAL": "100000000/m",
            "SEATS": str(data_dir / f"{self.database}.seats"),
            "REQUESTS": str(data_dir / f"{self.database}.requests"),
        }


PLATFORMS = (
    Platform("1,000 clients", 1, 1_000),
    Platform("1,000,000 clients", 1_000, 1_000),
    Platform("1,000,000 of one agent", 1, 1_000_000),
)


def main(data_dir: Path) -> None:
    print("\nThe list of clients, on platforms of different sizes.")
    for platform in PLATFORMS:
        platform.fill(data_dir)
    searched = [platform.asked(platform.searches(), data_dir) for platform in PLATFORMS]
    _measure("a search that finds ten", searched)
    for title, query in (("plain", ""), ("sorted by name", "sort=last_name")):
        _measure(title, [platform.asked([query] * REQUESTS, data_dir) for platform in PLATFORMS], rounds=3)


def _measure(title: str, contenders: list[contest.Contender], *, rounds: int = contest.ROUNDS) -> None:
    small, *larger = contenders
    contest.run(contenders, script="requests.lua", rounds=rounds)
    ratios = [(one, small, MOST_TIMES) for one in larger]
    contest.tell(f"GET /v1/agents/{{id}}/clients, {title}", contenders, ratios, by="waits")
