"""Files in Django's storages, wherever those keep them: one that fails is 503, and no answer is cut short by it.

A file is stored before the row that names it is committed, and removed after. So a crash in between leaves a file too
many, which a sweep finds, and never a row without its file.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from uuid import uuid4

import structlog
from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils import timezone

from api.errors import Unavailable
from api.tenancy import require_every_row

logger = structlog.get_logger(__name__)
ORPHAN_AGE = timedelta(days=1)
BATCH = 1_000


def new_name(extension: str) -> str:
    """A folder a day, so that none grows without end; the name itself cannot be guessed."""
    return f"{timezone.now():%Y-%m-%d}/{uuid4().hex}.{extension}"


def save(storage: Storage, name: str, content: File) -> str:
    """The name it was given: another one, should that one be taken. Raises Unavailable (503)."""
    try:
        return storage.save(name, content)
    except Exception as failure:
        logger.error("file_not_stored", error=type(failure).__name__)
        raise Unavailable from failure


def opened(storage: Storage, name: str) -> File:
    """What lies in a bucket is fetched now, and not when the answer has begun. Raises FileNotFoundError, and
    Unavailable (503)."""
    try:
        file = storage.open(name)
        file.seek(0)
    except FileNotFoundError:
        raise
    except Exception as failure:
        logger.error("file_not_opened", error=type(failure).__name__)
        raise Unavailable from failure
    return file


def remove(storage: Storage, names: Iterable[str]) -> None:
    """What the storage does not give up stays there, and is logged: no row names it any more."""
    for name in names:
        try:
            storage.delete(name)
        except Exception as failure:  # noqa: BLE001 - each kind of storage has its own errors
            logger.warning("file_not_removed", error=type(failure).__name__)


def orphans(storage: Storage, named: Callable[[list[str]], Iterable[str]]) -> Iterator[str]:
    """Names of stored files that no row names, of days that are over: no upload is still on its way to its row.

    Days are gone through in random order, so that sweeps that are cut off come to all of them in the end.
    `named` says which of some names a row has. Raises ImproperlyConfigured (api.tenancy.require_every_row).
    """
    require_every_row()
    today = f"{timezone.now() - ORPHAN_AGE:%Y-%m-%d}"
    over = [one for one in _listed(storage, "")[0] if one < today]
    random.shuffle(over)
    for folder in over:
        names = [f"{folder}/{name}" for name in _listed(storage, folder)[1]]
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            yield from set(batch).difference(named(batch))


def _listed(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    """Folders and files in a folder; none in one that is not there."""
    try:
        return storage.listdir(folder)
    except FileNotFoundError:
        return [], []
