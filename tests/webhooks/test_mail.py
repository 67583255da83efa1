"""Mail to the admins of an agency about its webhooks: when, to whom, and once (design §6)."""

import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.utils import timezone

from tests.answers import data
from tests.conftest import AgencySeat, AgentSeat, Api
from tests.threads import another_connection, at_once
from tests.webhooks.conftest import Receiver, WebhookSeat, change, failing, new_delivery, new_webhook, tried
from webhooks import tasks
from webhooks.models import Delivery, Subscription
from webhooks.services import upkeep
from webhooks.services.subscriptions import disable_subscription

State = Delivery.State
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def delivered(webhook: WebhookSeat) -> None:
    """As a worker leaves the webhook after a success."""
    now = timezone.now()
    Subscription.objects.filter(pk=webhook.uuid).update(failing_since=None, failures_in_row=0, last_success_at=now)


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

    def __init__(self, refuses: Collection[str] = (), hangs: bool = False, seconds: float = 0) -> None:
        """`seconds` are what it takes over each message."""
        self.received: list[str] = []
        self._refuses, self._hangs, self._seconds = refuses, hangs, seconds
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
                say("550 no such mailbox" if to in self._refuses else "250 good")
            elif word == "data":
                say("354 go on")
                while stream.readline() != b".\r\n":
                    pass
                self.received.append(to)
                time.sleep(self._seconds)
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
    server = mail_server(refuses=[agency.owner.email])
    failing(webhook, 2 * DAY)
    for _ in range(2):
        upkeep.tell_admins()
    assert server.received == [webhook.admin.email]
    text = logged()
    assert text.count("mail_not_sent") == 1
    assert agency.owner.email not in text


def test_mail_that_everybody_refuses_is_tried_less_and_less_often_and_then_given_up(
    owners: WebhookSeat, mail_server: Callable[..., MailServer], logged: Callable[[], str]
) -> None:
    mail_server(refuses=[owners.admin.email])
    disable_subscription(subscription=owners.row, reason=Subscription.Reason.GONE)
    waits = []
    for _ in range(20):
        for _ in range(2):
            upkeep.tell_admins()
        if after := owners.row.tell_after:
            waits.append((after - timezone.now()).total_seconds())
            Subscription.objects.update(tell_after=timezone.now())  # so long has passed
    assert logged().count("mail_not_sent") == len(waits) + 1 == 12
    assert (waits[0] < 10, waits[4] > 1_000, waits[-1] > 50_000) == (True, True, True)
    assert owners.row.told == Subscription.Told.DISABLED


def test_as_many_as_are_told_at_once_whose_admins_nobody_reaches_keep_no_other_from_being_told(
    api: Api, agency: AgencySeat, foreign_agent: AgentSeat, foreign_agency: AgencySeat,
    mail_server: Callable[..., MailServer], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(upkeep, "AT_ONCE", 2)
    server = mail_server(refuses=[agency.owner.email])
    for admin in (agency.owner, agency.owner, foreign_agent):  # in the order in which they are found
        failing(new_webhook(api, admin), 2 * DAY)
    for _ in range(40):
        upkeep.tell_admins()
    assert sorted(server.received) == [foreign_agent.email, foreign_agency.owner.email]


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
def test_admins_whom_a_slow_mail_server_was_long_over_are_told_once(
    agency: AgencySeat, webhook: WebhookSeat, mail_server: Callable[..., MailServer]
) -> None:
    """Longer than PostgreSQL lets a transaction stand idle."""
    server = mail_server(seconds=0.4)
    failing(webhook, 2 * DAY)
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '200ms'")
    for _ in range(2):
        with suppress(OperationalError):  # the connection that was ended: a worker's next task has a new one
            upkeep.tell_admins()
        connection.close()
    assert sorted(server.received) == [webhook.admin.email, agency.owner.email]


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
