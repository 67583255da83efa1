"""Agencies: made by partners with their owner, listed by partners, read and changed by agents (contract §4, §5)."""

from datetime import datetime
from typing import Any

import pytest

from agencies.models import DEFAULT_COLOR, Agency
from agents.models import Agent
from audit.models import AuditEntry
from oauth_clients.models import AgencyLink
from tests.answers import faults
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agency
from tests.factories import agencies_of_client

NEW = {"agency_name": "Harbour", "first_name": "Olive", "last_name": "Owner", "email": "olive@example.com"}


# --- made -------------------------------------------------------------------------------------------


def test_an_agency_comes_with_its_owner(api: Api, partner: PartnerSeat) -> None:
    answer = api.post("/v1/agencies", token=partner.token, json=NEW)
    assert answer.status_code == 201
    agency, agent = answer.json()["data"]["agency"], answer.json()["data"]["agent"]
    assert agency == {"id": agency["id"], "name": "Harbour", "color_code": DEFAULT_COLOR}
    assert list(agent) == ["id", "first_name", "last_name", "email", "slug", "is_admin", "access_token"]
    assert (agent["first_name"], agent["last_name"], agent["email"]) == ("Olive", "Owner", "olive@example.com")
    assert (agent["is_admin"], Agent.objects.get(pk=agent["id"]).is_owner) == (True, True)
    assert answer.headers["Location"] == f"/v1/agencies/{agency['id']}"


def test_the_owners_token_works_at_the_location(api: Api, partner: PartnerSeat) -> None:
    made = api.post("/v1/agencies", token=partner.token, json=NEW)
    token = made.json()["data"]["agent"]["access_token"]
    assert api.get(made.headers["Location"], token=token).json()["data"]["name"] == "Harbour"


@pytest.mark.parametrize("sent", [{}, {"referral": ""}, {"referral": "A fair"}])
def test_a_referral_may_be_named(api: Api, partner: PartnerSeat, sent: dict[str, str]) -> None:
    api.post("/v1/agencies", token=partner.token, json={**NEW, **sent})
    [row] = api.get("/v1/agencies", token=partner.token).json()["data"]
    assert row["referral"] == sent.get("referral", "")


def test_names_may_repeat_and_hold_any_letters(api: Api, partner: PartnerSeat) -> None:
    name = "Münch & 保险 <b>'\""
    made = [new_agency(partner, name) for _ in range(2)]
    listed = api.get("/v1/agencies", token=partner.token).json()["data"]
    assert [(row["id"], row["name"]) for row in listed] == [(agency.id, name) for agency in made]


def test_what_cannot_be_set_is_ignored(api: Api, partner: PartnerSeat) -> None:
    more = {"id": 7, "color_code": "FF0000", "is_admin": False, "deactivated_at": "2020-01-01T00:00:00Z"}
    made = api.post("/v1/agencies", token=partner.token, json={**NEW, **more}).json()["data"]
    agency = Agency.objects.get(pk=made["agency"]["id"])
    assert (agency.color_code, agency.deactivated_at, made["agent"]["is_admin"]) == (DEFAULT_COLOR, None, True)


TOO_LONG = {
    "agency_name": "x" * 201,
    "first_name": "x" * 101,
    "last_name": "x" * 101,
    "referral": "x" * 201,
    "email": "a@" + f"{'b' * 60}." * 5 + "com",
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, dict.fromkeys(NEW, "required")),
        (dict.fromkeys(NEW), dict.fromkeys(NEW, "null")),
        (dict.fromkeys(NEW, "  "), dict.fromkeys(NEW, "blank")),
        (dict.fromkeys(NEW, ()), dict.fromkeys(NEW, "invalid")),
        ({**NEW, **TOO_LONG}, dict.fromkeys(TOO_LONG, "max_length")),
        ({**NEW, "email": "olive"}, {"email": "invalid"}),
        ({**NEW, "agency_name": None, "email": "olive@"}, {"agency_name": "null", "email": "invalid"}),
        ([], {"body": "invalid"}),
        ("agency", {"body": "invalid"}),
    ],
)
def test_every_field_at_fault_is_named_and_nothing_made(
    api: Api, partner: PartnerSeat, body: Any, expected: dict[str, str]
) -> None:
    before = AuditEntry.objects.count()
    answer = api.post("/v1/agencies", token=partner.token, json=body)
    assert faults(answer) == expected
    kept = (Agency.objects.count(), Agent.objects.count(), AgencyLink.objects.count(), AuditEntry.objects.count())
    assert kept == (0, 0, 0, before)


# --- listed -----------------------------------------------------------------------------------------


