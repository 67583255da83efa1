"""Deliveries: their log, one sent again by hand, and what was missed recovered (contract §7)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import standardwebhooks
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEntry
from tests.answers import code, data, faults
from tests.conftest import AgentSeat, Api
from tests.described import assert_as_described
from tests.scans import plan_of
from tests.threads import at_once
from tests.webhooks.conftest import DeliverySeat, Receiver, WebhookSeat, change, new_delivery, new_webhook
from tests.webhooks.delivery.rows import due
from webhooks.models import Delivery, Subscription
from webhooks.services import deliveries, upkeep
from webhooks.services.deliveries import recover_batch
from webhooks.tasks import deliver

State = Delivery.State
LONG_AGO = "2000-01-01T00:00:00Z"


def log(api: Api, webhook: WebhookSeat, query: str = "") -> Any:
    return api.get(f"{webhook.path}/deliveries{query}", token=webhook.admin.token)


def ids(answer: Any) -> list[str]:
    return [one["uuid"] for one in data(answer)]


def put(delivery: DeliverySeat, state: State, **values: Any) -> None:
    """As a worker would have left it."""
    lease = {"lease_token": uuid4(), "leased_until": Now() + timedelta(minutes=1)} if state == State.LEASED else {}
    over = {"finished_at": Now()} if state in (State.DELIVERED, State.EXHAUSTED, State.CANCELLED) else {}
    assert Delivery.objects.filter(pk=delivery.uuid).update(state=state, **lease, **over, **values)


def in_state(api: Api, webhook: WebhookSeat, state: State, **values: Any) -> DeliverySeat:
    delivery = new_delivery(api, webhook)
    put(delivery, state, **values)
    return delivery


# --- the log ------------------------------------------------------------------------------------------


def test_the_log_is_a_page_the_oldest_first(api: Api, webhook: WebhookSeat, agent: AgentSeat) -> None:
    made = [new_delivery(api, webhook).uuid for _ in range(5)]
    new_delivery(api, new_webhook(api, webhook.admin))
    with CaptureQueriesContext(connection) as captured:
        answer = api.get(f"{webhook.path}/deliveries?perPage=2&page=2", token=agent.token)
    assert len(captured) == 4  # the caller, the webhook; how many and which, these
    assert "webhooks_event" not in captured[-1]["sql"]
    assert_as_described(answer, "listWebhookDeliveries")
    assert (ids(answer), answer.json()["meta"]["total"]) == (made[2:4], 5)
    assert ids(log(api, webhook)) == ids(log(api, webhook, "?sort=created_at")) == made
    assert ids(log(api, webhook, "?sort=-created_at&perPage=2")) == made[:2:-1]


def test_it_is_narrowed_by_state_type_and_time(api: Api, webhook: WebhookSeat, client_seat: Any) -> None:
    test = new_delivery(api, webhook)
    change = {"first_name": "Josephine"}
    assert api.patch(client_seat.path, token=client_seat.agent.token, json=change).status_code == 200
    [updated] = [str(one.pk) for one in Delivery.objects.filter(event__type="client.updated")]
    assert [one["event"] for one in data(log(api, webhook))] == ["webhook.test", "client.updated"]
    put(test, State.DELIVERED)
    assert ids(log(api, webhook, "?status=delivered")) == [test.uuid]
    assert ids(log(api, webhook, "?status=pending")) == [updated]
    assert ids(log(api, webhook, "?status=held")) == []
    assert ids(log(api, webhook, "?event=client.updated")) == [updated]
    assert ids(log(api, webhook, "?event=webhook.test&status=pending")) == []
    between = data(log(api, webhook))[0]["created_at"]
    assert ids(log(api, webhook, f"?createdAfter={between}")) == [updated]
    for moment, found in ((timezone.now() - timedelta(hours=1), 2), (timezone.now() + timedelta(hours=1), 0)):
        assert len(ids(log(api, webhook, f"?createdAfter={quote(moment.isoformat())}"))) == found


INDEXES = {
    "event=client.reassigned": "webhook_delivery_by_type",
    "event=client.reassigned&sort=-created_at": "webhook_delivery_by_type",
    "event=client.reassigned&page=3": "webhook_delivery_by_type",
    "event=client.reassigned&cursor=first": "webhook_delivery_by_type",
    "status=exhausted": "webhook_delivery_undelivered",
    "event=client.updated&status=exhausted": "webhook_delivery_undelivered",
}


@pytest.mark.usefixtures("new_files")
def test_each_filter_has_an_index_in_the_order_of_the_log(api: Api, webhook: WebhookSeat) -> None:
    due(webhook.row, 3_000, event_type="client.updated", state=State.DELIVERED)
    due(webhook.row, 60, event_type="client.reassigned", state=State.DELIVERED)
    due(webhook.row, 40, event_type="client.updated", state=State.EXHAUSTED)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_delivery")
    for query, index in INDEXES.items():
        with CaptureQueriesContext(connection) as captured:
            assert len(ids(log(api, webhook, f"?{query}&perPage=20"))) == 20
        [found, _] = [one["sql"] for one in captured if 'FROM "webhooks_delivery"' in one["sql"]]
        plan = plan_of(found)
        assert index in plan, (query, plan)
        assert "Seq Scan" not in plan, (query, plan)
        assert "Sort Key: webhooks_delivery" not in plan, (query, plan)


WITHOUT_TYPE = """
    INSERT INTO webhooks_delivery (id, subscription_id, event_id, replay, state, attempts)
    SELECT gen_random_uuid(), subscription_id, event_id, 99, 'delivered', 1 FROM webhooks_delivery WHERE replay = 0
