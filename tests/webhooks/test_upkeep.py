"""What time brings about: webhooks that fail for days, mail about them, and what is kept for how long (design §6)."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from api.ids import new_id
from audit.models import AuditEntry
from tests.answers import data
from tests.conftest import AgencySeat, AgentSeat, Api
from tests.threads import another_connection, at_once, await_waiting, callers
from tests.webhooks.conftest import Receiver, WebhookSeat, change, new_delivery, new_webhook
from webhooks import partitions, tasks
from webhooks.models import Attempt, Delivery, Event, Subscription
from webhooks.services import upkeep
from webhooks.services.subscriptions import disable_subscription

State = Delivery.State
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def failing(webhook: WebhookSeat, since: timedelta, *, failures: int = 50, **values: Any) -> None:
    """As if nothing had arrived for so long."""
    Subscription.objects.filter(pk=webhook.uuid).update(
        failing_since=timezone.now() - since, failures_in_row=failures, **values
    )


def tried(api: Api, webhook: WebhookSeat, events: int) -> None:
    """Events that were attempted and not delivered."""
    for _ in range(events):
        Delivery.objects.filter(pk=new_delivery(api, webhook).uuid).update(attempts=25)


def delivered(webhook: WebhookSeat) -> None:
    """As a worker leaves the webhook after a success."""
    now = timezone.now()
    Subscription.objects.filter(pk=webhook.uuid).update(failing_since=None, failures_in_row=0, last_success_at=now)


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


def test_one_that_works_is_left_alone_beside_one_that_does_not(api: Api, admin_agent: AgentSeat) -> None:
    good, bad = new_webhook(api, admin_agent), new_webhook(api, admin_agent)
    for one in (good, bad):
        tried(api, one, events=2)
    failing(bad, 6 * DAY)
    upkeep.judge_failing()
    assert [shown(api, one)["status"] for one in (good, bad)] == ["enabled", "disabled"]


# --- mail -------------------------------------------------------------------------------------------------

FAILS, LAST_DAY = "Your webhook has been failing for a day", "Your webhook will be disabled in a day"
DISABLED, WORKS = "Your webhook was disabled", "Your webhook works again"


def told() -> list[str]:
    """The subjects of what was sent since this was last asked."""
    upkeep.tell_admins()
    upkeep.tell_admins()  # once each
    subjects = [message.subject for message in mail.outbox]
    mail.outbox.clear()
    return subjects


@pytest.fixture
def owners(api: Api, agency: AgencySeat) -> WebhookSeat:
    """A webhook of an agency whose owner is its one admin."""
    return new_webhook(api, agency.owner)


def test_admins_are_told_after_a_day_before_the_last_day_and_at_the_end(api: Api, owners: WebhookSeat) -> None:
    tried(api, owners, events=2)
    for since, expected in (
        (23 * HOUR, []),
        (25 * HOUR, [FAILS]),
        (3 * DAY, []),
        (4 * DAY + HOUR, [LAST_DAY]),
        (5 * DAY - HOUR, []),
    ):
        failing(owners, since, told_at=timezone.now() - since + DAY)
        upkeep.judge_failing()
        assert told() == expected, since
    failing(owners, 5 * DAY)
    upkeep.judge_failing()
    assert told() == [DISABLED]


def test_and_when_it_works_again(owners: WebhookSeat) -> None:
    failing(owners, 25 * HOUR)
    assert told() == [FAILS]
    delivered(owners)
    assert told() == [WORKS]
    assert owners.row.told == ""
    failing(owners, 25 * HOUR)
    assert told() == [FAILS]


def test_who_was_told_of_nothing_hears_of_no_recovery(owners: WebhookSeat) -> None:
    failing(owners, 23 * HOUR)
    assert told() == []
    delivered(owners)
    assert told() == []


def test_one_that_is_disabled_enabled_and_works_is_told_of(api: Api, owners: WebhookSeat) -> None:
    disable_subscription(subscription=owners.row, reason=Subscription.Reason.GONE)
    assert told() == [DISABLED]
    change(api, owners, status="enabled")
    assert told() == []  # nothing has arrived yet
    delivered(owners)
    assert told() == [WORKS]


def test_so_is_one_that_fails_again_after_it_was_enabled(api: Api, owners: WebhookSeat) -> None:
    disable_subscription(subscription=owners.row, reason=Subscription.Reason.FAILING)
    assert told() == [DISABLED]
    change(api, owners, status="enabled")
    long_ago = timezone.now() - 10 * DAY
    failing(owners, 25 * HOUR, told_at=long_ago)
    assert told() == [FAILS]
    disable_subscription(subscription=owners.row, reason=Subscription.Reason.GONE)
    assert told() == [DISABLED]


def test_what_somebody_disabled_is_no_news(api: Api, owners: WebhookSeat) -> None:
    failing(owners, 3 * DAY)
    change(api, owners, status="disabled")
    assert told() == []


def test_a_deleted_webhook_is_no_news(api: Api, owners: WebhookSeat) -> None:
    failing(owners, 3 * DAY)
    api.delete(owners.path, token=owners.admin.token)
    assert told() == []


@pytest.mark.parametrize(
    ("reason", "because"),
    [(Subscription.Reason.GONE, "410 Gone"), (Subscription.Reason.FAILING, "Nothing reached")],
)
def test_the_message_says_why_and_what_to_do(owners: WebhookSeat, reason: Subscription.Reason, because: str) -> None:
    disable_subscription(subscription=owners.row, reason=reason)
    upkeep.tell_admins()
    [message] = mail.outbox
    assert because in message.body
    assert owners.row.url in message.body
    assert f"POST /v1/webhooks/{owners.uuid}/recover" in message.body
    assert "whsec_" not in message.body


def test_each_admin_has_a_message_of_its_own_and_nobody_else_has_one(
    api: Api, partner: Any, agency: AgencySeat, webhook: WebhookSeat, agent: AgentSeat, foreign_agent: AgentSeat,
    deactivated_agent: AgentSeat,
) -> None:  # fmt: skip
    gone = api.post(
        f"{agency.path}/agents",
        token=partner.token,
        json={"first_name": "G", "last_name": "G", "email": "gone@example.com", "is_admin": True},
    )
    assert api.delete(f"/v1/agents/{data(gone)['id']}", token=partner.token).status_code == 204
    failing(webhook, 2 * DAY)
    upkeep.tell_admins()
    recipients = [message.recipients() for message in mail.outbox]
    assert sorted(recipients) == [[webhook.admin.email], [agency.owner.email]]


def test_an_agency_without_admins_is_told_nothing_and_holds_up_nobody(
    api: Api, partner: Any, agency: AgencySeat, owners: WebhookSeat, foreign_agent: AgentSeat
) -> None:
    theirs = new_webhook(api, foreign_agent)
    assert api.delete(agency.path, token=partner.token).status_code == 204
    for one in (owners, theirs):
        failing(one, 2 * DAY)
    upkeep.tell_admins()
    assert {message.to[0] for message in mail.outbox} == {foreign_agent.email, "owner@foreign.example"}


# --- mail servers that are away, hang, or refuse -------------------------------------------------------------


class MailServer:
    """A mail server on this machine, of the few words that it takes to be sent a message by smtplib."""

    def __init__(self, refuses: str = "", hangs: bool = False) -> None:
        self.received: list[str] = []
        self._refuses, self._hangs = refuses, hangs
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            with caller, caller.makefile("rwb") as stream:
                if self._hangs:
                    stream.read()  # until the caller gives up
                else:
                    self._talk(stream)

    def _talk(self, stream: Any) -> None:
        def say(line: str) -> None:
            stream.write(f"{line}\r\n".encode())
            stream.flush()

        say("220 ready")
        to = ""
        for line in stream:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "rcpt":
                to = rest.partition("<")[2].rstrip(">")
                say("550 no such mailbox" if to == self._refuses else "250 good")
            elif word == "data":
                say("354 go on")
                while stream.readline() != b".\r\n":
                    pass
                self.received.append(to)
                say("250 taken")
            elif word == "quit":
                say("221 bye")
                return
            else:
                say("250 good")


@pytest.fixture
def mail_server(settings: Any) -> Iterator[Callable[..., MailServer]]:
    """Starts one, and sends mail there."""
    started = []

    def start(**facts: Any) -> MailServer:
        started.append(MailServer(**facts))
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", started[-1].port
        settings.EMAIL_TIMEOUT = 1
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_while_the_mail_server_is_away_nothing_is_taken_for_told(
    owners: WebhookSeat, mail_server: Callable[..., MailServer], settings: Any, logged: Callable[[], str]
) -> None:
    server = mail_server()
    settings.EMAIL_PORT = 1
    failing(owners, 2 * DAY)
    upkeep.tell_admins()
    text = logged()
    assert "mail_server_unavailable" in text
    assert owners.admin.email not in text
    settings.EMAIL_PORT = server.port
    for _ in range(2):
        upkeep.tell_admins()
    assert server.received == [owners.admin.email]


def test_an_admin_whose_mailbox_is_refused_keeps_no_other_from_being_told_once(
    agency: AgencySeat, webhook: WebhookSeat, mail_server: Callable[..., MailServer], logged: Callable[[], str]
) -> None:
    server = mail_server(refuses=agency.owner.email)
    failing(webhook, 2 * DAY)
    for _ in range(2):
        upkeep.tell_admins()
    assert server.received == [webhook.admin.email]
    text = logged()
    assert text.count("mail_not_sent") == 1
    assert agency.owner.email not in text


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_hangs_holds_up_no_delivery(
    owners: WebhookSeat, mail_server: Callable[..., MailServer]
) -> None:
    mail_server(hangs=True)
    failing(owners, 2 * DAY)

    def deliver() -> None:
        with another_connection() as worker:
            for _ in range(20):
                worker.execute("SELECT 1 FROM webhooks_subscription FOR NO KEY UPDATE NOWAIT")
                worker.execute("SELECT pg_sleep(0.05)")

    at_once(upkeep.tell_admins, deliver)
    assert owners.row.told == ""


@pytest.mark.django_db(transaction=True)
def test_two_that_tell_at_once_tell_once(owners: WebhookSeat, mail_server: Callable[..., MailServer]) -> None:
    server = mail_server()
    failing(owners, 2 * DAY)
    at_once(*[upkeep.tell_admins] * 3)
    assert server.received == [owners.admin.email]


@pytest.mark.django_db(transaction=True)
def test_a_day_of_a_receiver_that_goes(api: Api, agency: AgencySeat, receiver: Receiver) -> None:
    """By the very tasks that the clock starts: 410, the mail, enabled, recovered, the mail."""
    webhook = new_webhook(api, agency.owner, url=receiver.url)
    receiver.status = 410
    new_delivery(api, webhook)
    tasks.deliver()
    tasks.watch()
    change(api, webhook, status="enabled")
    receiver.status = 200
    since = {"since": "2000-01-01T00:00:00Z"}
    assert api.post(f"{webhook.path}/recover", token=webhook.admin.token, json=since).status_code == 200
    tasks.watch()
    tasks.deliver()
    tasks.watch()
    tasks.tidy()
    assert [message.subject for message in mail.outbox] == [DISABLED, WORKS]
    assert [one.state for one in Delivery.objects.all()] == [State.DELIVERED]


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


@pytest.mark.django_db(transaction=True)
def test_but_not_of_one_that_is_enabled_at_that_moment(api: Api, webhook: WebhookSeat) -> None:
    delivery = new_delivery(api, webhook)
    Subscription.objects.update(status=Subscription.Status.DISABLED)
    with callers() as start:
        with another_connection() as holder, holder.transaction():
            holder.execute("UPDATE webhooks_subscription SET status = 'enabled'")
            future = start(upkeep.settle_strays)
            await_waiting(1)
        future.result(10)
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
