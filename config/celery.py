"""The Celery application: `celery -A config worker`, `celery -A config beat`."""

from typing import Any

from celery import Celery, signals
from django_structlog.celery.steps import DjangoStructLogInitStep

from config import startup

startup.prepare()
app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Workers and beat log as the settings say; by default Celery would change that to lines of its own form."""
