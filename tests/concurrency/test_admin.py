"""Administrators at once with each other, and with the API's callers."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.http import HttpResponse

from administration.base import ServiceAdmin
from agencies.models import Agency
from agents.models import Agent, AgentToken
from audit.models import AuditEntry
from oauth_clients.models import OAuthClient
from oauth_clients.services import suspend
from tests.admin.conftest import Desk, text_of
from tests.answers import data
from tests.conftest import COMMAND_LINE, AgencySeat, AgentSeat, Api, PartnerSeat, partner_seat
from tests.threads import in_turn
from tests.webhooks.conftest import WEBHOOK, WebhookSeat, change

from .invariants import assert_all_is_well
from .stage import World, new_world

pytestmark = pytest.mark.django_db(transaction=True)


def shown(desk: Desk, path: str) -> dict[str, str]:
    """What the page's form says that it was shown with."""
    return dict(re.findall(r'name="(initial-\w+)" value="([^"]*)"', text_of(desk.get(path))))


def statuses(answers: list[HttpResponse]) -> list[int]:
    return [answer.status_code for answer in answers]


# --- edits ------------------------------------------------------------------------------------------------


def test_an_edit_keeps_what_somebody_changed_since_the_page_was_shown(desk: Desk, agency: AgencySeat) -> None:
    path = f"agencies/agency/{agency.id}/change/"
    page = shown(desk, path)
    assert page == {"initial-name": agency.name, "initial-color_code": "1D4ED8"}
    Api().patch(agency.path, token=agency.owner.token, json={"name": "Renamed"})
    inline = {"oauth_links-TOTAL_FORMS": "0", "oauth_links-INITIAL_FORMS": "0"}
    answer = desk.post(path, **page, **inline, name=agency.name, color_code="ABCDEF", referral="")
    assert answer.status_code == 302
    row = Agency.objects.get(pk=agency.id)
    assert (row.name, row.color_code) == ("Renamed", "ABCDEF")


def test_two_edits_at_once_both_stay(desk: Desk, agency: AgencySeat, agent: AgentSeat) -> None:
    path = f"agents/agent/{agent.id}/change/"
    page = shown(desk, path)
    form = {"first_name": "Ann", "last_name": "Agent", "email": agent.email, "phone_number": ""}
    edits = [{**page, **form, "first_name": "Anna"}, {**page, **form, "is_admin": "on"}]
    assert statuses(in_turn(*[lambda edit=edit: desk.post(path, **edit) for edit in edits])) == [302, 302]
    row = Agent.objects.get(pk=agent.id)
    assert (row.first_name, row.is_admin) == ("Anna", True)


def test_an_edit_keeps_the_events_of_a_webhook_that_the_api_changed(desk: Desk, webhook: WebhookSeat) -> None:
    path = f"webhooks/subscription/{webhook.uuid}/change/"
    page: dict[str, Any] = {**shown(desk, path), "initial-events": ["*"]}
    change(Api(), webhook, events=["client.updated"])
    answer = desk.post(path, **page, url=webhook.row.url, events=["*"], description="Another")
    assert answer.status_code == 302
    assert (webhook.row.events, webhook.row.description) == (["client.updated"], "Another")


# --- acts -------------------------------------------------------------------------------------------------


ONCE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "agencies.deactivate": ("agencies/agency/{agency}/deactivate", "agency.deactivate", {}),
    "agencies.reactivate": ("agencies/agency/{asleep}/reactivate", "agency.reactivate", {}),
    "agencies.link_partner": (
        "agencies/agency/{agency}/link-partner", "oauth_client.link_agency", {"partner": "{other}"}
    ),
    "agencies.unlink_partner": (
        "agencies/agency/{agency}/unlink-partner", "oauth_client.unlink_agency", {"partner": "{partner}"}
    ),
    "agencies.add_webhook": (
        "agencies/agency/{agency}/add-webhook", "webhook.create", {"url": "https://hooks.example/", "events": ["*"]}
    ),
    "agents.reset_access_token": ("agents/agent/{agent}/reset-access-token", "agent.reset_access_token", {}),
    "agents.make_owner": ("agents/agent/{agent}/make-owner", "agency.transfer_ownership", {}),
    "agents.deactivate": ("agents/agent/{agent}/deactivate", "agent.deactivate", {}),
    "agents.reactivate": ("agents/agent/{gone}/reactivate", "agent.reactivate", {}),
    "clients.reassign": ("clients/client/{client}/reassign", "client.reassign", {"agent_id": "{colleague}"}),
    "clients.destroy": ("clients/client/{client}/destroy", "client.destroy", {"name": "Joe Consumer"}),
    "webhooks.send_test": ("webhooks/subscription/{webhook}/send-test", "webhook.test", {}),
    "webhooks.recover": (
        "webhooks/subscription/{webhook}/recover", "webhook.recover", {"since_0": "2026-01-01", "since_1": "00:00:00"}
    ),
    "webhooks.rotate_secret": ("webhooks/subscription/{webhook}/rotate-secret", "webhook.rotate_secret", {}),
    "webhooks.disable": ("webhooks/subscription/{webhook}/disable", "webhook.update", {}),
    "webhooks.enable": ("webhooks/subscription/{disabled}/enable", "webhook.update", {}),
    "webhooks.remove": ("webhooks/subscription/{webhook}/remove", "webhook.delete", {}),
    "webhooks.send_again": ("webhooks/delivery/{delivery}/send-again", "webhook.retry", {}),
    "oauth_clients.rotate_secret": (
        "oauth_clients/oauthclient/{partner}/rotate-secret", "oauth_client.rotate_secret", {"overlap_hours": "1"}
    ),
    "oauth_clients.suspend": ("oauth_clients/oauthclient/{partner}/suspend", "oauth_client.suspend", {}),
    "oauth_clients.resume": ("oauth_clients/oauthclient/{suspended}/resume", "oauth_client.resume", {}),
}  # fmt: skip
"""By app and act: its page, what the audit trail calls it, and what is filled in. Pressed twice, it is done once; but
twice where the audit trail tells of it as of something else than what the page shows."""
TWICE = {"agencies.add_webhook", "webhooks.send_again"}


