"""What workers do for agencies: sweep up the pictures that a crash left behind."""

from collections.abc import Iterable

import structlog
from celery import shared_task

from agencies.models import Agency
from agents.models import Agent
from api import pictures

logger = structlog.get_logger(__name__)


@shared_task
def sweep_pictures() -> None:
    """Removes pictures that no row names: of changes that were cut off, or followed by another at once."""
    swept = list(pictures.orphans(_named))
    for name in swept:
        pictures.remove(name)
    if swept:
        logger.warning("pictures_swept", files=len(swept))


def _named(names: list[str]) -> Iterable[str]:
    yield from Agency.objects.filter(logo__in=names).values_list("logo", flat=True)
    yield from Agent.objects.filter(profile_picture__in=names).values_list("profile_picture", flat=True)
