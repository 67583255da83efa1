"""Query parameters narrow a list; a value that is not valid is 422, never ignored."""

import pytest

from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agency, new_agent


def emails(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["email"] for row in answer.json()["data"]]


@pytest.mark.parametrize("asked", ["ann@example.com", "ANN@Example.COM"])
def test_by_whole_address_in_any_case(api: Api, partner: PartnerSeat, agent: AgentSeat, asked: str) -> None:
    assert emails(api.get(f"/v1/agents?filterByEmail={asked}", token=partner.token)) == [agent.email]


def test_part_of_an_address_finds_nothing(api: Api, partner: PartnerSeat, agent: AgentSeat) -> None:
    assert emails(api.get("/v1/agents?filterByEmail=ann", token=partner.token)) == []
    assert emails(api.get("/v1/agents?filterByEmail=%25", token=partner.token)) == []


def test_the_same_address_in_two_agencies_finds_both(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    other = new_agency(partner, "Second")
    answer = api.get("/v1/agents?filterByEmail=owner@example.com", token=partner.token)
    assert [row["agency"]["id"] for row in answer.json()["data"]] == [agency.id, other.id]


def test_an_empty_filter_asks_for_nothing(api: Api, partner: PartnerSeat, agent: AgentSeat) -> None:
    assert len(emails(api.get("/v1/agents?filterByEmail=", token=partner.token))) == 2


@pytest.mark.parametrize("values", [("2", "1"), ("abc", ""), ("1", "1")])
@pytest.mark.parametrize("name", ["page", "perPage", "cursor", "sort", "createdAfter"])
def test_what_takes_one_value_is_sent_once(api: Api, agent: AgentSeat, name: str, values: tuple[str, str]) -> None:
    query = "&".join(f"{name}={value}" for value in values)
    answer = api.get(f"/v1/agents/{agent.id}/clients?{query}", token=agent.token)
    assert answer.status_code == 422
    assert {"field": name, "code": "repeated", "message": "Send this once."} in answer.json()["error"]["details"]


def test_so_do_partners(api: Api, partner: PartnerSeat, agent: AgentSeat) -> None:
    for query in ("page=1&page=2", "includeDeactivated=true&includeDeactivated=false"):
        assert api.get(f"/v1/agents?{query}", token=partner.token).status_code == 422
    assert len(emails(api.get("/v1/agents?unknown=1&unknown=2", token=partner.token))) == 2


def test_deactivated_agents_are_left_out(
    api: Api, partner: PartnerSeat, agency: AgencySeat, deactivated_agent: AgentSeat
) -> None:
    for query in ("", "?includeDeactivated=false", "?includeDeactivated="):
        assert emails(api.get(f"/v1/agents{query}", token=partner.token)) == [agency.owner.email]


def test_unless_the_caller_asks_for_them(api: Api, partner: PartnerSeat, deactivated_agent: AgentSeat) -> None:
    answer = api.get("/v1/agents?includeDeactivated=true", token=partner.token)
    assert deactivated_agent.email in emails(answer)
    assert answer.json()["data"][-1]["deactivated_at"].endswith("Z")


def test_filters_add_up(api: Api, partner: PartnerSeat, agency: AgencySeat, deactivated_agent: AgentSeat) -> None:
    new_agent(partner, agency, deactivated_agent.email)
    query = f"filterByEmail={deactivated_agent.email}"
    assert len(emails(api.get(f"/v1/agents?{query}", token=partner.token))) == 1
    assert len(emails(api.get(f"/v1/agents?{query}&includeDeactivated=true", token=partner.token))) == 2


def test_an_agent_filters_its_own_agency(api: Api, agency: AgencySeat, agent: AgentSeat) -> None:
    assert emails(api.get(f"{agency.path}/agents?filterByEmail={agent.email}", token=agent.token)) == [agent.email]


def test_agencies_know_include_deactivated(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    api.delete(agency.path, token=partner.token)
    assert api.get("/v1/agencies", token=partner.token).json()["data"] == []
    [row] = api.get("/v1/agencies?includeDeactivated=true", token=partner.token).json()["data"]
    assert row["id"] == agency.id


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("includeDeactivated=maybe", "includeDeactivated"),
        ("includeDeactivated=1", "includeDeactivated"),
        ("includeDeactivated=TRUE", "includeDeactivated"),
        ("filterByEmail=" + "x" * 255, "filterByEmail"),
        ("filterByEmail=a%00b", "filterByEmail"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1.5", "page"),
        ("page=%C2%B2", "page"),
        ("page=1000000001", "page"),
        ("page=" + "9" * 5000, "page"),
        ("perPage=0", "perPage"),
        ("perPage=101", "perPage"),
        ("perPage=all", "perPage"),
    ],
)
def test_a_bad_value_is_422_and_named(api: Api, partner: PartnerSeat, query: str, field: str) -> None:
    answer = api.get(f"/v1/agents?{query}", token=partner.token)
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]


def test_every_bad_value_is_named_at_once(api: Api, partner: PartnerSeat) -> None:
    answer = api.get("/v1/agents?page=0&perPage=0&includeDeactivated=x", token=partner.token)
    named = {detail["field"] for detail in answer.json()["error"]["details"]}
    assert named == {"page", "perPage", "includeDeactivated"}


def test_an_empty_parameter_counts_as_not_sent(api: Api, partner: PartnerSeat, agent: AgentSeat) -> None:
    for query in ("page=", "perPage=", "includeDeactivated=", "filterByEmail=", "updatedSince=", "cursor=&page="):
        answer = api.get(f"/v1/agents?{query}", token=partner.token)
        assert (answer.status_code, len(emails(answer))) == (200, 2), query


def test_a_parameter_that_does_not_exist_is_ignored(api: Api, partner: PartnerSeat, agent: AgentSeat) -> None:
    assert len(emails(api.get("/v1/agents?utm_source=x", token=partner.token))) == 2
