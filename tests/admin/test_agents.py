"""Agents in the admin: edited, given a new token, made owner, ended and woken."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent
from audit.models import AuditEntry
from tests.admin.conftest import Desk, text_of
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.factories import agents_of_agency

LIST = "agents/agent/"
ANN = {"first_name": "Ann", "last_name": "Agent", "email": "ann@example.com", "phone_number": ""}


def path_of(agent: AgentSeat, act: str = "change") -> str:
    return f"{LIST}{agent.id}/{act}/"


def row(agent: AgentSeat) -> Agent:
    return Agent.objects.get(pk=agent.id)


# --- edited -----------------------------------------------------------------------------------------


def test_an_edit_is_saved_and_audited_by_field_name(desk: Desk, agent: AgentSeat) -> None:
    assert desk.post(path_of(agent), **{**ANN, "last_name": "Ångström", "is_admin": "on"}).status_code == 302
    assert (row(agent).last_name, row(agent).is_admin) == ("Ångström", True)
    entry = AuditEntry.objects.get(action="agent.update")
    assert (entry.actor, entry.facts) == (desk.actor, {"changed": ["is_admin", "last_name"]})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"email": "CARL@example.com"}, "Another active agent of this agency has this"),
        ({"email": "ann"}, "Enter a valid email address."),
        ({"phone_number": "12"}, "A possible telephone number"),
        ({"first_name": "x" * 101}, "at most 100 characters"),
        ({"last_name": ""}, "This field is required."),
    ],
)
def test_what_is_refused_is_shown_on_the_form_and_nothing_changes(
    desk: Desk, agent: AgentSeat, colleague: AgentSeat, change: dict[str, Any], complaint: str
) -> None:
    answer = desk.post(path_of(agent), **{**ANN, "first_name": "Anne", **change})
    assert answer.status_code == 200
    assert complaint in text_of(answer)
    assert row(agent).first_name == "Ann"


def test_the_owner_stays_admin(desk: Desk, agency: AgencySeat) -> None:
    owner = {"first_name": "Olive", "last_name": "Owner", "email": agency.owner.email, "phone_number": ""}
    answer = desk.post(path_of(agency.owner), **owner, **{"initial-is_admin": "True"})
    assert (answer.status_code, row(agency.owner).is_admin) == (200, True)
    assert "The owner is an admin; transfer ownership first." in text_of(answer)


def test_what_must_not_be_rewritten_is_only_shown(desk: Desk, agent: AgentSeat, foreign_agency: AgencySeat) -> None:
    before = row(agent)
    rewritten = {"agency": foreign_agency.id, "slug": "mine", "is_owner": "on", "created_at": "2001-01-01"}
    assert desk.post(path_of(agent), **ANN, **rewritten).status_code == 302
    after = row(agent)
    for name in ("agency_id", "slug", "is_owner", "created_at"):
        assert getattr(after, name) == getattr(before, name)


def test_a_deactivated_agent_is_shown_and_not_edited(desk: Desk, deactivated_agent: AgentSeat) -> None:
    assert desk.get(path_of(deactivated_agent)).status_code == 200
    assert desk.post(path_of(deactivated_agent), **ANN).status_code == 403
    assert row(deactivated_agent).first_name == "Dan"


# --- acts -------------------------------------------------------------------------------------------


def test_a_reset_token_works_is_shown_once_and_ends_the_old_one(
    api: Api, desk: Desk, agency: AgencySeat, agent: AgentSeat
) -> None:
    answer = desk.act(path_of(agent, "reset-access-token"))
    assert "no-store" in answer["Cache-Control"]
    [token] = re.findall(r"agency_pat_\w+", text_of(answer))
    assert api.get(agency.path, token=token).status_code == 200
    assert api.get(agency.path, token=agent.token).status_code == 401
    for page in (LIST, path_of(agent), "audit/auditentry/"):
        assert token not in text_of(desk.get(page))


def test_ownership_is_transferred(desk: Desk, agency: AgencySeat, agent: AgentSeat) -> None:
    assert desk.act(path_of(agent, "make-owner")).status_code == 302
    new, old = row(agent), row(agency.owner)
    assert (new.is_owner, new.is_admin, old.is_owner, old.is_admin) == (True, True, False, True)
    assert AuditEntry.objects.get(action="agency.transfer_ownership").actor == desk.actor


def test_an_agent_is_deactivated_and_reactivated(api: Api, desk: Desk, agency: AgencySeat, agent: AgentSeat) -> None:
    assert desk.act(path_of(agent, "deactivate")).status_code == 302
    assert api.get(agency.path, token=agent.token).status_code == 401
    assert desk.act(path_of(agent, "reactivate")).status_code == 302
    assert row(agent).deactivated_at is None


def test_a_rule_that_refuses_an_act_is_told(desk: Desk, agency: AgencySeat, agent: AgentSeat) -> None:
    answer = desk.act(path_of(agency.owner, "deactivate"))
    assert answer.status_code == 200
    assert "transfer ownership first" in text_of(answer)
    assert row(agency.owner).deactivated_at is None


def test_an_act_asked_before_another_one_does_nothing(desk: Desk, agent: AgentSeat) -> None:
    asked = desk.ask(path_of(agent, "deactivate"))
    desk.act(path_of(agent, "reset-access-token"))
    answer = desk.post(path_of(agent, "deactivate"), **asked)
    assert "changed since the page was shown" in text_of(desk.browser.get(answer["Location"]))
    assert row(agent).deactivated_at is None


def test_only_the_acts_that_apply_have_a_button(desk: Desk, agent: AgentSeat, deactivated_agent: AgentSeat) -> None:
    def buttons(one: AgentSeat) -> list[str]:
        page = text_of(desk.get(path_of(one)))
        acts = ["reset-access-token", "make-owner", "deactivate", "reactivate"]
        return [act for act in acts if f"/{one.id}/{act}/" in page]

    assert buttons(agent) == ["reset-access-token", "make-owner", "deactivate"]
    assert buttons(deactivated_agent) == ["reactivate"]


@pytest.mark.parametrize("act", ["reset-access-token", "make-owner", "deactivate", "reactivate"])
def test_whoever_may_only_look_acts_on_nothing(desk_of: Callable[..., Desk], agent: AgentSeat, act: str) -> None:
    viewer = desk_of("agents.view_agent")
    assert viewer.get(path_of(agent)).status_code == 200
    assert viewer.get(path_of(agent, act)).status_code == 403
    assert viewer.post(path_of(agent, act), seen="0").status_code == 403
    assert viewer.post(path_of(agent), **ANN).status_code == 403
    assert not AuditEntry.objects.filter(actor=viewer.actor).exists()


def test_an_unknown_agent_leads_back(desk: Desk, db: None) -> None:
    for path in (f"{LIST}999/change/", f"{LIST}999/deactivate/", f"{LIST}no-number/deactivate/"):
        assert desk.get(path).status_code == 302


# --- the list ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", ["ann@example.com", "ANN", "Harbour Ann"])
def test_the_list_is_searched(desk: Desk, agent: AgentSeat, colleague: AgentSeat, term: str) -> None:
    page = text_of(desk.get(LIST, q=term))
    assert ("ann@example.com" in page, "carl@example.com" in page) == (True, False)


def test_the_list_is_filtered(desk: Desk, agent: AgentSeat, deactivated_agent: AgentSeat) -> None:
    ended, admins = text_of(desk.get(LIST, state="ended")), text_of(desk.get(LIST, is_admin__exact="1"))
    assert (deactivated_agent.email in ended, agent.email in ended) == (True, False)
    assert agent.email not in admins


def test_the_list_costs_the_same_for_few_and_many(desk: Desk, agency: AgencySeat, partner: PartnerSeat) -> None:
    desk.get(LIST)
    with CaptureQueriesContext(connection) as few:
        desk.get(LIST)
    agents_of_agency(agency.id, 40)
    with CaptureQueriesContext(connection) as many:
        desk.get(LIST)
    assert len(many) == len(few) <= 8


@pytest.mark.parametrize(("term", "found"), [("Ann", 1), ("A\0nn", 1), ("\0", 2), ("%", 0), ("x" * 5000, 0)])
def test_completions_take_any_text(desk: Desk, agent: AgentSeat, term: str, found: int) -> None:
    asked = {"app_label": "clients", "model_name": "client", "field_name": "agent", "term": term}
    assert len(desk.get("autocomplete/", **asked).json()["results"]) == found
