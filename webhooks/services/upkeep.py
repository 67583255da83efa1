"""What time brings about: subscriptions that fail for days, mail to their admins, rows that were kept for long enough.

Each function does a bounded amount, can be cut off anywhere, and does the rest when it is called again.
"""

import random
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.core.mail import EmailMessage, get_connection
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from webhooks import partitions
from webhooks.delivery.schedule import delay_after
from webhooks.models import Delivery, Subscription
from webhooks.services.deliveries import recover_batch
from webhooks.services.subscriptions import disable_subscription, settle

logger = structlog.get_logger(__name__)

TELL_AFTER = timedelta(hours=24)
WARN_AFTER = timedelta(days=4)
DISABLE_AFTER = timedelta(days=5)
LEAST_FAILURES, LEAST_EVENTS = 10, 2
"""A subscription is not disabled for fewer failed attempts, or those of fewer events."""
HELD_FOR = timedelta(days=30)
ATTEMPTS_FOR = timedelta(days=30)
DELIVERIES_FOR = timedelta(days=90)
BATCH = 5_000
"""Deliveries that one statement changes or removes."""
AT_ONCE = 200
"""Subscriptions that one call looks at."""
RECOVERY_BATCHES = 100
"""Of one subscription, in one call."""
MOST_BATCHES = 200
"""Of anything else, in one call."""
RECOVERED = "recovered"


def settle_strays() -> None:
    """Deliveries that were recorded while their subscription was being disabled or deleted, and those that were too
    many to be settled then (see `settle`)."""
    stray = Q(subscription__status=Subscription.Status.DISABLED) | Q(subscription__deleted_at__isnull=False)
    waiting = Delivery.objects.filter(stray, state=Delivery.State.PENDING)
    for pk in waiting.values_list("subscription", flat=True).distinct()[:AT_ONCE]:
        for _ in range(MOST_BATCHES):
            with transaction.atomic():  # locked, so that none is held of one that was enabled meanwhile
                if not settle(Subscription.objects.select_for_update(no_key=True).get(pk=pk)):
                    break


def go_on_recovering() -> None:
    """See services.deliveries.recover."""
    for subscription in Subscription.objects.kept().filter(recover_since__isnull=False)[:AT_ONCE]:
        for _ in range(RECOVERY_BATCHES):
            if not recover_batch(subscription):
                break


def judge_failing() -> None:
    """Disables subscriptions to which nothing was delivered in five days, though it was tried often enough."""
    failing = Subscription.objects.kept().filter(
        status=Subscription.Status.ENABLED,
        failing_since__lte=timezone.now() - DISABLE_AFTER,
        failures_in_row__gte=LEAST_FAILURES,
    )
    for subscription in failing:
        under_way = Q(state__in=(Delivery.State.PENDING, Delivery.State.LEASED))
        given_up = Q(state=Delivery.State.EXHAUSTED, finished_at__gte=subscription.failing_since)
        tried = Delivery.objects.filter(under_way | given_up, subscription=subscription, attempts__gt=0)
        failed = tried.values("event").distinct()
        if len(failed[:LEAST_EVENTS]) == LEAST_EVENTS:
            disable_subscription(subscription=subscription, reason=Subscription.Reason.FAILING)


# --- mail -------------------------------------------------------------------------------------------


def tell_admins() -> None:
    """Sends what the agencies' admins are to know; once, or again where a crash left open whether it was sent."""
    watched = Subscription.objects.kept().filter(
        ~Q(told="") | Q(failing_since__isnull=False) | _disabled_by_itself(),
        Q(tell_after__isnull=True) | Q(tell_after__lte=timezone.now()),
    )
    with_news = [one.pk for one in watched.defer("secrets") if _news_of(one, timezone.now())]
    random.shuffle(with_news)  # those of whom nobody can be told have news for ever
    try:
        for pk in with_news[:AT_ONCE]:
            _tell(pk)
    except OSError as failure:  # all of smtplib's are; it is tried again in a minute
        logger.warning("mail_server_unavailable", error=type(failure).__name__)


