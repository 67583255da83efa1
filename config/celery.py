"""The Celery application: `celery -A config worker`, `celery -A config beat`."""

from celery import Celery
from django_structlog.celery.steps import DjangoStructLogInitStep

from config import startup

startup.prepare()
app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)