def test_every_act_is_raced() -> None:
    pages = [page for page in admin.site._registry.values() if isinstance(page, ServiceAdmin)]
    acts = {f"{page.opts.app_label}.{name}" for page in pages for name in page.actions_detail}
    assert acts == set(ONCE)


@pytest.mark.parametrize("name", ONCE)
def test_an_act_that_is_pressed_twice_at_once(desk: Desk, name: str, stored_files: Path) -> None:
    path, action, values = ONCE[name]
    world = new_world(Api())
    ids = {**world.ids, **others(Api(), world)}
    path, *filled = (text.format(**ids) if isinstance(text, str) else text for text in (path, *values.values()))
    path += "/"
    form = {**desk.ask(path), **dict(zip(values, filled, strict=True))}
    acts = AuditEntry.objects.filter(action=action)
    before = acts.count()
    answers = in_turn(*[lambda: desk.post(path, **form)] * 2)
    assert {answer.status_code for answer in answers} <= {200, 302}
    assert acts.count() - before == (2 if name in TWICE else 1)
    assert_all_is_well(world.agencies, stored_files)


def others(api: Api, world: World) -> dict[str, Any]:
    """Partners, and a webhook that is disabled."""
    other, suspended = partner_seat(api, "Other").row, partner_seat(api, "Suspended").row
    suspend(client=suspended, actor=COMMAND_LINE)
    disabled = data(api.post("/v1/webhooks", token=world.tokens["admin"], json=WEBHOOK))["uuid"]
    api.patch(f"/v1/webhooks/{disabled}", token=world.tokens["admin"], json={"status": "disabled"})
    return {"other": other.pk, "suspended": suspended.pk, "disabled": disabled}


def test_an_agent_deactivated_by_both_is_so_once(desk: Desk, partner: PartnerSeat, agent: AgentSeat) -> None:
    path = f"agents/agent/{agent.id}/deactivate/"
    form = desk.ask(path)
    answers = in_turn(
        lambda: Api().delete(f"/v1/agents/{agent.id}", token=partner.token), lambda: desk.post(path, **form)
    )
    assert statuses(answers) == [204, 302]
    assert AuditEntry.objects.filter(action="agent.deactivate", target_id=str(agent.id)).count() == 1


def test_a_token_reset_by_both_leaves_one(desk: Desk, partner: PartnerSeat, agent: AgentSeat) -> None:
    path = f"agents/agent/{agent.id}/reset-access-token/"
    form = desk.ask(path)
    answers = in_turn(
        lambda: desk.post(path, **form),
        lambda: Api().post(f"/v1/agents/{agent.id}/reset-access-token", token=partner.token),
    )
    assert statuses(answers) == [200, 200]
    assert AgentToken.objects.filter(agent_id=agent.id, revoked_at__isnull=True).count() == 1


def test_a_new_partner_that_is_sent_twice_at_once_is_made_once(desk: Desk) -> None:
    path = "oauth_clients/oauthclient/add/"
    [client_id] = re.findall(r'name="client_id" value="(\w+)"', text_of(desk.get(path)))
    answers = in_turn(*[lambda: desk.post(path, name="Northwind", client_id=client_id)] * 2)
    assert statuses(answers) == [200, 200]
    assert sorted("agency_ocs_" in text_of(answer) for answer in answers) == [False, True]
    assert OAuthClient.objects.get().client_id == client_id
