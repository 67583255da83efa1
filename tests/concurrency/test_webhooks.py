"""Webhooks that are changed while something happens: every event has its deliveries, each goes where it should."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse

from tests.clients.conftest import ClientSeat
from tests.conftest import Api
from tests.threads import in_turn
from tests.webhooks.conftest import DeliverySeat, WebhookSeat, change, new_delivery
from webhooks.models import Delivery, Event
from webhooks.services.subscriptions import disable_subscription
from webhooks.services.upkeep import settle_strays

pytestmark = pytest.mark.django_db(transaction=True)


def rename(client: ClientSeat) -> HttpResponse:
    return Api().patch(client.path, token=client.agent.token, json={"first_name": "Jim"})


def states() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


@pytest.fixture
def delivery(api: Api, webhook: WebhookSeat) -> DeliverySeat:
    return new_delivery(api, webhook)


ENDS: dict[str, tuple[Callable[[WebhookSeat], Any], str]] = {
    "deleted": (lambda hook: Api().delete(hook.path, token=hook.admin.token).status_code, "cancelled"),
    "disabled": (lambda hook: change(Api(), hook, status="disabled").status_code, "held"),
    "gone": (lambda hook: disable_subscription(subscription=hook.row, reason=hook.row.Reason.GONE), "held"),
}


@pytest.mark.parametrize("order", ["event first", "end first"])
@pytest.mark.parametrize("end", ENDS)
def test_an_event_beside_the_end_of_its_webhook_is_accounted_for(
    webhook: WebhookSeat, client_seat: ClientSeat, end: str, order: str
) -> None:
    act, state = ENDS[end]
    acts = [lambda: rename(client_seat).status_code, lambda: act(webhook)]
    in_turn(*(acts if order == "event first" else acts[::-1]), at="webhooks_delivery")
    assert Event.objects.count() == 1
    settle_strays()
    assert states() == [state]


@pytest.mark.parametrize("end", ENDS)
def test_no_retry_brings_back_what_ended(delivery: DeliverySeat, end: str) -> None:
    act, state = ENDS[end]
    webhook = delivery.webhook
    _, retried = in_turn(lambda: act(webhook), lambda: Api().post(f"{delivery.path}/retry", token=webhook.admin.token))
    assert retried.status_code == (404 if end == "deleted" else 422)
    assert states() == [state]


def test_a_retry_that_came_first_ends_with_its_webhook(delivery: DeliverySeat) -> None:
    webhook = delivery.webhook
    retried, gone = in_turn(
        lambda: Api().post(f"{delivery.path}/retry", token=webhook.admin.token),
        lambda: Api().delete(webhook.path, token=webhook.admin.token),
    )
    assert [retried.status_code, gone.status_code] == [200, 204]
    assert states() == ["cancelled"]


def test_a_secret_that_is_rotated_twice_at_once_gives_two_that_sign(webhook: WebhookSeat) -> None:
    def rotate() -> HttpResponse:
        return Api().post(f"{webhook.path}/rotate-secret", token=webhook.admin.token)

    secrets = {webhook.secret, *(answer.json()["data"]["secret"] for answer in in_turn(rotate, rotate))}
    assert len(secrets) == len(webhook.row.secrets) == 3


def test_a_webhook_deleted_while_its_secret_is_rotated_keeps_none(webhook: WebhookSeat) -> None:
    in_turn(
        lambda: Api().post(f"{webhook.path}/rotate-secret", token=webhook.admin.token),
        lambda: Api().delete(webhook.path, token=webhook.admin.token),
    )
    assert webhook.row.secrets == []


def test_changes_of_different_fields_both_stay(webhook: WebhookSeat) -> None:
    in_turn(lambda: change(Api(), webhook, description="One"), lambda: change(Api(), webhook, status="disabled"))
    assert (webhook.row.description, webhook.row.status) == ("One", "disabled")
