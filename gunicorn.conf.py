"""How gunicorn serves: `gunicorn config.wsgi` reads this file by itself, in production and under `make run`."""

import atexit
import json
import os
import random
import shutil
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

from gunicorn import util

from config.callers import Worker


def _number(name: str, default: int, most: int | None = None) -> int:
    """What stands in the environment by this name; what is no such number stops the start with one line, as all that
    config.environment reads."""
    value = os.environ.get(name) or str(default)
    if not (value.isdecimal() and 1 <= int(value) <= (most or int(value))):
        to = f" to {most}" if most else ""
        sys.exit(f"Cannot start: {name} must be a whole number from 1{to}; it is {value!r}")
    return int(value)


wsgi_app = "config.wsgi"
_host, _port = os.environ.get("HOST") or "127.0.0.1", _number("PORT", 8000, 65535)
bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"

# A thread a request. More workers use more processor cores, more threads wait for the database at the same time.
worker_class = Worker
workers = _number("WEB_CONCURRENCY", 2)
threads = _number("WEB_THREADS", 8)
# Loaded once, before the workers are forked: memory is shared, and a setting that is missing stops the start.
preload_app = True
# Heartbeats are file writes; on a disk that stalls they would get healthy workers killed.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

timeout = 30  # a worker that has not moved for so long is killed; a request may take longer, in a thread of its own
graceful_timeout = 20  # for requests under way when it is told to stop (docs/runbook.md, Draining)
keepalive = 75  # longer than a load balancer keeps its end open, so that it is never us who close on a request
# A caller who sends or takes nothing for so long in the middle of a request is hung up on: each of them holds a thread.
# The head, before it is known what is asked, has no longer as a whole.
Worker.stall_seconds = _number("WEB_STALL_SECONDS", 20)


def _forget_counts(master: int) -> None:
    """At the master's end, also that of a start which failed: a supervisor tries again each second. (Its workers are
    forked with this.)"""
    if os.getpid() == master:
        shutil.rmtree(_counts, ignore_errors=True)


# What the workers count for Prometheus (api.counts): in memory, in a folder of this master's. A reload by SIGHUP reads
# this file again, and the counts go on.
_counts = Path(worker_tmp_dir or tempfile.gettempdir()) / f"agency-api-counts-{os.getpid()}"
if os.environ.get("PROMETHEUS_MULTIPROC_DIR") != str(_counts):
    shutil.rmtree(_counts, ignore_errors=True)  # of a server that was killed, and had this number
    _counts.mkdir(mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_counts)
    atexit.register(_forget_counts, os.getpid())


def pre_fork(server: Any, worker: Any) -> None:
    taken = {one.place for one in server.WORKERS.values()}
    worker.place = next(place for place in range(1, len(taken) + 2) if place not in taken)


def post_fork(server: Any, worker: Any) -> None:
    from api import counts

    counts.write_as(str(worker.place))
    _keep_to_one_core(worker.place)


# Begun with by chance, so that several services on one machine do not all keep to the same few.
_first_core = random.randrange(1024)  # noqa: S311 - spreads load, guards nothing


def _keep_to_one_core(place: int) -> None:
    """One thread of a process runs Python at a time. Spread over cores, they wake each other from one to the next at
    every wait for a socket: that took two fifths of a request's processor time, and halved the rate (README,
    Benchmarks). (Linux.)"""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[(_first_core + place) % len(cores)]})


def _refuse(sock: Any, status: int, reason: str, message: str) -> None:
    """What gunicorn answers by itself, to a request that no application sees: an error as any other, and no HTML."""
    code = CODES.get(status, "malformed" if status < 500 else "internal")
    request_id = str(uuid.uuid4())
    body = json.dumps({"error": {"code": code, "message": f"{reason}.", "request_id": request_id}})
    lines = [f"HTTP/1.1 {status} {reason}", "Connection: close", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", f"X-Request-Id: {request_id}", "", body]
    util.write_nonblock(sock, "\r\n".join(lines).encode("latin1"))


CODES = {414: "uri_too_long", 431: "headers_too_large"}
util.write_error = _refuse  # gunicorn has no setting for it


# A worker is replaced after so many, with whatever memory it lost; not all workers at once.
max_requests = 20_000
max_requests_jitter = 2_000

forwarded_allow_ips = ""  # whom to believe about TLS is settled once, by TRUSTED_PROXY_TLS_HEADER
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190

accesslog = None  # a request is logged once, by api.middleware, with its id
errorlog = "-"
loglevel = "warning"
