"""What every way into the program does first."""

import os
import sys
from traceback import walk_tb
from types import TracebackType

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError


def prepare() -> None:
    """Name the settings, and have a value that is missing or wrong, or a database that does not answer, told in one
    line instead of a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.excepthook = _explain


def _explain(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, ImproperlyConfigured):
        sys.stderr.write(f"Cannot start: {' '.join(str(error).split())}\n")
    elif issubclass(kind, OperationalError) and _connecting(traceback):
        sys.stderr.write(f"Cannot start: {without_database(error)}\n")
    else:
        sys.__excepthook__(kind, error, traceback)


def _connecting(traceback: TracebackType | None) -> bool:
    """Whether it was raised there, and not by a connection that was lost later, or by a statement."""
    return any(frame.f_code.co_name == "get_new_connection" for frame, _ in walk_tb(traceback))


def without_database(error: BaseException) -> str:
    """What to do where there is no connection."""
    reason = str(error).strip().partition("\n")[0]
    return f"the database does not answer; check DATABASE_URL ({reason})"
