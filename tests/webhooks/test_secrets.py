"""Signing secrets: encrypted at rest, rotated with an overlap, and their keys changed (contract §7, design §3)."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import standardwebhooks
from cryptography.fernet import Fernet, InvalidToken
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from audit.models import AuditEntry
from tests.answers import data
from tests.conftest import AgentSeat, Api
from tests.described import assert_as_described
from tests.threads import at_once
from tests.webhooks.conftest import Receiver, WebhookSeat, new_delivery, new_webhook
from webhooks import secrets
from webhooks.models import Subscription
from webhooks.tasks import deliver

DAY = timedelta(hours=24)
Keys = Callable[..., None]


def rotate(api: Api, webhook: WebhookSeat) -> str:
    answer = api.post(f"{webhook.path}/rotate-secret", token=webhook.admin.token)
    assert_as_described(answer, "rotateWebhookSecret")
    return data(answer)["secret"]


def live(webhook: WebhookSeat, *, after: timedelta = timedelta()) -> list[str]:
    return secrets.live(webhook.row.secrets, (timezone.now() + after).timestamp())


def time_passes(webhook: WebhookSeat, hours: float) -> None:
    """As if the webhook's secrets had been rotated so much earlier."""
    row = webhook.row
    for one in row.secrets:
        one["until"] = one["until"] and one["until"] - hours * 3600
    row.save(update_fields=["secrets"])


def verifies(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        standardwebhooks.Webhook(secret).verify(body, headers)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


# --- at rest --------------------------------------------------------------------------------------------


def test_the_table_alone_opens_nothing(api: Api, webhook: WebhookSeat) -> None:
    rotated = rotate(api, webhook)
    with connection.cursor() as cursor:
        cursor.execute("SELECT s::text FROM webhooks_subscription s")
        [(row,)] = cursor.fetchall()
    assert webhook.uuid in row
    for secret in (webhook.secret, rotated):
        assert secret not in row
        assert secret.removeprefix("whsec_")[:20] not in row
    assert "whsec_" not in row
    assert live(webhook) == [rotated, webhook.secret]


def test_no_two_webhooks_share_one(api: Api, admin_agent: AgentSeat) -> None:
    assert len({new_webhook(api, admin_agent).secret for _ in range(5)}) == 5


# --- rotated --------------------------------------------------------------------------------------------


def test_the_one_before_signs_for_a_day_more(api: Api, webhook: WebhookSeat) -> None:
    rotated = rotate(api, webhook)
    assert rotated != webhook.secret
    assert live(webhook) == live(webhook, after=DAY - timedelta(minutes=1)) == [rotated, webhook.secret]
    assert live(webhook, after=DAY + timedelta(seconds=1)) == [rotated]
    assert live(webhook, after=10_000 * DAY) == [rotated]


def test_a_second_rotation_gives_the_first_one_no_time_more(api: Api, webhook: WebhookSeat) -> None:
    second = rotate(api, webhook)
    time_passes(webhook, 20)
    third = rotate(api, webhook)
    assert live(webhook, after=timedelta(hours=3.9)) == [third, second, webhook.secret]
    assert live(webhook, after=timedelta(hours=4.1)) == [third, second]
    assert live(webhook, after=timedelta(hours=24.1)) == [third]


def test_at_most_three_are_live(api: Api, webhook: WebhookSeat) -> None:
    rotated = [rotate(api, webhook) for _ in range(4)]
    assert live(webhook) == rotated[:0:-1]
    time_passes(webhook, 25)
    assert live(webhook) == rotated[-1:]
    newest = rotate(api, webhook)
    assert len(webhook.row.secrets) == 2  # those whose time is over are not kept
    assert live(webhook) == [newest, rotated[-1]]


@pytest.mark.django_db(transaction=True)
def test_two_rotations_at_once_both_count(webhook: WebhookSeat) -> None:
    first, second = at_once(*[lambda: rotate(Api(), webhook)] * 2)
    assert sorted(live(webhook)) == sorted([first, second, webhook.secret])
    assert live(webhook)[-1] == webhook.secret


@pytest.mark.django_db(transaction=True)
def test_a_receiver_verifies_with_either_for_a_day_and_then_with_the_new_one(
    api: Api, admin_agent: AgentSeat, receiver: Receiver
) -> None:
    webhook = new_webhook(api, admin_agent, url=receiver.url)
    rotated = rotate(api, webhook)
    for hours in (0, 23.9, 0.2):
        time_passes(webhook, hours)
        new_delivery(api, webhook)
        deliver()
    assert [
        [verifies(secret, headers, body) for secret in (webhook.secret, rotated)] for headers, body in receiver.got
    ] == [[True, True], [True, True], [False, True]]
    assert [headers["webhook-signature"].count("v1,") for headers, _ in receiver.got] == [2, 2, 1]


# --- the keys that seal them ------------------------------------------------------------------------------


@pytest.fixture
def keys(settings: Any) -> Iterator[Keys]:
    """Sets WEBHOOK_SECRET_KEYS as a process started anew would have them."""

    def forget() -> None:
        secrets._keys.cache_clear()
        secrets._opened.cache_clear()

    def use(*those: bytes) -> None:
        settings.WEBHOOK_SECRET_KEYS = list(those)
        forget()

    yield use
    forget()


def test_a_new_key_seals_and_the_old_one_still_opens(api: Api, admin_agent: AgentSeat, keys: Keys) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    keys(old)
    early = new_webhook(api, admin_agent)
    keys(new, old)
    late = new_webhook(api, admin_agent)
    assert [live(one) for one in (early, late)] == [[early.secret], [late.secret]]
    keys(new)
    assert live(late) == [late.secret]
    with pytest.raises(InvalidToken):
        live(early)


def test_once_resealed_the_old_key_can_go(api: Api, admin_agent: AgentSeat, keys: Keys) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    keys(old)
    webhooks = [new_webhook(api, admin_agent) for _ in range(3)]
    rotated = rotate(api, webhooks[0])
    api.delete(webhooks[2].path, token=admin_agent.token)
    until = webhooks[0].row.secrets[1]["until"]
    keys(new, old)
    for _ in range(2):
        told = StringIO()
        call_command("reseal_webhook_secrets", stdout=told)
        assert told.getvalue() == "2 webhooks have their secrets sealed with the first key.\n"
    keys(new)
    assert live(webhooks[0]) == [rotated, webhooks[0].secret]
    assert webhooks[0].row.secrets[1]["until"] == until
    assert live(webhooks[1]) == [webhooks[1].secret]
    entries = AuditEntry.objects.filter(action="webhook.reseal_secrets")
    assert {(one.actor, one.target_id) for one in entries} == {("command-line", one.uuid) for one in webhooks[:2]}
    assert "whsec_" not in json.dumps(list(entries.values()), default=str)


def test_what_no_key_opens_is_named_and_left_as_it_is(api: Api, admin_agent: AgentSeat, keys: Keys) -> None:
    lost, new = Fernet.generate_key(), Fernet.generate_key()
    keys(lost)
    unreadable = new_webhook(api, admin_agent)
    before = unreadable.row.secrets
    keys(new)
    readable = new_webhook(api, admin_agent)
    told = StringIO()
    with pytest.raises(CommandError, match=unreadable.uuid):
        call_command("reseal_webhook_secrets", stdout=told)
    assert told.getvalue().startswith("1 webhooks ")
    assert (unreadable.row.secrets, live(readable)) == (before, [readable.secret])
    assert Subscription.objects.count() == 2
