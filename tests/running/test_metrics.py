"""Counts over all processes of a server."""

import os
import re
import signal
import tempfile
from pathlib import Path

import pytest

from .conftest import CLOSED_DATABASE, Serve, Server, wait_for

FOLDERS = (Path("/dev/shm"), Path(tempfile.gettempdir()))  # noqa: S108
TOKEN = "metrics-token-" + "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def server(serve_once: Serve) -> Server:
    """Of two processes, without a database."""
    return serve_once(CLOSED_DATABASE, os.environ["REDIS_URL"], METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="2")


def scraped(server: Server) -> str:
    answer = server.get("/metrics", Authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    return answer.text


def probes(server: Server) -> int:
    """How many requests without a route were counted."""
    line = re.search(
        r'^agency_api_requests_total{method="GET",route="none",status="200"} (\S+)$', scraped(server), re.MULTILINE
    )
    return int(float(line[1])) if line else 0


def test_counts_are_of_all_processes_and_outlive_them(server: Server) -> None:
    wait_for(lambda: len(server.workers) == 2)
    before = probes(server)
    for _ in range(40):
        server.get("/healthz")
    counted = probes(server)
    assert counted == before + 41  # the scrape before is one

    first, second = server.workers
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: len(server.workers) == 2 and first not in server.workers)
    os.kill(second, signal.SIGTERM)
    wait_for(lambda: len(server.workers) == 2 and second not in server.workers)
    wait_for(lambda: server.get("/healthz"))
    assert counted < probes(server) <= counted + 60

    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(server.workers) == 2 and not {first, second} & set(server.workers))
    assert probes(server) > counted


def test_a_scrape_without_a_database_says_so(server: Server) -> None:
    text = scraped(server)
    assert "agency_api_database_up 0.0" in text
    assert "agency_api_webhook" not in text


@pytest.mark.drill
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_behind(serve: Serve, number: signal.Signals) -> None:
    server = serve(CLOSED_DATABASE, os.environ["REDIS_URL"])
    [folder] = [one for shared in FOLDERS for one in shared.glob(f"agency-api-counts-{server.process.pid}")]
    assert folder.stat().st_mode & 0o777 == 0o700
    server.process.send_signal(number)
    server.process.wait(60)
    assert not folder.exists()
