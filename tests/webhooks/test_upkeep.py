"""What time brings about: webhooks that fail for days, strays, and what is kept for how long (design §6)."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from api.ids import new_id
from audit.models import AuditEntry
from tests.answers import data
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.threads import PATIENCE, another_connection, await_waiting, callers
from tests.webhooks.conftest import WebhookSeat, change, failing, new_delivery, new_webhook, tried
from webhooks import partitions, tasks
from webhooks.delivery import claims
from webhooks.models import Attempt, Delivery, Event, Subscription
from webhooks.services import subscriptions, upkeep

State = Delivery.State
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def shown(api: Api, webhook: WebhookSeat) -> dict[str, Any]:
    return data(api.get(webhook.path, token=webhook.admin.token))


# --- disabled after five days -----------------------------------------------------------------------------


def test_after_five_days_of_failing_it_is_disabled(api: Api, agency: AgencySeat, webhook: WebhookSeat) -> None:
    tried(api, webhook, events=2)
    failing(webhook, 5 * DAY, failures=10)
    upkeep.judge_failing()
    assert (shown(api, webhook)["status"], shown(api, webhook)["disabled_reason"]) == ("disabled", "failing")
    assert {one.state for one in Delivery.objects.all()} == {State.HELD}
    entry = AuditEntry.objects.get(action="webhook.disable")
    assert (entry.actor, entry.agency_id, entry.target_id) == ("system", agency.id, webhook.uuid)
    assert entry.facts == {"reason": "failing"}
    upkeep.judge_failing()
    assert AuditEntry.objects.filter(action="webhook.disable").count() == 1


@pytest.mark.parametrize(
    ("since", "failures", "events"),
    [(5 * DAY - HOUR, 500, 5), (30 * DAY, 9, 5), (30 * DAY, 500, 1), (30 * DAY, 500, 0)],
    ids=["not yet", "too few failures", "of one event", "of none"],
)
def test_and_not_before(api: Api, webhook: WebhookSeat, since: timedelta, failures: int, events: int) -> None:
    tried(api, webhook, events)
    Delivery.objects.filter(pk=new_delivery(api, webhook).uuid).update(state=State.DELIVERED, attempts=1)
    new_delivery(api, webhook)  # not attempted yet
    failing(webhook, since, failures=failures)
    upkeep.judge_failing()
    assert shown(api, webhook)["status"] == "enabled"


def test_what_failed_before_the_last_success_does_not_count(api: Api, webhook: WebhookSeat) -> None:
    """As once in a month of which nothing came since: given up, or held while the webhook was disabled."""
    tried(api, webhook, events=2)
    given_up, held = Delivery.objects.all()
    month_ago = timezone.now() - 30 * DAY
    Delivery.objects.filter(pk=given_up.pk).update(state=State.EXHAUSTED, finished_at=month_ago)
    Delivery.objects.filter(pk=held.pk).update(state=State.HELD)
    tried(api, webhook, events=1)
    failing(webhook, 6 * DAY)
    upkeep.judge_failing()
    assert shown(api, webhook)["status"] == "enabled"
    Delivery.objects.filter(pk=given_up.pk).update(finished_at=timezone.now() - DAY)
    upkeep.judge_failing()
    assert shown(api, webhook)["status"] == "disabled"


def test_one_that_works_is_left_alone_beside_one_that_does_not(api: Api, admin_agent: AgentSeat) -> None:
    good, bad = new_webhook(api, admin_agent), new_webhook(api, admin_agent)
    for one in (good, bad):
        tried(api, one, events=2)
    failing(bad, 6 * DAY)
    upkeep.judge_failing()
    assert [shown(api, one)["status"] for one in (good, bad)] == ["enabled", "disabled"]


# --- strays -------------------------------------------------------------------------------------------------


def test_what_was_recorded_while_a_webhook_was_disabled_or_deleted_is_settled(api: Api, admin_agent: AgentSeat) -> None:
    enabled, disabled, deleted = (new_webhook(api, admin_agent) for _ in range(3))
    deliveries = [new_delivery(api, one) for one in (enabled, disabled, deleted)]
    change(api, disabled, status="disabled")
    api.delete(deleted.path, token=admin_agent.token)
    Delivery.objects.update(state=State.PENDING, finished_at=None)
    upkeep.settle_strays()
    assert [one.row.state for one in deliveries] == [State.PENDING, State.HELD, State.CANCELLED]
    assert deliveries[2].row.finished_at is not None


@pytest.mark.parametrize(("act", "state"), [("disable", State.HELD), ("delete", State.CANCELLED)])
def test_of_more_than_one_statement_should_change_the_rest_is_settled_later_and_not_sent_till_then(
    api: Api, webhook: WebhookSeat, monkeypatch: pytest.MonkeyPatch, act: str, state: State
) -> None:
    monkeypatch.setattr(subscriptions, "SETTLED_AT_ONCE", 2)
    for _ in range(5):
        new_delivery(api, webhook)
    if act == "disable":
        change(api, webhook, status="disabled")
    else:
        api.delete(webhook.path, token=webhook.admin.token)
    assert Delivery.objects.filter(state=state).count() == 2
    assert claimable() == 0
    upkeep.settle_strays()
    assert Delivery.objects.filter(state=state).count() == 5


def claimable() -> int:
    """How many subscriptions a worker would take deliveries of."""
    with connection.cursor() as cursor:
        cursor.execute(claims.LOCK, {"room": 10})
        return len(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_but_not_of_one_that_is_enabled_at_that_moment(api: Api, webhook: WebhookSeat) -> None:
    delivery = new_delivery(api, webhook)
    Subscription.objects.update(status=Subscription.Status.DISABLED)
    with callers() as start:
        with another_connection() as holder, holder.transaction():
            holder.execute("UPDATE webhooks_subscription SET status = 'enabled'")
            future = start(upkeep.settle_strays)
            await_waiting(1)
        future.result(PATIENCE)
    assert delivery.row.state == State.PENDING


# --- what is kept for how long ------------------------------------------------------------------------------


def id_of(moment: datetime) -> UUID:
    """An id as one of that moment has it."""
    return UUID(int=partitions.first_id(moment).int | new_id().int & (1 << 80) - 1)


def month(moment: datetime) -> str:
    return f"{moment:%Y_%m}"


def names(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf ORDER BY 1", [table])
        return [name for (name,) in cursor.fetchall()]


@pytest.fixture
def past() -> datetime:
    """So long ago that all that is left of it is over; its months are there."""
    moment = timezone.now() - timedelta(days=200)
    partitions.make_ready(connection, moment)
    return moment


def event_of(agency: AgencySeat, moment: datetime) -> Event:
    return Event.objects.create(id=id_of(moment), agency_id=agency.id, type="webhook.test", body=b"{}")


def delivery_of(event: Event, webhook: WebhookSeat, **values: Any) -> Delivery:
    return Delivery.objects.create(event=event, subscription_id=webhook.uuid, **values)


def test_what_was_held_for_thirty_days_is_cancelled(api: Api, webhook: WebhookSeat, agency: AgencySeat) -> None:
    event, now = event_of(agency, timezone.now()), timezone.now()
    old, young, waiting = (
        delivery_of(event, webhook, id=id_of(now - age), state=state, replay=replay)
        for replay, (age, state) in enumerate(
            [(30 * DAY + HOUR, State.HELD), (30 * DAY - HOUR, State.HELD), (31 * DAY, State.PENDING)]
        )
    )
    upkeep.let_go_of_held()
    for one in (old, young, waiting):
        one.refresh_from_db()
    assert [one.state for one in (old, young, waiting)] == [State.CANCELLED, State.HELD, State.PENDING]
    assert old.finished_at is not None
    assert young.finished_at is None


def test_so_is_what_waited_so_long_for_an_agency_that_is_deactivated(
    api: Api, partner: PartnerSeat, webhook: WebhookSeat, agency: AgencySeat, foreign_agent: AgentSeat
) -> None:
    event, long_ago = event_of(agency, timezone.now()), timezone.now() - 31 * DAY
    waiting = [
        delivery_of(event, one, id=id_of(moment), replay=replay)
        for one in (webhook, new_webhook(api, foreign_agent))
        for replay, moment in enumerate((long_ago, timezone.now()))
    ]
    assert api.delete(agency.path, token=partner.token).status_code == 204
    upkeep.let_go_of_held()
    states = [Delivery.objects.get(pk=one.pk).state for one in waiting]
    assert states == [State.CANCELLED, State.PENDING, State.PENDING, State.PENDING]


def test_many_are_let_go_of_in_batches(
    api: Api, webhook: WebhookSeat, agency: AgencySeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)
    event, moment = event_of(agency, timezone.now()), timezone.now() - 31 * DAY
    for replay in range(5):
        delivery_of(event, webhook, id=id_of(moment), state=State.HELD, replay=replay)
    upkeep.let_go_of_held()
    assert Delivery.objects.filter(state=State.CANCELLED).count() == 5


@pytest.mark.django_db(transaction=True)
def test_attempts_go_by_whole_months_once_all_of_a_month_is_thirty_days_old(past: datetime) -> None:
    now = timezone.now()
    for moment in (past, now - 31 * DAY, now - 29 * DAY, now):
        Attempt.objects.create(
            id=id_of(moment), delivery_id=uuid4(), number=1, started_at=moment, duration_ms=1, answer=b""
        )
    upkeep.remove_old()
    kept = {month(now - age) for age in (29 * DAY, 0 * DAY)} | {month(now - 30 * DAY)}
    left = {month(one.started_at) for one in Attempt.objects.all()}
    assert month(past) not in left
    assert left <= kept
    assert {month(now), month(now - 29 * DAY)} <= left
    assert names("webhooks_attempt")[0] == f"webhooks_attempt_{month(now - 30 * DAY)}"


@pytest.mark.django_db(transaction=True)
def test_deliveries_go_after_ninety_days_and_events_after_them(
    agency: AgencySeat, webhook: WebhookSeat, past: datetime
) -> None:
    now = timezone.now()
    over, unfinished = event_of(agency, past), event_of(agency, past + 40 * DAY)
    young = event_of(agency, now - 89 * DAY)
    delivery_of(over, webhook, state=State.DELIVERED, finished_at=past)
    sent_anew = delivery_of(unfinished, webhook, state=State.PENDING)
    kept = delivery_of(young, webhook, state=State.DELIVERED, finished_at=now - 89 * DAY)
    upkeep.remove_old()
    assert set(Delivery.objects.all()) == {sent_anew, kept}
    assert set(Event.objects.all()) == {unfinished, young}
    assert f"webhooks_event_{month(past)}" not in names("webhooks_event")
    Delivery.objects.filter(pk=sent_anew.pk).update(state=State.DELIVERED, finished_at=now)
    upkeep.remove_old()
    assert set(Event.objects.all()) == {young}
    assert names("webhooks_event")[0] == f"webhooks_event_{month(now - 90 * DAY)}"


@pytest.mark.parametrize("table", partitions.TABLES)
def test_months_are_ready_for_a_year(db: None, table: str) -> None:
    now = timezone.now()
    upkeep.make_partitions_ready()
    before = names(table)
    upkeep.make_partitions_ready()
    assert names(table) == before
    assert {f"{table}_{month(begin)}" for begin in months(now)} <= set(before)


def months(now: datetime) -> list[datetime]:
    """The first moments of this month and the next twelve."""
    first = now.year * 12 + now.month - 1
    return [datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in range(first, first + 13)]


def test_each_month_takes_rows_from_its_first_moment_to_its_last(agency: AgencySeat, webhook: WebhookSeat) -> None:
    upkeep.make_partitions_ready()
    moments = [moment for begin in months(timezone.now()) for moment in (begin, begin + timedelta(days=27, hours=23))]
    moments += [begin - timedelta(milliseconds=1) for begin in months(timezone.now())[1:]]
    for moment in moments:
        event = event_of(agency, moment)
        assert place_of(event) == f"webhooks_event_{month(moment)}"
        delivery = delivery_of(event, webhook)
        attempt = Attempt.objects.create(
            id=id_of(moment), delivery=delivery, number=1, started_at=moment, duration_ms=1, answer=b""
        )
        assert place_of(attempt) == f"webhooks_attempt_{month(moment)}"


def place_of(row: Event | Attempt) -> str:
    with connection.cursor() as cursor:
        query = f"SELECT tableoid::regclass::text FROM {row._meta.db_table} WHERE id = %s"  # noqa: S608
        cursor.execute(query, [row.pk])
        return cursor.fetchone()[0]


def test_a_clock_that_stood_still_for_months_makes_ready_what_is_missing(db: None) -> None:
    later = timezone.now() + timedelta(days=150)
    partitions.make_ready(connection, later)
    for table in partitions.TABLES:
        assert f"{table}_{month(months(later)[-1])}" in names(table)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", partitions.TABLES)
def test_months_that_somebody_reads_are_left_for_another_day_and_hold_up_nobody(
    api: Api, webhook: WebhookSeat, agency: AgencySeat, past: datetime, table: str
) -> None:
    """As a back-up reads every table, an hour long: who waits to change one holds up all who come after."""
    old = delivery_of(event_of(agency, past), webhook, state=State.DELIVERED, finished_at=past)
    delivery_of(event_of(agency, timezone.now()), webhook, id=id_of(timezone.now() - 31 * DAY), state=State.HELD)
    with callers() as start:
        with another_connection() as backup, backup.transaction():
            backup.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
            tidying = start(tasks.tidy)
            await_waiting(1)
            begun = time.monotonic()
            new_delivery(api, webhook)
            Attempt.objects.create(delivery=old, number=1, started_at=past, duration_ms=1, answer=b"")
            assert time.monotonic() - begun < 3
            tidying.result(PATIENCE)
        assert f"{table}_{month(past)}" in names(table)
        assert Delivery.objects.filter(state=State.CANCELLED).count() == 1
        assert not Delivery.objects.filter(pk=old.pk).exists()
        tasks.tidy()
        assert f"{table}_{month(past)}" not in names(table)
