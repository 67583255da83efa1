"""The usual way: a Celery task for each delivery, which reads it by the ORM, posts it by `requests` and saves it.

`celery -A bench.webhooks_usual worker`, with as many processes as there are cores. Celery makes a connection to the
database for each task, and so do most; KEEP_CONNECTIONS=1 is for those who know the option that is not documented.
"""

import os
import time

import requests
from celery import Celery
from django.conf import settings
from django.utils import timezone

from config import startup

startup.prepare()
app = Celery("usual", broker=settings.CELERY_BROKER_URL, task_ignore_result=True)
if os.environ.get("KEEP_CONNECTIONS"):
    app.conf["CELERY_DB_REUSE_MAX"] = 10_000
session = requests.Session()
"""Kept for its connections; each process of the worker makes its own of them."""


@app.task(name="usual.deliver")
def deliver(delivery_id: str) -> None:
    from webhooks import secrets, signing
    from webhooks.models import Attempt, Delivery

    delivery = Delivery.objects.select_related("event", "subscription").get(pk=delivery_id)
    event, subscription = delivery.event, delivery.subscription
    started_at, begun = timezone.now(), time.monotonic()
    headers = signing.headers(
        message_id=event.message_id,
        timestamp=int(started_at.timestamp()),
        body=bytes(event.body),
        secrets=secrets.live(subscription.secrets, started_at.timestamp()),
    )
    headers["Content-Type"] = "application/json"
    answer = session.post(subscription.url, data=bytes(event.body), headers=headers, timeout=15)
    delivery.attempts += 1
    delivery.state = Delivery.State.DELIVERED if answer.ok else Delivery.State.PENDING
    delivery.finished_at = timezone.now() if answer.ok else None
    delivery.save(update_fields=["attempts", "state", "finished_at"])
    Attempt.objects.create(
        delivery=delivery,
        number=delivery.attempts,
        started_at=started_at,
        duration_ms=int((time.monotonic() - begun) * 1000),
        address="127.0.0.1",
        status=answer.status_code,
        answer=answer.content[:1024],
    )
