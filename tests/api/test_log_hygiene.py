"""What is logged names no person and opens no door."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from agencies import services
from agents.models import Agent
from audit.models import AuditEntry
from tests.conftest import Api, partner_seat


def journey(api: Api) -> list[str]:
    """A partner's and an agent's day, good and bad; gives every secret and personal value in it."""
    partner = partner_seat(api, "Northwind")
    owner = {"agency_name": "Harbour", "email": "olive@private.example", "first_name": "Olivia", "last_name": "Ownerly"}
    made = api.post("/v1/agencies", token=partner.token, json=owner, idempotency_key="a-private-key").json()["data"]
    path, token = f"/v1/agencies/{made['agency']['id']}", made["agent"]["access_token"]
    api.get("/v1/agents?filterByEmail=olive@private.example", token=partner.token)
    api.get("/v1/agents?page=olive@private.example", token=partner.token)
    new = {
        "first_name": "Olivia",
        "last_name": "Ownerly",
        "email": "OLIVE@private.example",
        "phone_number": "2125550123",
    }
    assert api.post(f"{path}/agents", token=partner.token, json=new).status_code == 422
    api.post(f"{path}/agents", token=partner.token, body=b'{"email": "olive@private.example"')
    api.get(path, token=token[:-1])
    api.get(path, authorization=f"Basic {token}")
    api.get(f"/v1/agents?access_token={token}")
    reset = api.post(f"/v1/agents/{made['agent']['id']}/reset-access-token", token=partner.token).json()["data"]
    api.patch(path, token=reset["agent"]["access_token"], json={"name": "Olivia Ownerly"})
    api.post("/oauth/token", json={"grant_type": "client_credentials", "client_id": "x", "client_secret": token})
    api.post("/oauth/introspect", form={"token": partner.token})
    return [
        partner.token, partner.secret, token, token[:-1], reset["agent"]["access_token"], "private.example", "Olivia",
        "Ownerly", "2125550123", "a-private-key",
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_days_log_holds_no_secret_and_no_person(api: Api, logged: Callable[[], str]) -> None:
    secrets = journey(api)
    text = logged()
    events = [json.loads(line) for line in text.splitlines()]
    assert len([event for event in events if event["event"] == "request_finished"]) >= 12
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.django_db
def test_nor_does_a_failure_of_ours(api: Api, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A constraint that no check foresaw: PostgreSQL tells the values, the log does not."""
    partner = partner_seat(api, "Northwind")
    body = {"agency_name": "Harbour", "email": "a@private.example", "first_name": "Olivia", "last_name": "Ownerly"}
    api.post("/v1/agencies", token=partner.token, json=body)
    create = services.agents.create_agent

    def into_the_first(**values: Any) -> Any:
        first = Agent.objects.get()
        Agent.objects.create(agency=first.agency, email=first.email, slug="another", first_name="O", last_name="O")
        return create(**values)

    monkeypatch.setattr(services.agents, "create_agent", into_the_first)
    logged()
    assert api.post("/v1/agencies", token=partner.token, json=body).status_code == 500
    text = logged()
    assert "agent_email_unique_in_agency" in text
    assert "private.example" not in text


@pytest.mark.django_db
def test_the_audit_trail_holds_neither(api: Api) -> None:
    secrets = journey(api)
    kept = json.dumps(list(AuditEntry.objects.values()), default=str)
    assert AuditEntry.objects.count() >= 5
    assert [secret for secret in secrets if secret in kept] == []
