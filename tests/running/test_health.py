"""The probes of a server whose neighbours are away."""

import os
import socket
import time

import pytest

from api.openapi.shared import ERRORS

from .conftest import CLOSED_DATABASE, CLOSED_STORE, Serve, Server, migrated_database_url


@pytest.fixture(scope="module")
def alone(serve_once: Serve) -> Server:
    """A server that has no neighbours."""
    return serve_once(CLOSED_DATABASE, CLOSED_STORE)


def test_probes_come_to_an_address(alone: Server) -> None:
    """As Kubernetes sends them: to the pod, by plain HTTP, with no name of ours."""
    paths = ("/healthz", "/readyz", "/v1/agents")
    assert [alone.get(path, host="10.1.2.3:8000").status_code for path in paths] == [200, 503, 400]


def test_what_is_too_long_for_the_server_is_an_error_as_any_other(alone: Server) -> None:
    answers = [alone.get("/v1/agents?search=" + "a" * 8200), alone.get("/v1/agents", long="a" * 8200)]
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [
        (414, "uri_too_long"),
        (431, "headers_too_large"),
    ]
    for answer in answers:
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()["error"]["request_id"] == answer.headers["X-Request-Id"]
        described = ERRORS[answer.status_code].as_response()
        example = described["content"]["application/json"]["example"]["error"]
        assert {**answer.json()["error"], "request_id": example["request_id"]} == example
        assert described["headers"].keys() == {"X-Request-Id"}


@pytest.mark.drill
def test_ready_without_a_counter_store(db: None, serve: Serve) -> None:
    ready = serve(migrated_database_url(), CLOSED_STORE).get("/readyz")

    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "counterStore": "unavailable", "broker": "unavailable"},
    }


@pytest.mark.drill
def test_who_asks_is_told_before_losing_patience_while_they_hang(db: None, serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        server = serve(migrated_database_url(), f"redis://127.0.0.1:{hangs.getsockname()[1]}/0")
        server.get("/readyz")  # reads migrations from the disk
        begun = time.monotonic()
        ready = server.get("/readyz")

    assert (ready.status_code, ready.json()["checks"]["broker"]) == (200, "unavailable")
    assert time.monotonic() - begun < 3


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
