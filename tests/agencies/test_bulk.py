"""Up to 500 agents in one call: a result a row, in order (contract §4)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent
from audit.models import AuditEntry
from tests.answers import code, data, faults
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"first_name": "Ann", "last_name": "Agent", "email": f"{number}@example.com", **changes}


def add(api: Api, partner: PartnerSeat, agency: AgencySeat, rows: Any) -> Any:
    return api.post(f"{agency.path}/agents/bulk", token=partner.token, json={"agents": rows})


def test_each_row_gets_an_agent_whose_token_works(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    results = data(add(api, partner, agency, [row(1), row(2, is_admin=True, phone_number="212 555 0123")]))
    assert [(one["index"], one["status"], one["agent"]["email"]) for one in results] == [
        (0, 201, "1@example.com"), (1, 201, "2@example.com"),
    ]  # fmt: skip
    for one in results:
        path = f"{agency.path}/agents/{one['agent']['id']}"
        shown = data(api.get(path, token=one["agent"]["access_token"]))
        assert {name: shown[name] for name in one["agent"] if name != "access_token"} == {
            name: value for name, value in one["agent"].items() if name != "access_token"
        }


def test_a_bad_row_holds_up_no_other_and_is_told_as_a_call_of_its_own_would_be(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    rows = [
        row(1), row(2, email="no", first_name=""), row(3, email=agent.email.upper()), row(1), row(5, slug_suffix="a-b"),
        row(6, slug_suffix="a-b"), row(7),
    ]  # fmt: skip
    results = data(add(api, partner, agency, rows))
    assert [one["index"] for one in results] == list(range(len(rows)))
    assert [one["status"] for one in results] == [201, 422, 422, 422, 201, 422, 201]
    assert [sorted(one) for one in results if one["status"] == 422] == [["error", "index", "status"]] * 4
    told = [
        {detail["field"]: detail["code"] for detail in one["error"]["details"]}
        for one in results
        if one["status"] == 422
    ]
    assert told == [
        {"email": "invalid", "first_name": "blank"},
        {"email": "email_taken"},
        {"email": "email_taken"},
        {"slug_suffix": "slug_taken"},
    ]
    assert Agent.objects.filter(agency_id=agency.id).count() == 2 + 3


def test_500_are_taken_with_as_many_queries_as_one(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    with CaptureQueriesContext(connection) as few:
        add(api, partner, agency, [row(0)])
    with CaptureQueriesContext(connection) as many:
        answer = add(api, partner, agency, [row(number) for number in range(1, 501)])
    assert [one["status"] for one in data(answer)] == [201] * 500
    assert len(many) <= len(few)
    assert AuditEntry.objects.filter(action="agent.create", agency_id=agency.id).count() == 502


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], {"agents": "min_length"}),
        ([row(number) for number in range(501)], {"agents": "max_length"}),
        ([0] * 501, {"agents": "max_length"}),
        (None, {"agents": "null"}),
        ({"0": row(1)}, {"agents": "not_a_list"}),
        ([row(1), "ann", None], {"agents.1": "not_a_dict", "agents.2": "null"}),
    ],
    ids=["none", "too many", "too many that are no objects", "null", "no list", "no objects"],
)
def test_a_list_out_of_bounds_adds_nobody(
    api: Api, partner: PartnerSeat, agency: AgencySeat, rows: Any, expected: dict[str, str]
) -> None:
    assert faults(add(api, partner, agency, rows)) == expected
    assert Agent.objects.count() == 1


def test_a_deactivated_agency_takes_nobody(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    api.delete(agency.path, token=partner.token)
    answer = add(api, partner, agency, [row(1)])
    assert (answer.status_code, code(answer)) == (422, "agency_deactivated")


def test_a_retry_with_its_key_adds_nobody_twice(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    path, body = f"{agency.path}/agents/bulk", {"agents": [row(1), row(2)]}
    first, second = (api.post(path, token=partner.token, json=body, idempotency_key="k") for _ in range(2))
    assert second.json() == first.json()
    assert Agent.objects.count() == 3
