"""What this process counts for Prometheus (api.metrics shows it).

With PROMETHEUS_MULTIPROC_DIR, as under gunicorn, counts are kept in files of that folder, which the server's processes
share; without it, in memory. No label holds what a caller sent: a route is the pattern of a path, a code a word of
ours.
"""

import os

from django.http import HttpRequest
from prometheus_client import Counter, Histogram, values

SHARED = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_place = "0"


def write_as(place: str) -> None:
    """From now on this process keeps its counts in the files of this place, and goes on where the last one there
    stopped. So there are as many files as processes at a time, however often those are replaced."""
    global _place
    _place = place


if SHARED in os.environ:
    # By default each process writes files of its own number, which nobody ever removes.
    values.ValueClass = values.MultiProcessValue(lambda: _place)

REQUESTS = Counter("agency_api_requests", "Requests that were answered", ["method", "route", "status"])
DURATIONS = Histogram("agency_api_request_seconds", "Until the answer began", ["method", "route"], buckets=SECONDS)
ERRORS = Counter("agency_api_errors", "Answers that say what was wrong, by error.code", ["status", "code"])
RATE_LIMITED = Counter("agency_api_rate_limited", "Requests over a limit", ["group"])
REPLAYS = Counter("agency_api_idempotent_replays", "Answers given again to a repeated Idempotency-Key")
DEADLOCKS = Counter("agency_api_deadlocks", "Acts that were done again after a deadlock")
OUTAGES = Counter("agency_api_outages", "How often it was away when a request asked for it", ["part"])

# Shown as 0 before they happen: a series that begins with 1 has not grown, and no alarm would hear of the first time.
ERRORS.labels(500, "internal")
ERRORS.labels(503, "unavailable")
OUTAGES.labels("broker")
OUTAGES.labels("counter_store")


def request(request: HttpRequest, status: int, seconds: float) -> None:
    """An answer on its way out."""
    method = request.method if request.method in METHODS else "other"
    route = request.resolver_match.route if request.resolver_match else "none"
    REQUESTS.labels(method, route, status).inc()
    DURATIONS.labels(method, route).observe(seconds)
