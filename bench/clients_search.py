"""The list of clients with a search: where there are 1,000 clients, and where there are 1,000,000.

Three databases on one server, the same code, the same questions: an agent's 1,000 clients alone; the same among
1,000,000 of a thousand agents; and, as no agent has, 1,000,000 of one. Each search finds ten.
"""

import os
import subprocess
import sys
from pathlib import Path

from bench import contest

SHAPES = {"1,000 clients": (1, 1_000), "1,000,000 clients": (1_000, 1_000), "1,000,000 of one agent": (1, 1_000_000)}
"""Agents, and the clients of each."""
MOST_TIMES = 1.5


def main(data_dir: Path) -> None:
    print("\nThe list of clients with a search, on platforms of different sizes.")
    small, large, largest = contenders = [_contender(name, data_dir, *shape) for name, shape in SHAPES.items()]
    contest.run(contenders, script="requests.lua")
    aims = [(small, large, MOST_TIMES), (small, largest, MOST_TIMES)]
    contest.tell("GET /v1/agents/{id}/clients?search= (at most so many times slower)", contenders, aims)


def _contender(name: str, data_dir: Path, agents: int, each: int) -> contest.Contender:
    database = f"bench_{agents}_{each}"
    requests = data_dir / f"{database}.requests"
    url = os.environ["DATABASE_URL"].replace("/postgres?", f"/{database}?")
    environment = {"DATABASE_URL": url, "RATE_LIMIT_CREDENTIAL": "100000000/m", "REQUESTS": str(requests)}
    arguments = [database, str(agents), str(each)]
    command = [sys.executable, "-m", "bench.clients_data", *arguments]
    subprocess.run(command, env={**os.environ, **environment}, check=True)
    return contest.Contender(name, "config.wsgi", load=environment)
