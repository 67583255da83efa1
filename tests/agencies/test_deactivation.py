"""Ending and waking agencies and agents: at once, reversible, and tokens stay dead (contract §4)."""

import re
from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, AgentToken
from api import batches
from audit.models import AuditEntry
from tests.answers import code, data, faults
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agent
from tests.factories import agencies_of_client, agents_of_agency
from tests.scans import rows_counted


def listed(api: Api, partner: PartnerSeat, path: str, query: str = "") -> list[int]:
    return [row["id"] for row in data(api.get(f"{path}{query}", token=partner.token))]


# --- agencies ---------------------------------------------------------------------------------------


def test_with_an_agency_all_its_tokens_stop_at_once(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    assert api.delete(agency.path, token=partner.token).status_code == 204
    for seat in (agency.owner, agent):
        assert api.get(agency.path, token=seat.token).status_code == 401
    assert not AgentToken.objects.filter(agent__agency_id=agency.id, revoked_at__isnull=True).exists()


def test_it_and_its_agents_are_listed_only_when_asked_for(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    api.delete(agency.path, token=partner.token)
    for path, ids in (("/v1/agencies", [agency.id]), ("/v1/agents", [agency.owner.id, agent.id])):
        assert listed(api, partner, path) == []
        assert listed(api, partner, path, "?includeDeactivated=true") == ids


def test_a_second_time_changes_nothing(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    moments = []
    for _ in range(2):
        assert api.delete(agency.path, token=partner.token).status_code == 204
        [shown] = data(api.get("/v1/agencies?includeDeactivated=true", token=partner.token))
        moments.append(shown["deactivated_at"])
    assert moments[0] == moments[1]
    assert AuditEntry.objects.filter(action="agency.deactivate").count() == 1


def test_it_returns_with_those_who_were_there_and_no_token(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, deactivated_agent: AgentSeat
) -> None:
    api.delete(agency.path, token=partner.token)
    shown = data(api.post(f"{agency.path}/reactivate", token=partner.token))
    assert (shown["id"], shown["deactivated_at"]) == (agency.id, None)
    assert listed(api, partner, "/v1/agents") == [agency.owner.id, agent.id]
    assert api.get(agency.path, token=agent.token).status_code == 401
    reset = data(api.post(f"/v1/agents/{agent.id}/reset-access-token", token=partner.token))
    assert api.get(agency.path, token=reset["agent"]["access_token"]).status_code == 200


def test_an_active_agency_is_reactivated_without_effect(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    assert data(api.post(f"{agency.path}/reactivate", token=partner.token))["deactivated_at"] is None
    assert api.get(agency.path, token=agency.owner.token).status_code == 200
    assert not AuditEntry.objects.filter(action="agency.reactivate").exists()


@pytest.mark.parametrize("call", ["add", "reactivate agent", "transfer", "reset"])
def test_in_a_deactivated_agency_nobody_gets_in(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, call: str
) -> None:
    api.delete(agency.path, token=partner.token)
    new = {"first_name": "New", "last_name": "Agent", "email": "new@example.com"}
    path, body, expected = {
        "add": (f"{agency.path}/agents", new, "agency_deactivated"),
        "reactivate agent": (f"/v1/agents/{agent.id}/reactivate", None, "agency_deactivated"),
        "transfer": (f"{agency.path}/transfer-ownership", {"agent_id": agent.id}, "agency_deactivated"),
        "reset": (f"/v1/agents/{agent.id}/reset-access-token", None, "agent_deactivated"),
    }[call]
    answer = api.post(path, token=partner.token, json=body)
    assert (answer.status_code, code(answer)) == (422, expected)
    assert not Agent.objects.active().filter(agency_id=agency.id).exists()


def changes(captured: CaptureQueriesContext) -> Counter[str]:
    """How many statements changed rows of each table."""
    return Counter(found[1] for one in captured if (found := re.match(r'UPDATE "(\w+)"', one["sql"])))


def test_it_ends_and_returns_by_statements_that_are_each_about_some_of_its_agents(
    api: Api, partner: PartnerSeat, agency: AgencySeat, deactivated_agent: AgentSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not about all, which takes longer than a statement may; nor about one each, which takes too long altogether."""
    monkeypatch.setattr(batches, "AT_ONCE", 3)
    there = [agency.owner.id, *(agent.pk for agent in agents_of_agency(agency.id, 6))]
    with CaptureQueriesContext(connection) as captured:
        assert api.delete(agency.path, token=partner.token).status_code == 204
    assert changes(captured) == {"agencies_agency": 1, "agents_agent": 3, "agents_agenttoken": 3}
    assert not Agent.objects.active().filter(agency_id=agency.id).exists()
    assert AuditEntry.objects.get(action="agency.deactivate").facts == {"agents": 7}
    with CaptureQueriesContext(connection) as captured:
        assert api.post(f"{agency.path}/reactivate", token=partner.token).status_code == 200
    assert changes(captured) == {"agencies_agency": 1, "agents_agent": 3}
    assert listed(api, partner, "/v1/agents") == there
    assert AuditEntry.objects.get(action="agency.reactivate").facts == {"agents": 7}


@pytest.mark.usefixtures("new_files")
def test_a_change_of_one_agent_reads_its_own_links_though_one_of_many_came_before(
    api: Api, partner: PartnerSeat, agency: AgencySeat
) -> None:
    """Triggers keep their plans, on the same connection."""
    agencies_of_client(partner.row, 1_000)
    *_, last = agents_of_agency(agency.id, 3_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_agent, agents_agentlink, oauth_clients_agencylink")  # forgets the plans
    Agent.objects.filter(agency=agency.id).update(updated_at=timezone.now())
    with rows_counted("agents_agentlink") as rows:
        assert api.delete(f"/v1/agents/{last.pk}", token=partner.token).status_code == 204
    assert rows[0] <= 10


# --- agents -----------------------------------------------------------------------------------------


def test_an_agents_tokens_stop_at_once(api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat) -> None:
    assert api.get(agency.path, token=agent.token).status_code == 200
    answer = api.delete(f"/v1/agents/{agent.id}", token=partner.token)
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(agency.path, token=agent.token).status_code == 401
    assert api.delete(f"/v1/agents/{agent.id}", token=partner.token).status_code == 204


def test_an_agent_returns_without_its_token(
    api: Api, partner: PartnerSeat, agency: AgencySeat, deactivated_agent: AgentSeat
) -> None:
    shown = data(api.post(f"/v1/agents/{deactivated_agent.id}/reactivate", token=partner.token))
    assert (shown["id"], shown["deactivated_at"]) == (deactivated_agent.id, None)
    assert api.get(agency.path, token=deactivated_agent.token).status_code == 401
    again = data(api.post(f"/v1/agents/{deactivated_agent.id}/reactivate", token=partner.token))
    assert again == shown


def test_not_when_its_address_is_anothers_by_now(
    api: Api, partner: PartnerSeat, agency: AgencySeat, deactivated_agent: AgentSeat
) -> None:
    new_agent(partner, agency, deactivated_agent.email.upper())
    answer = api.post(f"/v1/agents/{deactivated_agent.id}/reactivate", token=partner.token)
    assert faults(answer) == {"email": "email_taken"}


def test_one_who_is_gone_gets_no_token(api: Api, partner: PartnerSeat, deactivated_agent: AgentSeat) -> None:
    answer = api.post(f"/v1/agents/{deactivated_agent.id}/reset-access-token", token=partner.token)
    assert (answer.status_code, code(answer)) == (422, "agent_deactivated")


def test_the_last_admin_stays_while_others_are_there(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, admin_agent: AgentSeat
) -> None:
    """The owner is an admin always, so the last admin is the owner."""
    assert api.delete(f"/v1/agents/{admin_agent.id}", token=partner.token).status_code == 204
    assert api.delete(f"/v1/agents/{agency.owner.id}", token=partner.token).status_code == 422
    assert api.delete(f"/v1/agents/{agent.id}", token=partner.token).status_code == 204
    assert api.delete(f"/v1/agents/{agency.owner.id}", token=partner.token).status_code == 204
