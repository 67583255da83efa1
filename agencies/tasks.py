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
    swept = 0
    for name in pictures.orphans(_named):
        pictures.remove(name)
        swept += 1
    if swept:
        logger.warning("pictures_swept", files=swept)


def _named(names: list[str]) -> Iterable[str]:
    for model, field in ((Agency, "logo"), (Agent, "profile_picture")):
        has_one = model.objects.exclude(**{field: ""})  # which its index is of
        yield from has_one.filter(**{f"{field}__in": names}).values_list(field, flat=True)
