"""Webhooks in the admin: made on their agency's page, looked at with their deliveries, and acted on."""

import re
from collections.abc import Callable

import pytest

from audit.models import AuditEntry
from tests.admin.conftest import Desk, text_of
from tests.conftest import AgencySeat, Api
from tests.webhooks.conftest import DeliverySeat, WebhookSeat, new_delivery, new_webhook
from webhooks import secrets
from webhooks.models import Delivery, Subscription

LIST = "webhooks/subscription/"
LOG = "webhooks/delivery/"
NEW = {"url": "https://hooks.harbor.example/agency", "events": ["client.updated"], "description": "CRM"}


@pytest.fixture
def webhook(api: Api, agency: AgencySeat) -> WebhookSeat:
    return new_webhook(api, agency.owner)


@pytest.fixture
def delivery(api: Api, webhook: WebhookSeat) -> DeliverySeat:
    return new_delivery(api, webhook)


def path_of(webhook: WebhookSeat, act: str = "change") -> str:
    return f"{LIST}{webhook.uuid}/{act}/"


def secret_in(page: str) -> str:
    [secret] = re.findall(r"whsec_[A-Za-z0-9+/=]+", page)
    return secret


def test_it_is_made_on_its_agencys_page_and_its_secret_is_shown_once(desk: Desk, agency: AgencySeat) -> None:
    answer = desk.act(f"agencies/agency/{agency.id}/add-webhook/", **NEW)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    made = Subscription.objects.get(agency=agency.id)
    assert (made.url, made.events, made.description) == tuple(NEW.values())
    assert secrets.live(made.secrets, 0) == [secret_in(text_of(answer))]
    assert "whsec_" not in text_of(desk.get(f"{LIST}{made.pk}/change/"))
    assert AuditEntry.objects.get(action="webhook.create").actor == desk.actor


def test_what_the_api_refuses_is_refused_here_and_keeps_what_was_typed(desk: Desk, agency: AgencySeat) -> None:
    answer = desk.act(f"agencies/agency/{agency.id}/add-webhook/", **{**NEW, "url": "ftp://harbor.example/"})
    assert answer.status_code == 200
    assert "begins with https://" in text_of(answer)
    assert 'value="ftp://harbor.example/"' in text_of(answer)
    assert not Subscription.objects.exists()


def test_an_edit_goes_through_the_service(desk: Desk, webhook: WebhookSeat) -> None:
    values = {"url": webhook.row.url, "events": ["client.updated", "client.reassigned"], "description": ""}
    shown = {"initial-description": webhook.row.description}
    assert desk.post(path_of(webhook), **values, **shown).status_code == 302
    assert sorted(webhook.row.events) == ["client.reassigned", "client.updated"]
    entry = AuditEntry.objects.get(action="webhook.update")
    assert (entry.actor, entry.facts) == (desk.actor, {"changed": ["description", "events"]})


def test_it_is_disabled_enabled_and_deleted(desk: Desk, webhook: WebhookSeat, delivery: DeliverySeat) -> None:
    assert desk.act(path_of(webhook, "disable")).status_code == 302
    assert (webhook.row.status, webhook.row.disabled_reason, delivery.row.state) == ("disabled", "requested", "held")
    page = text_of(desk.get(path_of(webhook)))
    assert ("/disable/" in page, "/enable/" in page, "/send-test/" in page) == (False, True, False)
    assert desk.act(path_of(webhook, "enable")).status_code == 302
    assert (webhook.row.status, delivery.row.state) == ("enabled", "held")
    assert desk.act(path_of(webhook, "remove")).status_code == 302
    assert (webhook.row.secrets, delivery.row.state) == ([], "cancelled")
    assert desk.get(path_of(webhook)).status_code == 302  # gone from the admin


def test_its_secret_is_rotated_and_shown_once(desk: Desk, webhook: WebhookSeat) -> None:
    secret = secret_in(text_of(desk.act(path_of(webhook, "rotate-secret"))))
    assert secrets.live(webhook.row.secrets, 0) == [secret, webhook.secret]


def test_a_test_event_and_a_recovery(desk: Desk, webhook: WebhookSeat) -> None:
    assert desk.act(path_of(webhook, "send-test")).status_code == 302
    Delivery.objects.update(state="exhausted")
    assert desk.act(path_of(webhook, "recover"), since_0="2026-01-01", since_1="00:00:00").status_code == 302
    assert webhook.row.recover_since is not None


def test_the_log_of_deliveries_with_their_attempts(desk: Desk, webhook: WebhookSeat, delivery: DeliverySeat) -> None:
    log = text_of(desk.get(LOG, subscription__id__exact=webhook.uuid))
    assert "webhook.test" in log
    page = text_of(desk.get(f"{LOG}{delivery.uuid}/change/"))
    assert delivery.row.event.message_id in page
    assert "webhook_uuid" in page
    Delivery.objects.update(state="exhausted")
    assert desk.act(f"{LOG}{delivery.uuid}/send-again/").status_code == 302
    assert list(Delivery.objects.order_by("replay").values_list("replay", "state")) == [
        (0, "exhausted"),
        (1, "pending"),
    ]


def test_who_may_only_look_has_no_act(desk_of: Callable[..., Desk], webhook: WebhookSeat) -> None:
    desk = desk_of("webhooks.view_subscription")
    page = desk.get(path_of(webhook))
    assert page.status_code == 200
    assert "/disable/" not in text_of(page)
    assert desk.get(path_of(webhook, "disable")).status_code in (302, 403)
    assert webhook.row.status == "enabled"
    assert desk_of().get(LIST).status_code == 403
