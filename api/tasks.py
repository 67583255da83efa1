from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db.models.functions import Now

from api.models import IdempotentAnswer

BATCH = 5_000


@shared_task
def clear_expired_idempotency_keys() -> None:
    """Answers are kept for replay as long as settings.IDEMPOTENCY_HOURS, and no longer.

    However many there are, after days without a worker too: PostgreSQL ends a statement that takes long (api.batches).
    """
    expired = IdempotentAnswer.objects.filter(created_at__lte=Now() - timedelta(hours=settings.IDEMPOTENCY_HOURS))
    while batch := list(expired.values_list("pk", flat=True)[:BATCH]):
        expired.filter(pk__in=batch).delete()