def test_a_partner_lists_its_agencies_by_id(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    second = new_agency(partner, "Second", referral="A fair")
    first_row, second_row = api.get("/v1/agencies", token=partner.token).json()["data"]
    assert first_row["id"] == agency.id
    created_at, updated_at = second_row.pop("created_at"), second_row.pop("updated_at")
    assert datetime.fromisoformat(created_at).utcoffset() is not None
    assert created_at.endswith("Z")
    assert updated_at >= created_at
    assert second_row == {
        "id": second.id,
        "name": "Second",
        "color_code": DEFAULT_COLOR,
        "logo_url": None,
        "referral": "A fair",
        "deactivated_at": None,
    }


def test_partners_see_none_of_each_others(
    api: Api, partner: PartnerSeat, agency: AgencySeat, foreign_partner: PartnerSeat, foreign_agency: AgencySeat
) -> None:
    for caller, own in ((partner, agency), (foreign_partner, foreign_agency)):
        body = api.get("/v1/agencies?includeDeactivated=true", token=caller.token).json()
        assert ([row["id"] for row in body["data"]], body["meta"]["total"]) == ([own.id], 1)


def test_two_partners_may_share_an_agency(api: Api, partner: PartnerSeat, foreign_partner: PartnerSeat) -> None:
    [shared, _] = agencies_of_client(partner.row, 2)
    AgencyLink.objects.create(oauth_client=foreign_partner.row, agency=shared)
    body = api.get("/v1/agencies", token=foreign_partner.token).json()
    assert ([row["id"] for row in body["data"]], body["meta"]["total"]) == ([shared.pk], 1)
    assert api.get("/v1/agencies", token=partner.token).json()["meta"]["total"] == 2


def test_deactivated_ones_are_counted_only_when_asked_for(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    gone = new_agency(partner, "Gone")
    api.delete(gone.path, token=partner.token)
    assert api.get("/v1/agencies", token=partner.token).json()["meta"]["total"] == 1
    body = api.get("/v1/agencies?includeDeactivated=true", token=partner.token).json()
    assert [(row["id"], row["deactivated_at"] is None) for row in body["data"]] == [(agency.id, True), (gone.id, False)]


# --- read and changed -------------------------------------------------------------------------------


def test_any_agent_reads_its_agency(api: Api, agency: AgencySeat, agent: AgentSeat) -> None:
    shown = {"id": agency.id, "name": agency.name, "color_code": DEFAULT_COLOR, "logo_url": None}
    assert api.get(agency.path, token=agent.token).json() == {"data": shown}


@pytest.mark.parametrize(
    "change",
    [{"name": "Renamed"}, {"color_code": "00fFaA"}, {"name": "Ü" * 200, "color_code": "012345"}, {}],
)
def test_an_admin_changes_what_it_sends(api: Api, agency: AgencySeat, admin_agent: AgentSeat, change: Any) -> None:
    before = api.get(agency.path, token=admin_agent.token).json()["data"]
    answer = api.patch(agency.path, token=admin_agent.token, json=change)
    assert (answer.status_code, answer.json()["data"]) == (200, {**before, **change})
    assert api.get(agency.path, token=admin_agent.token).json()["data"] == {**before, **change}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "", "color_code": "#12345"}, {"name": "blank", "color_code": "invalid"}),
        ({"name": None, "color_code": None, "logo": None}, dict.fromkeys(("name", "color_code", "logo"), "null")),
        ({"name": "x" * 201, "color_code": "12345"}, {"name": "max_length", "color_code": "invalid"}),
        ({"color_code": "1234567"}, {"color_code": "invalid"}),
        ({"color_code": "12345G"}, {"color_code": "invalid"}),
        ({"color_code": "\u0661" * 6}, {"color_code": "invalid"}),
        ({"color_code": ["123456"]}, {"color_code": "invalid"}),
        ({"name": {"a": 1}, "logo": "https://example.com/logo.png"}, {"name": "invalid", "logo": "invalid"}),
        ([{"name": "Renamed"}], {"body": "invalid"}),
    ],
)
def test_a_bad_change_names_each_field_and_changes_none(
    api: Api, agency: AgencySeat, body: Any, expected: dict[str, str]
) -> None:
    token = agency.owner.token
    before = api.get(agency.path, token=token).json()
    assert faults(api.patch(agency.path, token=token, json=body)) == expected
    assert api.get(agency.path, token=token).json() == before


def test_one_bad_field_holds_back_the_good_ones(api: Api, agency: AgencySeat) -> None:
    body = {"name": "Renamed", "color_code": "red"}
    assert faults(api.patch(agency.path, token=agency.owner.token, json=body)) == {"color_code": "invalid"}
    assert Agency.objects.get(pk=agency.id).name == agency.name


def test_a_new_name_is_shown_with_the_agents_at_once(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    api.patch(agency.path, token=agency.owner.token, json={"name": "Renamed", "color_code": "ABCDEF"})
    shown = [row["agency"] for row in api.get("/v1/agents", token=partner.token).json()["data"]]
    assert shown == [{"id": agency.id, "name": "Renamed", "color_code": "ABCDEF"}] * 2


def test_admins_change_no_other_agency(api: Api, agency: AgencySeat, foreign_agent: AgentSeat) -> None:
    for method, body in (("GET", None), ("PATCH", {"name": "Taken over"})):
        assert api.call(method, agency.path, token=foreign_agent.token, json=body).status_code == 403
    assert Agency.objects.get(pk=agency.id).name == agency.name
