"""The agents of one agency: added by partners; read, changed and let go by the agency's own (contract §4, §5)."""

from typing import Any

import pytest

from agents.models import Agent
from tests.answers import code, data, faults
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agency, new_agent

ANN = {"first_name": "Ann", "last_name": "Agent", "email": "ann@example.com"}


def path_of(agency: AgencySeat, agent: AgentSeat) -> str:
    return f"{agency.path}/agents/{agent.id}"


# --- added ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("more", [{}, {"phone_number": "(212) 555-0123", "slug_suffix": "desk-2", "is_admin": True}])
def test_a_partner_adds_an_agent(
    api: Api, partner: PartnerSeat, agency: AgencySeat, more: dict[str, Any], as_form: bool
) -> None:
    answer = api.post(f"{agency.path}/agents", token=partner.token, **{"form" if as_form else "json": {**ANN, **more}})
    assert answer.status_code == 201
    made = answer.json()["data"]
    assert list(made) == [
        "id", "first_name", "last_name", "email", "slug", "phone_number", "is_admin", "access_token",
    ]  # fmt: skip
    expected = {**ANN, "phone_number": "", "is_admin": False, **more}
    suffix = expected.pop("slug_suffix", made["slug"][-5:])
    assert {name: made[name] for name in expected} == expected
    assert made["slug"] == f"ann-agent-{suffix}"
    assert answer.headers["Location"] == f"{agency.path}/agents/{made['id']}"
    assert data(api.get(answer.headers["Location"], token=made["access_token"]))["email"] == "ann@example.com"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (dict.fromkeys(ANN), dict.fromkeys(ANN, "null")),
        ({"first_name": "x" * 101, "last_name": " "}, {"first_name": "max_length", "last_name": "blank"}),
        ({"email": "ann", "is_admin": "perhaps"}, {"email": "invalid", "is_admin": "invalid"}),
        ({"is_admin": 1}, {"is_admin": "invalid"}),
        ({"first_name": 1}, {"first_name": "invalid"}),
        ({"is_admin": "true"}, {"is_admin": "invalid"}),
        ({"is_admin": None, "phone_number": None}, {"is_admin": "null", "phone_number": "null"}),
        ({"slug_suffix": None, "profile_picture": None}, {"slug_suffix": "null", "profile_picture": "null"}),
        ({"profile_picture": "data:image/png;base64,AA"}, {"profile_picture": "invalid"}),
        ({"first_name": [], "email": {}, "phone_number": 1.5, "slug_suffix": ["a"]},
         {"first_name": "invalid", "email": "invalid", "phone_number": "invalid",
          "slug_suffix": "invalid"}),
    ],
)  # fmt: skip
def test_every_field_at_fault_is_named(
    api: Api, partner: PartnerSeat, agency: AgencySeat, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    answer = api.post(f"{agency.path}/agents", token=partner.token, json={**ANN, **changes})
    assert faults(answer) == expected
    assert Agent.objects.count() == 1


@pytest.mark.parametrize("email", ["ann@example.com", "ANN@EXAMPLE.COM", "Ann@example.com"])
def test_an_address_is_taken_in_any_case(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, email: str
) -> None:
    answer = api.post(f"{agency.path}/agents", token=partner.token, json={**ANN, "email": email})
    assert faults(answer) == {"email": "email_taken"}


def test_but_not_by_another_agency_nor_by_one_who_left(
    api: Api, partner: PartnerSeat, agency: AgencySeat, deactivated_agent: AgentSeat
) -> None:
    second = new_agency(partner, "Second", email=deactivated_agent.email)
    new_agent(partner, agency, deactivated_agent.email)
    assert Agent.objects.filter(email=deactivated_agent.email).count() == 3
    answer = api.post(f"{second.path}/agents", token=partner.token, json={**ANN, "email": deactivated_agent.email})
    assert faults(answer) == {"email": "email_taken"}


def test_what_cannot_be_set_is_ignored(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    more = {"is_owner": True, "agency_id": 1, "slug": "mine", "access_token": "mine", "id": agency.owner.id}
    made = data(api.post(f"{agency.path}/agents", token=partner.token, json={**ANN, **more}))
    row = Agent.objects.get(pk=made["id"])
    assert (row.is_owner, row.agency_id) == (False, agency.id)
    assert made["id"] != agency.owner.id
    assert "mine" not in (made["slug"], made["access_token"])


# --- listed and read --------------------------------------------------------------------------------


def test_an_agent_lists_its_own_agency_only(
    api: Api, agency: AgencySeat, agent: AgentSeat, colleague: AgentSeat, foreign_agent: AgentSeat
) -> None:
    body = api.get(f"{agency.path}/agents", token=agent.token).json()
    assert [row["id"] for row in body["data"]] == [agency.owner.id, agent.id, colleague.id]
    assert body["meta"]["total"] == 3


def test_an_agent_is_the_same_in_every_place(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    in_lists = [
        row
        for path, token in ((f"{agency.path}/agents", agent.token), ("/v1/agents", partner.token))
        for row in data(api.get(path, token=token))
        if row["id"] == agent.id
    ]
    alone = data(api.get(path_of(agency, agent), token=agent.token))
    assert in_lists == [alone, alone]
    created_at, updated_at = alone.pop("created_at"), alone.pop("updated_at")
    assert created_at.endswith("Z")
    assert updated_at >= created_at
    assert alone == {
        "id": agent.id,
        "first_name": "Ann",
        "last_name": "Agent",
        "email": agent.email,
        "slug": agent.slug,
        "phone_number": "",
        "is_admin": False,
        "is_owner": False,
        "agency": {"id": agency.id, "name": agency.name, "color_code": "1D4ED8"},
        "profile_picture_url": None,
        "deactivated_at": None,
    }


def test_one_who_left_can_still_be_read(
    api: Api, agency: AgencySeat, agent: AgentSeat, deactivated_agent: AgentSeat
) -> None:
    shown = data(api.get(path_of(agency, deactivated_agent), token=agent.token))
    assert shown["deactivated_at"].endswith("Z")


# --- changed ----------------------------------------------------------------------------------------

CHANGES: list[dict[str, Any]] = [
    {"first_name": "Anne"},
    {"last_name": "Ångström-保"},
    {"email": "anne@example.com"},
    {"email": "ANN@example.com"},
    {"phone_number": "+44 20 7946 0958"},
    {"first_name": "Anne", "last_name": "Reed", "phone_number": ""},
    {},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("who", ["itself", "admin", "owner"])
def test_itself_or_an_admin_changes_what_it_sends(
    api: Api, agency: AgencySeat, agent: AgentSeat, admin_agent: AgentSeat, who: str, change: dict[str, Any]
) -> None:
    token = {"itself": agent, "admin": admin_agent, "owner": agency.owner}[who].token
    before = data(api.get(path_of(agency, agent), token=token))
    changed = data(api.patch(path_of(agency, agent), token=token, json=change))
    assert changed == {**before, **change, "updated_at": changed["updated_at"]}
    assert (changed["updated_at"] > before["updated_at"]) == bool(change)
    assert data(api.get(path_of(agency, agent), token=token)) == changed


def test_a_change_by_form_leaves_out_what_it_does_not_name(
    api: Api, agency: AgencySeat, admin_agent: AgentSeat
) -> None:
    """An absent checkbox is no `is_admin=false`."""
    answer = api.call("PATCH", path_of(agency, admin_agent), token=admin_agent.token, form={"first_name": "Adele"})
    assert (data(answer)["first_name"], data(answer)["is_admin"]) == ("Adele", True)


def test_a_new_suffix_makes_a_new_slug_and_a_new_name_alone_does_not(
    api: Api, agency: AgencySeat, agent: AgentSeat
) -> None:
    path = path_of(agency, agent)
    assert data(api.patch(path, token=agent.token, json={"first_name": "Anne"}))["slug"] == agent.slug
    assert data(api.patch(path, token=agent.token, json={"slug_suffix": "me"}))["slug"] == "anne-agent-me"
    both = {"last_name": "Reed", "slug_suffix": "me"}
    assert data(api.patch(path, token=agent.token, json=both))["slug"] == "anne-reed-me"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"email": "carl@example.com"}, {"email": "email_taken"}),
        ({"email": "CARL@example.com", "first_name": "Anne"}, {"email": "email_taken"}),
        ({"email": "", "phone_number": "12", "slug_suffix": "Ü", "is_admin": 7},
         {"email": "blank", "phone_number": "invalid_phone_number", "slug_suffix": "invalid", "is_admin": "invalid"}),
        (dict.fromkeys(("first_name", "last_name", "email", "phone_number", "slug_suffix", "is_admin")),
         dict.fromkeys(("first_name", "last_name", "email", "phone_number", "slug_suffix", "is_admin"), "null")),
        (["first_name"], {"body": "invalid"}),
    ],
)  # fmt: skip
def test_a_bad_change_names_each_field_and_changes_none(
    api: Api, agency: AgencySeat, agent: AgentSeat, colleague: AgentSeat, change: Any, expected: dict[str, str]
) -> None:
    path, token = path_of(agency, agent), agency.owner.token
    before = api.get(path, token=token).json()
    assert faults(api.patch(path, token=token, json=change)) == expected
    assert api.get(path, token=token).json() == before