"""


def test_each_has_the_type_of_its_event_however_it_was_made(api: Api, webhook: WebhookSeat, client_seat: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE webhooks_delivery DISABLE TRIGGER delivery_of_type")  # each says it by itself
        api.patch(client_seat.path, token=client_seat.agent.token, json={"first_name": "Jo"})
        assert data(retry(api, in_state(api, webhook, State.DELIVERED)))["event"] == "webhook.test"
        Delivery.objects.update(state=State.EXHAUSTED)
        recover(api, webhook)
        upkeep.go_on_recovering()
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE webhooks_delivery ENABLE TRIGGER delivery_of_type")
        cursor.execute(WITHOUT_TYPE)  # as the release before does
    types = Delivery.objects.filter(event_type=F("event__type")).order_by("event_type", "replay")
    assert list(types.values_list("event_type", "replay")) == [
        *[("client.updated", replay) for replay in (0, 1, 99)],
        *[("webhook.test", replay) for replay in (0, 1, 2, 99)],
    ]


@pytest.mark.django_db(transaction=True)
def test_those_of_before_have_it_when_they_are_migrated(api: Api, webhook: WebhookSeat) -> None:
    due(webhook.row, 2_003)
    assert log(api, webhook).json()["meta"]["total"] == 2_003
    leaves = MigrationExecutor(connection).loader.graph.leaf_nodes()
    MigrationExecutor(connection).migrate([("webhooks", "0003_deliveries_so_far")])
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT_TYPE)
    MigrationExecutor(connection).migrate(leaves)
    assert Delivery.objects.filter(event_type="client.updated").count() == 2 * 2_003


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=sent", {"status": "invalid_choice"}),
        ("event=client.created", {"event": "invalid_choice"}),
        ("createdAfter=yesterday", {"createdAfter": "invalid"}),
        ("sort=event", {"sort": "invalid_choice"}),
        ("perPage=101&status=x", {"perPage": "out_of_range", "status": "invalid_choice"}),
    ],
)
def test_a_query_that_is_not_taken_is_named(
    api: Api, webhook: WebhookSeat, query: str, expected: dict[str, str]
) -> None:
    assert faults(log(api, webhook, f"?{query}")) == expected


@pytest.mark.parametrize(
    ("moment", "found", "status"),
    [
        ("0001-01-01T00:00:00Z", 1, 200),
        ("0001-01-01T00:00:00+14:00", 1, 422),  # which is before the year 1
        ("1969-12-31T23:59:59Z", 1, 200),
        ("9999-12-31T23:59:59Z", 0, 200),
        ("9999-12-31T23:59:59-12:00", 0, 422),  # and after 9999
    ],
)
def test_any_time_that_can_be_written_can_be_asked_for(
    api: Api, webhook: WebhookSeat, moment: str, found: int, status: int
) -> None:
    in_state(api, webhook, State.EXHAUSTED)
    assert len(ids(log(api, webhook, f"?createdAfter={quote(moment)}"))) == found
    answer = api.post(f"{webhook.path}/recover", token=webhook.admin.token, json={"since": moment})
    assert answer.status_code == status
    if status == 200:
        assert data(answer)["deliveries"] == found


def test_one_webhooks_delivery_is_not_at_another(api: Api, webhook: WebhookSeat) -> None:
    delivery, other = new_delivery(api, webhook), new_webhook(api, webhook.admin)
    path = f"{other.path}/deliveries/{delivery.uuid}"
    assert api.get(path, token=webhook.admin.token).status_code == 404
    assert api.post(f"{path}/retry", token=webhook.admin.token).status_code == 404


# --- one in full, really delivered ----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_delivery_tells_each_attempt(api: Api, admin_agent: AgentSeat, receiver: Receiver) -> None:
    webhook = new_webhook(api, admin_agent, url=receiver.url)
    delivery = new_delivery(api, webhook)
    receiver.status, receiver.answer = 503, b"\xff" + b"x" * 5_000
    deliver()
    waiting = data(api.get(delivery.path, token=admin_agent.token))
    assert (waiting["status"], waiting["attempt_count"], waiting["finished_at"]) == ("pending", 1, None)
    assert waiting["next_attempt_at"] is not None
    receiver.status, receiver.answer = 204, b""
    assert data(api.post(f"{delivery.path}/retry", token=admin_agent.token))["uuid"] == delivery.uuid
    deliver()
    with CaptureQueriesContext(connection) as captured:
        answer = api.get(delivery.path, token=admin_agent.token)
    assert len(captured) == 4  # the caller, the webhook, the delivery with its event, the attempts
    assert_as_described(answer, "showWebhookDelivery")
    full = data(answer)
    assert (full["status"], full["attempt_count"], full["next_attempt_at"]) == ("delivered", 2, None)
    assert full["finished_at"] is not None
    first, second = full["attempts"]
    assert (first["number"], first["response_status"], first["error"]) == (1, 503, None)
    assert first["answer"] == "\ufffd" + "x" * 1_023
    assert (second["number"], second["response_status"], second["answer"]) == (2, 204, "")
    assert {one["address"] for one in (first, second)} == {"127.0.0.1"}
    for headers, body in receiver.got:
        assert headers["webhook-id"] == full["event_id"]
        assert standardwebhooks.Webhook(webhook.secret).verify(body, headers) == full["payload"]
    assert len(receiver.got) == 2
    assert data(api.get(webhook.path, token=admin_agent.token))["last_success_at"] is not None


@pytest.mark.django_db(transaction=True)
def test_one_that_reached_nobody_tells_why(api: Api, admin_agent: AgentSeat) -> None:
    delivery = new_delivery(api, new_webhook(api, admin_agent, url="http://127.0.0.1:1/hook"))
    deliver()
    [attempt] = data(api.get(delivery.path, token=admin_agent.token))["attempts"]
    assert (attempt["response_status"], attempt["error"], attempt["answer"]) == (None, "refused", "")
    assert data(api.get(delivery.webhook.path, token=admin_agent.token))["failing_since"] is not None


# --- sent again by hand ---------------------------------------------------------------------------------


def retry(api: Api, delivery: DeliverySeat) -> Any:
    return api.post(f"{delivery.path}/retry", token=delivery.webhook.admin.token)


def test_one_that_waits_is_due_at_once(api: Api, webhook: WebhookSeat) -> None:
    later = timezone.now() + timedelta(hours=5)
    delivery = in_state(api, webhook, State.PENDING, attempts=7, next_attempt_at=later)
    answer = retry(api, delivery)
    assert_as_described(answer, "retryWebhookDelivery")
    shown = data(answer)
    assert (shown["uuid"], shown["status"], shown["attempt_count"]) == (delivery.uuid, "pending", 7)
    assert delivery.row.next_attempt_at <= timezone.now()
    assert Delivery.objects.count() == 1


def test_one_that_a_worker_is_at_is_left_to_it(api: Api, webhook: WebhookSeat) -> None:
    delivery = in_state(api, webhook, State.LEASED, attempts=1)
    before = Delivery.objects.values().get()
    assert data(retry(api, delivery))["status"] == "leased"
    assert Delivery.objects.values().get() == before
    assert not AuditEntry.objects.filter(action="webhook.retry").exists()


@pytest.mark.parametrize("state", [State.DELIVERED, State.EXHAUSTED, State.CANCELLED])
def test_one_that_is_over_is_sent_anew_with_the_same_id(api: Api, webhook: WebhookSeat, state: State) -> None:
    delivery = in_state(api, webhook, state, attempts=12)
    before = data(api.get(delivery.path, token=webhook.admin.token))
    again = data(retry(api, delivery))
    assert (again["status"], again["replay"], again["attempt_count"]) == ("pending", 1, 0)
    assert (again["uuid"] != delivery.uuid, again["event_id"]) == (True, before["event_id"])
    assert data(api.get(delivery.path, token=webhook.admin.token)) == before
    assert data(retry(api, delivery))["uuid"] == again["uuid"]  # it is under way already
    Delivery.objects.filter(pk=again["uuid"]).update(state=State.DELIVERED)
    assert data(retry(api, delivery))["replay"] == 2


def test_what_was_held_is_sent_once_the_webhook_is_enabled(api: Api, webhook: WebhookSeat) -> None:
    delivery = new_delivery(api, webhook)
    change(api, webhook, status="disabled")
    answer = retry(api, delivery)
    assert (answer.status_code, code(answer)) == (422, "webhook_disabled")
    assert delivery.row.state == State.HELD
    change(api, webhook, status="enabled")
    assert (data(retry(api, delivery))["uuid"], delivery.row.state) == (delivery.uuid, State.PENDING)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", [State.PENDING, State.EXHAUSTED])
def test_two_retries_at_once_make_one_delivery(api: Api, webhook: WebhookSeat, state: State) -> None:
    delivery = in_state(api, webhook, state)
    answers = at_once(*[lambda: retry(Api(), delivery)] * 4)
    assert len({data(answer)["uuid"] for answer in answers}) == 1
    assert Delivery.objects.filter(state=State.PENDING).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_retry_beside_a_deletion_sends_nothing(api: Api, webhook: WebhookSeat) -> None:
    delivery = in_state(api, webhook, State.EXHAUSTED)
    answers = at_once(lambda: retry(Api(), delivery), lambda: Api().delete(webhook.path, token=webhook.admin.token))
    assert answers[0].status_code in (200, 404)  # as it came first or second
    assert answers[1].status_code == 204
    assert not Delivery.objects.filter(state=State.PENDING).exists()


# --- recovered ------------------------------------------------------------------------------------------


def recover(api: Api, webhook: WebhookSeat, since: Any = LONG_AGO) -> Any:
    return api.post(f"{webhook.path}/recover", token=webhook.admin.token, json={"since": since})


def states(webhook: WebhookSeat) -> list[tuple[str, int]]:
    """State and replay of each delivery, event by event."""
    rows = Delivery.objects.filter(subscription=webhook.uuid).order_by("event", "replay")
    return [(one.state, one.replay) for one in rows]


def test_what_did_not_arrive_is_sent_and_nothing_else(api: Api, webhook: WebhookSeat) -> None:
    every = (State.EXHAUSTED, State.HELD, State.DELIVERED, State.CANCELLED, State.PENDING, State.LEASED)
    for state in every:
        in_state(api, webhook, state)
    other = in_state(api, new_webhook(api, webhook.admin), State.EXHAUSTED)
    answer = recover(api, webhook)
    assert_as_described(answer, "recoverWebhook")
    assert data(answer) == {"since": LONG_AGO, "deliveries": 2}
    upkeep.go_on_recovering()
    assert states(webhook) == [
        (State.EXHAUSTED, 0), (State.PENDING, 1), (State.PENDING, 0), (State.DELIVERED, 0), (State.CANCELLED, 0),
        (State.PENDING, 0), (State.LEASED, 0),
    ]  # fmt: skip
    assert other.row.state == State.EXHAUSTED
    assert webhook.row.recover_since is None


def test_only_what_happened_since(api: Api, webhook: WebhookSeat) -> None:
    early = in_state(api, webhook, State.EXHAUSTED)
    late = in_state(api, webhook, State.EXHAUSTED)
    millisecond = late.row.event_id.int >> 80
    assert millisecond > early.row.event_id.int >> 80
    since = datetime.fromtimestamp(millisecond / 1000, UTC).isoformat()
    assert data(recover(api, webhook, since))["deliveries"] == 1
    upkeep.go_on_recovering()
    assert states(webhook) == [(State.EXHAUSTED, 0), (State.EXHAUSTED, 0), (State.PENDING, 1)]


def test_twice_does_not_double(api: Api, webhook: WebhookSeat) -> None:
    in_state(api, webhook, State.EXHAUSTED)
    for _ in range(2):
        assert data(recover(api, webhook))["deliveries"] == 1
    upkeep.go_on_recovering()
    assert data(recover(api, webhook))["deliveries"] == 0
    upkeep.go_on_recovering()
    assert states(webhook) == [(State.EXHAUSTED, 0), (State.PENDING, 1)]


def test_the_earlier_of_two_times_counts(api: Api, webhook: WebhookSeat) -> None:
    in_state(api, webhook, State.EXHAUSTED)
    recover(api, webhook, LONG_AGO)
    in_state(api, webhook, State.HELD)
    recover(api, webhook, (timezone.now() - timedelta(seconds=1)).isoformat())
    assert webhook.row.recover_since.year == 2000


def test_many_are_sent_in_batches_that_go_on_where_one_was_cut_off(
    api: Api, webhook: WebhookSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "BATCH", 2)
    monkeypatch.setattr(upkeep, "RECOVERY_BATCHES", 2)
    for state in (State.EXHAUSTED, State.HELD) * 4:
        in_state(api, webhook, state)
    assert data(recover(api, webhook))["deliveries"] == 8
    assert recover_batch(webhook.row)  # and the worker dies
    with transaction.atomic():  # or in the middle of the next
        assert recover_batch(webhook.row)
        transaction.set_rollback(True)
    assert states(webhook).count((State.PENDING, 1)) == 1
    upkeep.go_on_recovering()
    assert webhook.row.recover_since is not None
    upkeep.go_on_recovering()
    assert webhook.row.recover_since is None
    assert states(webhook) == [(State.EXHAUSTED, 0), (State.PENDING, 1), (State.PENDING, 0)] * 4


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_recover_each_once(api: Api, webhook: WebhookSeat) -> None:
    for _ in range(5):
        in_state(api, webhook, State.EXHAUSTED)
    recover(api, webhook)
    at_once(upkeep.go_on_recovering, upkeep.go_on_recovering)
    assert states(webhook) == [(State.EXHAUSTED, 0), (State.PENDING, 1)] * 5


def test_a_webhook_that_is_disabled_meanwhile_is_sent_nothing(api: Api, webhook: WebhookSeat) -> None:
    in_state(api, webhook, State.EXHAUSTED)
    recover(api, webhook)
    change(api, webhook, status="disabled")
    upkeep.go_on_recovering()
    assert states(webhook) == [(State.EXHAUSTED, 0)]
    answer = recover(api, webhook)
    assert (answer.status_code, code(answer)) == (422, "webhook_disabled")
    change(api, webhook, status="enabled")
    upkeep.go_on_recovering()
    assert states(webhook) == [(State.EXHAUSTED, 0)]  # until it is asked for again


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"since": "required"}),
        ({"since": None}, {"since": "null"}),
        ({"since": "yesterday"}, {"since": "invalid"}),
        ({"since": 1764000000}, {"since": "invalid"}),
        ({"since": {}}, {"since": "invalid"}),
    ],
)
def test_since_is_a_time(api: Api, webhook: WebhookSeat, body: Any, expected: dict[str, str]) -> None:
    assert faults(api.post(f"{webhook.path}/recover", token=webhook.admin.token, json=body)) == expected


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_was_gone_gets_what_it_missed(api: Api, admin_agent: AgentSeat, receiver: Receiver) -> None:
    """410, enabled again, recovered; each event arrives, under its own id."""
    webhook = new_webhook(api, admin_agent, url=receiver.url)
    receiver.status = 410
    new_delivery(api, webhook)
    deliver()
    shown = data(api.get(webhook.path, token=admin_agent.token))
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "gone")
    Delivery.objects.update(next_attempt_at=F("created_at"))
    deliver()
    assert len(receiver.got) == 1
    receiver.status = 200
    change(api, webhook, status="enabled")
    assert data(recover(api, webhook))["deliveries"] == 1
    upkeep.go_on_recovering()
    deliver()
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [receiver.got[0][0]["webhook-id"]] * 2
    assert states(webhook) == [(State.DELIVERED, 0)]
    assert Subscription.objects.get().status == Subscription.Status.ENABLED