@transaction.atomic
def _tell(pk: UUID) -> None:
    """Tells the admins of one subscription; of several workers, one does. Raises OSError.

    The row itself is not locked: deliveries wait for no mail server. To write to all admins may take longer than a
    transaction may stand idle, and one that was cut off would forget that they were told: so here it may.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"webhook told {pk}"])
        [is_alone] = cursor.fetchone()
    subscription = Subscription.objects.kept().filter(pk=pk).first()
    news = subscription and _news_of(subscription, timezone.now())
    if is_alone and subscription and news:
        reached = _send(subscription, news)
        _note(subscription, news, None if reached else delay_after(subscription.tell_tries + 1, None))


def _note(subscription: Subscription, news: str, delay: float | None) -> None:
    """Where nobody took it, it is tried again by the schedule of deliveries, and given up when that is at its end: a
    mail server shuts out who comes each minute with what it refuses."""
    row, now = Subscription.objects.filter(pk=subscription.pk), timezone.now()
    if delay is None:
        told = Subscription.Told.NOTHING if news == RECOVERED else news
        row.update(told=told, told_at=now, tell_tries=0, tell_after=None)
    else:
        row.update(tell_tries=subscription.tell_tries + 1, tell_after=now + timedelta(seconds=delay))


def _disabled_by_itself() -> Q:
    return Q(status=Subscription.Status.DISABLED) & ~Q(disabled_reason=Subscription.Reason.REQUESTED)


def _news_of(subscription: Subscription, now: datetime) -> str | None:
    """What the admins should be told now and were not yet."""
    told, since, told_at = Subscription.Told, subscription.failing_since, subscription.told_at
    if subscription.status == Subscription.Status.DISABLED:
        wanted = told.DISABLED if subscription.disabled_reason != Subscription.Reason.REQUESTED else told.NOTHING
    elif since is None:
        success = subscription.last_success_at
        return RECOVERED if subscription.told and success and told_at and success > told_at else None
    else:
        wanted = (
            told.LAST_DAY if now - since >= WARN_AFTER else told.FAILING if now - since >= TELL_AFTER else told.NOTHING
        )
    # What was told of an earlier time of failing (it was enabled again since) says nothing of this one.
    known = told.NOTHING if since and told_at and told_at < since else subscription.told
    return wanted if told.values.index(wanted) > told.values.index(known) else None


def _send(subscription: Subscription, news: str) -> bool:
    """A message of its own to each admin; whether anyone was reached. Raises OSError where the mail server is away."""
    context = {"subscription": subscription, "news": news}
    subject, _, body = render_to_string("mail/webhook.txt", context).strip().partition("\n")
    admins = list(subscription.agency.agents.filter(is_admin=True, deactivated_at__isnull=True))
    refused = 0
    with get_connection() as sender:
        for admin in admins:
            try:
                sender.send_messages([EmailMessage(subject, body.strip(), to=[admin.email])])
            except Exception as failure:  # noqa: BLE001 - each backend has its own; the others are told all the same
                refused += 1
                logger.warning("mail_not_sent", subscription=str(subscription.pk), error=type(failure).__name__)
    return not admins or refused < len(admins)


# --- what is kept for how long ------------------------------------------------------------------------


def make_partitions_ready() -> None:
    try:
        partitions.make_ready(connection, timezone.now())
    except partitions.Busy:
        logger.warning("webhook_months_not_made")


def let_go_of_held() -> None:
    """What was held for 30 days is cancelled; so is what waited so long for an agency that is deactivated."""
    _cancel_old(Delivery.objects.filter(state=Delivery.State.HELD))
    _cancel_old(
        Delivery.objects.filter(state=Delivery.State.PENDING, subscription__agency__deactivated_at__isnull=False)
    )


def _cancel_old(deliveries: QuerySet[Delivery]) -> None:
    old = deliveries.filter(pk__lt=partitions.first_id(timezone.now() - HELD_FOR))
    for _ in range(MOST_BATCHES):
        batch = list(old.values_list("pk", flat=True)[:BATCH])
        deliveries.filter(pk__in=batch).update(state=Delivery.State.CANCELLED, finished_at=timezone.now())
        if len(batch) < BATCH:
            break


def remove_old() -> None:
    """Attempts by whole months; deliveries row by row, and after them their events by whole months."""
    now = timezone.now()
    _drop_before("webhooks_attempt", now - ATTEMPTS_FOR)
    last = partitions.first_id(now - DELIVERIES_FOR)
    over = Delivery.objects.filter(event__lt=last, finished_at__isnull=False)
    for _ in range(MOST_BATCHES):
        batch = list(over.values_list("pk", flat=True)[:BATCH])
        Delivery.objects.filter(pk__in=batch)._raw_delete(Delivery.objects.db)
        if len(batch) < BATCH:
            break
    _drop_before("webhooks_event", now - DELIVERIES_FOR)


def _drop_before(table: str, moment: datetime) -> None:
    for name in partitions.over(connection, table, moment):
        try:
            partitions.drop(connection, table, name)
        except (IntegrityError, partitions.Busy) as failure:  # the first: an old event was sent anew, and is on its way
            logger.info("webhook_month_kept", partition=name, reason=type(failure).__name__)
