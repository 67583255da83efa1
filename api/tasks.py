from datetime import timedelta

import structlog
from celery import shared_task
from django.conf import settings
from django.db.models.functions import Now

from api import totals
from api.models import IdempotentAnswer

logger = structlog.get_logger(__name__)


@shared_task
def clear_expired_idempotency_keys() -> None:
    """Answers are kept for replay as long as settings.IDEMPOTENCY_HOURS, and no longer."""
    IdempotentAnswer.objects.filter(created_at__lte=Now() - timedelta(hours=settings.IDEMPOTENCY_HOURS)).delete()


@shared_task
def tidy_totals() -> None:
    """Each day. That a total was not what there is, is an error of ours: who is told of it finds out how it came."""
    totals.fold()
    if drifts := totals.recount_all():
        logger.error("totals_drifted", totals=len(drifts), lists=sorted({drift.listed for drift in drifts}))
