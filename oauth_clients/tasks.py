from celery import shared_task
from oauth2_provider.models import clear_expired


@shared_task
def clear_expired_tokens() -> None:
    """Removes tokens past their hour, in batches."""
    clear_expired()
