"""Every write to declaration pages: uploaded, read, corrected, taken out again."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.files.base import File
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404

from api import doorbell
from api.errors import Invalid
from api.principals import Principal
from audit.services import record
from clients import files
from clients.models import DeclarationPage, Submission
from clients.reading.found import Found
from clients.services import events
from clients.services.submissions import in_progress
from clients.services.submissions import locked as locked_submission

MAX_PAGES = 20
"""Of one submission."""
MAX_TRIES = 3
"""Of reading one page."""
TRY_AGAIN_AFTER = timedelta(minutes=2)
"""Longer than any try takes: whose worker died has not long to wait."""


def add_declaration_page(*, actor: Principal, submission: Submission, upload: File) -> DeclarationPage:
    """Stores the file with its row: both or neither. A worker reads it afterwards.

    Raises TooLarge (413), Invalid (422): empty, invalid_file, submission_complete, too_many_declaration_pages.
    """
    with files.stored(upload) as file, transaction.atomic():
        submission = in_progress(submission, actor)
        if submission.declaration_pages.count() >= MAX_PAGES:
            raise Invalid(f"A submission has at most {MAX_PAGES} declaration pages.", code="too_many_declaration_pages")
        is_pdf = file.content_type == files.PDF
        page = DeclarationPage.objects.create(
            submission=submission,
            reading=DeclarationPage.Reading.PENDING if is_pdf else DeclarationPage.Reading.NONE,
            filename=file.filename,
            stored_name=file.stored_name,
            content_type=file.content_type,
            size=file.size,
            sha256=file.sha256,
        )
        submission.revision += 1
        submission.save(update_fields=["revision"])
        _record(actor, "declaration_page.upload", page)
        events.declaration_page_uploaded(page)
        if is_pdf:
            transaction.on_commit(lambda: ring(page.pk))
        return page


@transaction.atomic
def correct_declaration_page(*, actor: Principal, page: DeclarationPage, values: dict[str, Any]) -> DeclarationPage:
    """Sets what a person knows better; no reading changes these fields afterwards.

    Raises Invalid (422) dates_out_of_order.
    """
    page = _locked(page, locked_submission(page.submission, actor))
    for name, value in values.items():
        setattr(page, name, value)
        page.found.pop(name, None)
    if not _in_order(page.effective_date, page.expiration_date):
        raise Invalid("Not before effective_date.", code="dates_out_of_order", field="expiration_date")
    page.corrected = sorted({*page.corrected, *values})
    page.save(update_fields=[*values, "found", "corrected"])
    _record(actor, "declaration_page.correct", page, changed=sorted(values))
    return page


@transaction.atomic
def remove_declaration_page(*, actor: Principal, page: DeclarationPage) -> None:
    """Takes a page out of a submission in progress: row and file. Raises Invalid (422) submission_complete."""
    submission = in_progress(page.submission, actor)
    page = _locked(page, submission)
    _record(actor, "declaration_page.remove", page)
    page.delete()
    transaction.on_commit(lambda: files.remove([page.stored_name]))


def ring(page_id: UUID) -> None:
    """Tells a worker that there is a page to read. Where the broker is away, the sweep finds it later (tasks)."""
    doorbell.ring("clients.tasks.read_declaration_page", str(page_id))


def unread() -> QuerySet[DeclarationPage]:
    """The pages that are to be read, and that no worker is at."""
    idle = Q(reading_tried_at__isnull=True) | Q(reading_tried_at__lt=Now() - TRY_AGAIN_AFTER)
    return DeclarationPage.objects.filter(idle, reading=DeclarationPage.Reading.PENDING)


def try_reading(page_id: UUID) -> DeclarationPage | None:
    """The page, its try counted before it is made, so that a file that kills its worker is not tried for ever; None
    where it is gone, read already, being read, or was tried MAX_TRIES times.

    Doorbells may ring more than once for a page: its tries are not those of its doorbells.
    """
    page = unread().filter(pk=page_id)
    if page.filter(reading_tries__gte=MAX_TRIES).update(reading=DeclarationPage.Reading.FAILED):
        return None
    tried = page.update(reading_tries=F("reading_tries") + 1, reading_tried_at=Now())
    return DeclarationPage.objects.filter(pk=page_id).first() if tried else None


def take_back_try(page_id: UUID) -> None:
    """The storage did not give the file, or the machine had no room for it, which says nothing of the file; it is tried
    again after TRY_AGAIN_AFTER."""
    pending = DeclarationPage.objects.filter(pk=page_id, reading=DeclarationPage.Reading.PENDING)
    pending.update(reading_tries=F("reading_tries") - 1)


@transaction.atomic
def keep_reading(*, page_id: UUID, text: str | None, found: dict[str, Found]) -> None:
    """What a worker read; `text` is None where the file cannot be read. Fields that a person set meanwhile stay.

    A page that is gone, or was read by another worker, is left alone.
    """
    pending = DeclarationPage.objects.filter(pk=page_id, reading=DeclarationPage.Reading.PENDING)
    page = pending.select_for_update().first()
    if page is None:
        return
    page.reading = DeclarationPage.Reading.FAILED if text is None else DeclarationPage.Reading.DONE
    news = {name: one for name, one in found.items() if name not in page.corrected}
    if not _in_order(*(_known(page, news, name) for name in ("effective_date", "expiration_date"))):
        news = {name: one for name, one in news.items() if not name.endswith("_date")}
    for name, one in news.items():
        setattr(page, name, one.value)
        page.found[name] = {"start": one.start, "end": one.end, "text": (text or "")[one.start : one.end]}
    page.save(update_fields=["reading", "found", *news])


def _known(page: DeclarationPage, news: dict[str, Found], name: str) -> Any:
    return news[name].value if name in news else getattr(page, name)


def _in_order(effective: date | None, expiration: date | None) -> bool:
    return effective is None or expiration is None or effective <= expiration


def _locked(page: DeclarationPage, submission: Submission) -> DeclarationPage:
    """This page, fresh, of a submission that is locked already. Raises Http404 where it was taken out meanwhile."""
    held = submission.declaration_pages.select_for_update().filter(pk=page.pk).first()
    if held is None:
        raise Http404
    return held


def _record(actor: Principal, action: str, page: DeclarationPage, **facts: Any) -> None:
    agency_id = page.submission.client.agent.agency_id
    record(actor=actor, action=action, target=page, agency_id=agency_id, **facts)
