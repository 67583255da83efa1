"""The probes of a server whose neighbours are away."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from django.db import connection

from .conftest import Start, wait_for

CLOSED_DATABASE = "postgresql://x@127.0.0.1:1/x"
CLOSED_STORE = "redis://127.0.0.1:1/0"
Probe = Callable[..., requests.Response]


@pytest.fixture
def serve(tmp_path: Path, port: str, start: Start) -> Callable[[str, str], Probe]:
    """Serve with these neighbours by gunicorn, as production does."""

    def serve_with(database_url: str, redis_url: str) -> Probe:
        start(
            "-m",
            "gunicorn",
            "config.wsgi",
            output=tmp_path / "output",
            PORT=port,
            WEB_CONCURRENCY="1",
            SECRET_KEY="s" * 60,
            ALLOW_INSECURE_HTTP="true",
            ALLOWED_HOSTS="127.0.0.1",
            DATABASE_URL=database_url,
            REDIS_URL=redis_url,
        )

        def probe(path: str, **headers: str) -> requests.Response:
            return requests.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=10)

        wait_for(lambda: probe("/healthz").status_code == 200)
        return probe

    return serve_with


def test_probes_come_to_an_address(serve: Callable[[str, str], Probe]) -> None:
    """As Kubernetes sends them: to the pod, by plain HTTP, with no name of ours."""
    probe = serve(CLOSED_DATABASE, CLOSED_STORE)
    assert probe("/healthz", host="10.1.2.3:8000").status_code == 200
    assert probe("/readyz", host="10.1.2.3:8000").status_code == 503
    assert probe("/v1/agents", host="10.1.2.3:8000").status_code == 400


def test_ready_without_a_counter_store(db: None, serve: Callable[[str, str], Probe]) -> None:
    migrated = os.environ["DATABASE_URL"].replace("/postgres?", f"/{connection.settings_dict['NAME']}?")

    ready = serve(migrated, CLOSED_STORE)("/readyz")

    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "counterStore": "unavailable", "broker": "unavailable"},
    }


def test_not_ready_without_a_database(serve: Callable[[str, str], Probe]) -> None:
    ready = serve(CLOSED_DATABASE, os.environ["REDIS_URL"])("/readyz")

    assert ready.status_code == 503
    assert ready.json() == {
        "status": "unavailable",
        "checks": {"database": "unavailable", "migrations": "unknown", "counterStore": "ok", "broker": "ok"},
    }


def test_not_ready_before_migrations(serve: Callable[[str, str], Probe]) -> None:
    ready = serve(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])("/readyz")

    assert ready.status_code == 503
    assert ready.json()["checks"] == {"database": "ok", "migrations": "pending", "counterStore": "ok", "broker": "ok"}
