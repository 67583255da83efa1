"""What every way into the program does first."""

import os
import sys
from types import TracebackType

from django.core.exceptions import ImproperlyConfigured


def prepare() -> None:
    """Name the settings, and have a value that is missing or wrong told in one line instead of a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.excepthook = _explain


def _explain(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, ImproperlyConfigured):
        sys.stderr.write(f"Cannot start: {' '.join(str(error).split())}\n")
    else:
        sys.__excepthook__(kind, error, traceback)
