from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db.models.functions import Now

from api.models import IdempotentAnswer


@shared_task
def clear_expired_idempotency_keys() -> None:
    """Answers are kept for replay as long as settings.IDEMPOTENCY_HOURS, and no longer."""
    IdempotentAnswer.objects.filter(created_at__lte=Now() - timedelta(hours=settings.IDEMPOTENCY_HOURS)).delete()
