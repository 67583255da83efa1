"""Files in Django's storages, wherever those keep them: one that fails is 503, and no answer is cut short by it."""

from collections.abc import Iterable

import structlog
from django.core.files.base import File
from django.core.files.storage import Storage

from api.errors import Unavailable

logger = structlog.get_logger(__name__)


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
