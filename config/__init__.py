"""The project: settings, URLs and entry points. At the top; imported by nobody."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
