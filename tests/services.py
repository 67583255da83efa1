"""A pytest plugin: PostgreSQL and Valkey for the tests, started before Django reads its settings.

It also spares the garbage collector what is never garbage.

Each run has servers of its own in a temporary directory, so that two runs never meet. With DATABASE_URL (of a
superuser) and REDIS_URL set, those are used instead.
"""

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config import embedded

SETTINGS = {
    "SECRET_KEY": "only-for-tests-" + "0123456789abcdef" * 4,
    "ALLOW_INSECURE_HTTP": "true",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true",  # receivers are on this machine, and no name server is asked
}


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """As a wrapper, this comes before pytest-django's hook of the same name, which reads the settings."""
    gc.disable()
    # A run in the background of a script is deaf to this signal, and so would be what it starts, and stops by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ["REDIS_URL"] = _own_database(os.environ["REDIS_URL"], int(worker.removeprefix("gw")) + 1)
    elif "DATABASE_URL" not in os.environ or "REDIS_URL" not in os.environ:
        _start_services()
    return (yield)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """Of `-n auto`: one more than there are cores, for tests wait at times for processes that they start."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


_started = ExitStack()


def _start_services() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a cancelled run stops its servers too
    directory = Path(tempfile.mkdtemp(prefix="agency-api-tests-"))
    _started.callback(shutil.rmtree, directory, ignore_errors=True)
    try:
        services = embedded.start(directory, durable=False)
    except embedded.EmbeddedServiceError as error:
        _started.close()
        raise pytest.UsageError(str(error)) from error
    _started.callback(services.stop)
    os.environ.setdefault("DATA_DIR", str(directory / "data"))
    os.environ.setdefault("DATABASE_URL", services.database_url)
    os.environ.setdefault("REDIS_URL", services.redis_url)


def _own_database(url: str, number: int) -> str:
    """The counter store at `url`, with the database of this number: what one worker counts, no other sees."""
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{number}"


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Django and thousands of tests, once loaded, stay to the end: to look at them again and again took the collector
    a third of the time of loading, and a sixth of the tests'."""
    gc.enable()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop what this process started."""
    _started.close()
