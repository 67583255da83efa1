"""The agents of all linked agencies, as a partner works with them (contract §4)."""

from typing import Any

import pytest

from agents.models import AgentToken
from api import credentials
from tests.answers import data, faults
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agency


def test_a_partner_lists_the_agents_of_all_its_agencies(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, foreign_agent: AgentSeat
) -> None:
    second = new_agency(partner, "Second", email="second@example.com")
    rows = data(api.get("/v1/agents", token=partner.token))
    assert [(row["id"], row["agency"]["id"], row["is_owner"]) for row in rows] == [
        (agency.owner.id, agency.id, True),
        (agent.id, agency.id, False),
        (second.owner.id, second.id, True),
    ]


# --- tokens -----------------------------------------------------------------------------------------


def test_a_reset_ends_all_earlier_tokens_at_once(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    path = f"/v1/agents/{agent.id}/reset-access-token"
    tokens = [agent.token]
    for _ in range(2):
        answer = api.post(path, token=partner.token)
        assert answer.status_code == 200
        tokens.append(answer.json()["data"]["agent"]["access_token"])
    assert [api.get(agency.path, token=token).status_code for token in tokens] == [401, 401, 200]


def test_the_answer_is_the_agent_and_its_agency(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    answer = api.post(f"/v1/agents/{agent.id}/reset-access-token", token=partner.token)
    shown = answer.json()["data"]
    token = shown["agent"].pop("access_token")
    assert credentials.kind_of(token) == credentials.AGENT_TOKEN
    assert shown == {
        "agency": {"id": agency.id, "name": agency.name, "color_code": "1D4ED8"},
        "agent": {
            "id": agent.id, "first_name": "Ann", "last_name": "Agent", "email": agent.email, "slug": agent.slug,
        },
    }  # fmt: skip
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_database_holds_no_usable_token(agent: AgentSeat) -> None:
    row = AgentToken.objects.get(agent_id=agent.id)
    assert bytes(row.digest) == credentials.digest(agent.token)
    assert agent.token.encode() not in bytes(row.digest)


def test_other_agents_keep_their_tokens(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, colleague: AgentSeat
) -> None:
    api.post(f"/v1/agents/{agent.id}/reset-access-token", token=partner.token)
    assert api.get(agency.path, token=colleague.token).status_code == 200


# --- additional questions -----------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["itself", "admin"])
def test_additional_questions_are_turned_on_and_off(
    api: Api, agent: AgentSeat, admin_agent: AgentSeat, who: str
) -> None:
    token = {"itself": agent, "admin": admin_agent}[who].token
    for enabled in (True, True, False):
        answer = api.patch(f"/v1/agents/{agent.id}/additional-questions", token=token, json={"enabled": enabled})
        assert data(answer) == {"id": agent.id, "additional_questions_enabled": enabled}


@pytest.mark.parametrize(
    ("body", "expected"),
    [({}, "required"), ({"enabled": None}, "null"), ({"enabled": "perhaps"}, "invalid"), ({"enabled": []}, "invalid")],
)
def test_whether_must_be_said(api: Api, agent: AgentSeat, body: Any, expected: str) -> None:
    answer = api.patch(f"/v1/agents/{agent.id}/additional-questions", token=agent.token, json=body)
    assert faults(answer) == {"enabled": expected}
