"""`/metrics`, for Prometheus: what the server's processes counted (api.counts), and what stands in the database."""

import os
import re
from collections.abc import Iterator

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api import errors
from api.counts import SHARED
from api.methods import only_read

logger = structlog.get_logger(__name__)
BEARER = re.compile(r"[Bb]earer +(\S+)")
_in_database: list[Collector] = []


def register(collector: Collector) -> None:
    """One more thing that stands in the database; asked for at each scrape, so it must cost little at any size."""
    _in_database.append(collector)


@only_read
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answers whoever has a token of METRICS_TOKENS; where none is set, there is no such page."""
    if not settings.METRICS_TOKENS:
        return errors.not_found(request)
    sent = BEARER.fullmatch(request.headers.get("Authorization", ""))
    if not sent or not any(constant_time_compare(sent[1], token) for token in settings.METRICS_TOKENS):
        return errors.counted(request, errors.unauthenticated)
    return HttpResponse(generate_latest(_counted()) + generate_latest(_Stored()), content_type=CONTENT_TYPE_LATEST)


def _counted() -> Collector:
    """Of all processes of this server."""
    if SHARED not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


class _Stored(Collector):
    """What stands in the database; where that is away, only that it is."""

    def collect(self) -> Iterator[Metric]:
        found: list[Metric] = []
        try:
            found = [metric for one in _in_database for metric in one.collect()]
        except Error as failure:
            logger.warning("metrics_without_database", error=type(failure).__name__)
        yield GaugeMetricFamily("agency_api_database_up", "Whether the database answered", value=int(bool(found)))
        yield from found