def test_one_who_left_cannot_be_changed(api: Api, agency: AgencySeat, deactivated_agent: AgentSeat) -> None:
    answer = api.patch(path_of(agency, deactivated_agent), token=agency.owner.token, json={"first_name": "New"})
    assert (answer.status_code, code(answer)) == (422, "agent_deactivated")


# --- is_admin ---------------------------------------------------------------------------------------


def test_an_admin_makes_an_admin_whose_token_works_as_one_at_once(
    api: Api, agency: AgencySeat, agent: AgentSeat, admin_agent: AgentSeat
) -> None:
    assert api.patch(agency.path, token=agent.token, json={"name": "By Ann"}).status_code == 403
    assert data(api.patch(path_of(agency, agent), token=admin_agent.token, json={"is_admin": True}))["is_admin"]
    assert api.patch(agency.path, token=agent.token, json={"name": "By Ann"}).status_code == 200


def test_an_admin_is_made_none_and_its_token_stops_being_one_at_once(
    api: Api, agency: AgencySeat, admin_agent: AgentSeat
) -> None:
    answer = api.patch(path_of(agency, admin_agent), token=admin_agent.token, json={"is_admin": False})
    assert data(answer)["is_admin"] is False
    assert api.patch(agency.path, token=admin_agent.token, json={"name": "By Ada"}).status_code == 403


