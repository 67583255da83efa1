"""What workers do for clients: read declaration pages, and sweep up what a crash left behind."""

from datetime import timedelta
from uuid import UUID

import structlog
from celery import shared_task
from django.db.models.functions import Now

from api.errors import Unavailable
from clients import files
from clients.reading.extraction import Unreadable, text_of
from clients.reading.fields import find
from clients.services.declaration_pages import keep_reading, ring, take_back_try, try_reading, unread

logger = structlog.get_logger(__name__)
MOST_TRYING = 100
"""Seconds of one try, most of them for a storage that is slow: the reading itself is bounded (clients.reading)."""
SWEEP_AT_MOST = 500


@shared_task(soft_time_limit=MOST_TRYING - 10, time_limit=MOST_TRYING)
def read_declaration_page(page_id: str) -> None:
    """Fills what can be read from the page's file, or says that it cannot be."""
    page = try_reading(UUID(page_id))
    if page is None:
        return
    try:
        with files.opened(page.stored_name) as file:
            text = text_of(file)
    except (Unreadable, FileNotFoundError) as failure:
        logger.info("declaration_page_unreadable", page=page_id, reason=str(failure)[:100])
        keep_reading(page_id=page.pk, text=None, found={})
    except (Unavailable, OSError) as failure:
        logger.error("declaration_page_not_read", page=page_id, error=type(failure).__name__)
        take_back_try(page.pk)
    else:
        keep_reading(page_id=page.pk, text=text, found=find(text))


@shared_task
def resume_reading() -> None:
    """Rings for each page that nobody reads: its doorbell was missed, or its worker died."""
    late = unread().filter(uploaded_at__lt=Now() - timedelta(minutes=1)).order_by("uploaded_at")
    for page_id in late.values_list("pk", flat=True)[:SWEEP_AT_MOST]:
        ring(page_id)


@shared_task
def sweep_orphans() -> None:
    """Removes files that no row names: of uploads that were cut off, of clients that were destroyed."""
    swept = 0
    for name in files.orphans():
        files.remove([name])
        swept += 1
    if swept:
        logger.warning("orphans_swept", files=swept)
