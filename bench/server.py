"""How gunicorn serves every contender, whatever the project's own gunicorn.conf.py says."""

import os

workers = 1
worker_class = "gthread"
threads = 4
keepalive = 30
loglevel = "error"


def post_fork(server, worker):
    """As the project's own: see there."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