@pytest.mark.parametrize("value", [True, False])
def test_an_agent_does_not_change_its_own_is_admin(api: Api, agency: AgencySeat, agent: AgentSeat, value: bool) -> None:
    """Not even to what it is; and nothing else of the call happens."""
    change = {"is_admin": value, "first_name": "Anne"}
    assert api.patch(path_of(agency, agent), token=agent.token, json=change).status_code == 403
    row = Agent.objects.get(pk=agent.id)
    assert (row.is_admin, row.first_name) == (False, "Ann")


# --- let go -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["admin", "owner"])
def test_an_admin_lets_an_agent_go(
    api: Api, agency: AgencySeat, agent: AgentSeat, admin_agent: AgentSeat, who: str
) -> None:
    token = {"admin": admin_agent, "owner": agency.owner}[who].token
    answer = api.delete(path_of(agency, agent), token=token)
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(agency.path, token=agent.token).status_code == 401
    listed = data(api.get(f"{agency.path}/agents", token=token))
    assert agent.id not in [row["id"] for row in listed]
    assert api.delete(path_of(agency, agent), token=token).status_code == 204


def test_an_admin_may_go_by_itself(api: Api, agency: AgencySeat, admin_agent: AgentSeat) -> None:
    assert api.delete(path_of(agency, admin_agent), token=admin_agent.token).status_code == 204
    assert api.get(agency.path, token=admin_agent.token).status_code == 401
