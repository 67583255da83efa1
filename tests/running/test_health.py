"""The probes of a server whose neighbours are away."""

import os

from .conftest import CLOSED_DATABASE, CLOSED_STORE, Serve, migrated_database_url


def test_probes_come_to_an_address(serve: Serve) -> None:
    """As Kubernetes sends them: to the pod, by plain HTTP, with no name of ours."""
    server = serve(CLOSED_DATABASE, CLOSED_STORE)
    paths = ("/healthz", "/readyz", "/v1/agents")
    assert [server.get(path, host="10.1.2.3:8000").status_code for path in paths] == [200, 503, 400]


def test_ready_without_a_counter_store(db: None, serve: Serve) -> None:
    ready = serve(migrated_database_url(), CLOSED_STORE).get("/readyz")

    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "counterStore": "unavailable", "broker": "unavailable"},
    }


def test_not_ready_without_a_database(serve: Serve) -> None:
    ready = serve(CLOSED_DATABASE, os.environ["REDIS_URL"]).get("/readyz")

    assert ready.status_code == 503
    assert ready.json() == {
        "status": "unavailable",
        "checks": {"database": "unavailable", "migrations": "unknown", "counterStore": "ok", "broker": "ok"},
    }


def test_not_ready_before_migrations(serve: Serve) -> None:
    ready = serve(os.environ["DATABASE_URL"], os.environ["REDIS_URL"]).get("/readyz")

    assert ready.status_code == 503
    assert ready.json()["checks"] == {"database": "ok", "migrations": "pending", "counterStore": "ok", "broker": "ok"}
