import structlog
from celery import shared_task

from agents import links
from api import segments, totals

logger = structlog.get_logger(__name__)


@shared_task
def tidy_totals() -> None:
    """Each day. What is kept of lists and was not true is an error of ours, or came of writing with triggers off."""
    mended = links.mend()
    drifts = totals.recount_all()
    segments.divide()
    totals.fold()
    if mended or drifts:
        lists = sorted({drift.listed for drift in drifts})
        logger.error("totals_drifted", links=mended, totals=len(drifts), lists=lists)
