"""Probes: whether the process is alive, and whether it can serve. Neither asks for a credential."""

from functools import cache

from celery import current_app
from django.core.cache import caches
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from api import doorbell
from api.methods import only_read

OK, UNAVAILABLE = "ok", "unavailable"


@only_read
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: the process answers. It asks nothing else, so that an outage elsewhere restarts nothing."""
    return JsonResponse({"status": OK})


@only_read
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Each part by itself. Requests are served without the counter store and the broker, not without the database."""
    checks = {**_database(), "counterStore": _counter_store(), "broker": _broker()}
    ready = checks["database"] == checks["migrations"] == OK
    return JsonResponse({"status": OK if ready else UNAVAILABLE, "checks": checks}, status=200 if ready else 503)


def _database() -> dict[str, str]:
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except Error:
        return {"database": UNAVAILABLE, "migrations": "unknown"}
    return {"database": OK, "migrations": OK if _last_migrations() <= applied.keys() else "pending"}


@cache
def _last_migrations() -> set[tuple[str, str]]:
    """The end of each app's migrations, as the code has them: read from the disk once."""
    return set(MigrationLoader(None).graph.leaf_nodes())


def _counter_store() -> str:
    """By counting: a store whose disk is full, or that became a replica, can be read and does not count."""
    try:
        caches["default"].incr("readyz")
    except RedisError:
        return UNAVAILABLE
    return OK


def _broker() -> str:
    try:
        with doorbell.broker().clone() as broker:
            broker.ensure_connection(max_retries=0)
            queue = current_app.amqp.queues[current_app.conf.task_default_queue]
            queue.bind(broker).declare()  # which writes, as ringing does
    except (OperationalError, RedisError):
        return UNAVAILABLE
    return OK
