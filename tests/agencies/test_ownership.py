"""One owner, at least one admin: what holds for an agency whoever does what (contract §4, §5)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent
from audit.models import AuditEntry
from tests.answers import code, data, faults
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agency, new_agent, partner_seat


def transfer(api: Api, partner: PartnerSeat, agency: AgencySeat, agent_id: Any) -> Any:
    return api.post(f"{agency.path}/transfer-ownership", token=partner.token, json={"agent_id": agent_id})


def test_the_new_owner_is_admin_and_the_old_one_stays_admin(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    shown = data(transfer(api, partner, agency, agent.id))
    assert (shown["id"], shown["is_owner"], shown["is_admin"]) == (agent.id, True, True)
    old = data(api.get(f"{agency.path}/agents/{agency.owner.id}", token=agent.token))
    assert (old["is_owner"], old["is_admin"]) == (False, True)
    entry = AuditEntry.objects.get(action="agency.transfer_ownership")
    assert (entry.target_id, entry.facts) == (str(agency.id), {"agent_id": agent.id})


def test_to_the_owner_itself_is_no_change(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    assert data(transfer(api, partner, agency, agency.owner.id))["is_owner"] is True
    assert not AuditEntry.objects.filter(action="agency.transfer_ownership").exists()


def test_only_to_an_active_agent_of_the_agency(
    api: Api, partner: PartnerSeat, agency: AgencySeat, deactivated_agent: AgentSeat, foreign_agent: AgentSeat
) -> None:
    answers = [transfer(api, partner, agency, one) for one in (deactivated_agent.id, foreign_agent.id, 2**63 - 1)]
    assert [faults(answer) for answer in answers] == [{"agent_id": "not_an_active_agent"}] * 3
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(None, "null"), (0, "min_value"), (2**63, "max_value"), ("ann", "invalid"), ([1], "invalid"), (1.5, "invalid")],
)
def test_a_bad_id_is_422(api: Api, partner: PartnerSeat, agency: AgencySeat, sent: Any, expected: str) -> None:
    assert faults(transfer(api, partner, agency, sent)) == {"agent_id": expected}


def test_the_owner_cannot_go_before_its_colleagues(
    api: Api, partner: PartnerSeat, agency: AgencySeat, admin_agent: AgentSeat
) -> None:
    for path, token in (
        (f"/v1/agents/{agency.owner.id}", partner.token),
        (f"{agency.path}/agents/{agency.owner.id}", admin_agent.token),
        (f"{agency.path}/agents/{agency.owner.id}", agency.owner.token),
    ):
        answer = api.delete(path, token=token)
        assert (answer.status_code, code(answer)) == (422, "owner_has_colleagues")
    assert api.get(agency.path, token=agency.owner.token).status_code == 200


def test_after_a_transfer_the_old_owner_can_go(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    transfer(api, partner, agency, agent.id)
    assert api.delete(f"/v1/agents/{agency.owner.id}", token=partner.token).status_code == 204


def test_alone_the_owner_can_go(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    assert api.delete(f"/v1/agents/{agency.owner.id}", token=partner.token).status_code == 204


def test_the_owner_stays_admin(api: Api, agency: AgencySeat, admin_agent: AgentSeat) -> None:
    path = f"{agency.path}/agents/{agency.owner.id}"
    for token in (agency.owner.token, admin_agent.token):
        assert faults(api.patch(path, token=token, json={"is_admin": False})) == {"is_admin": "owner_is_admin"}


ACTS = st.lists(
    st.tuples(st.sampled_from(["transfer", "leave", "demote", "promote", "return"]), st.integers(0, 3)), max_size=12
)


@given(ACTS)
def test_whatever_happens_an_agency_has_one_owner_who_is_an_active_admin_while_anyone_is_active(
    db: None, acts: list[tuple[str, int]]
) -> None:
    api = Api()
    partner = partner_seat(api, "Partner", rate_limit=10_000)
    agency = new_agency(partner, "Agency")
    seats = [agency.owner, *(new_agent(partner, agency, f"{n}@example.com") for n in range(3))]
    for act, number in acts:
        seat = seats[number]
        path = f"{agency.path}/agents/{seat.id}"
        if act == "transfer":
            transfer(api, partner, agency, seat.id)
        elif act == "leave":
            api.delete(f"/v1/agents/{seat.id}", token=partner.token)
        elif act == "return":
            api.post(f"/v1/agents/{seat.id}/reactivate", token=partner.token)
        else:
            api.patch(path, token=agency.owner.token, json={"is_admin": act == "promote"})
        assert_in_order(agency)


def assert_in_order(agency: AgencySeat) -> None:
    everyone = Agent.objects.filter(agency_id=agency.id)
    [owner] = everyone.filter(is_owner=True)
    assert owner.is_admin
    if everyone.active().exists():
        assert owner.deactivated_at is None
