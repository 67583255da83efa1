"""Links to the files of declaration pages: signed, for 15 minutes, and only while their asker's rights still hold.

A link works without a token, so it says for whom it was made: the agent's token is asked about again when the link is
opened. An agent who was deactivated, whose token was reset, or who lost the client opens nothing with it.
"""

from contextlib import ExitStack
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.core import signing
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils import timezone

from agents.authentication import principal_of
from api import errors
from api.methods import only_read
from api.principals import AgentPrincipal, Principal
from audit.services import record
from clients import files
from clients.models import DeclarationPage

logger = structlog.get_logger(__name__)

LIFETIME = timedelta(minutes=15)
_signer = signing.TimestampSigner(salt="clients.links")


def link_to(page: DeclarationPage, principal: AgentPrincipal) -> tuple[str, datetime]:
    """The path of the link, and until when it works."""
    expires_at = timezone.now().replace(microsecond=0) + LIFETIME  # links are signed to the second
    return f"/files/{_signer.sign_object([str(page.pk), principal.token_pk])}", expires_at


@only_read
def download(request: HttpRequest, signed: str) -> HttpResponseBase:
    """The file, as an attachment. A link that is forged, expired or whose rights are gone: one answer, 404."""
    try:
        page_id, token_pk = _signer.unsign_object(signed, max_age=LIFETIME)
    except signing.BadSignature:
        return errors.counted(request, errors.not_found)
    principal = principal_of(token_pk)
    if principal is None:
        raise Http404
    visible = DeclarationPage.objects.visible_to(principal).select_related("submission__client__agent")
    page = visible.filter(pk=UUID(page_id)).first()
    if page is None:
        raise Http404
    return attachment(request, page, principal)


def attachment(request: HttpRequest, page: DeclarationPage, receiver: Principal) -> HttpResponseBase:
    """The file for its receiver to keep: no browser shows it as a page of ours, whatever it holds. 503 where its
    storage fails. Raises Http404 where the file is missing.
    """
    try:
        return _given_out(page, receiver)
    except errors.Unavailable:
        return errors.unavailable(request)


def _given_out(page: DeclarationPage, receiver: Principal) -> FileResponse:
    """The audit trail tells of it, or nothing is given out. The file is fetched before that, with no transaction open:
    from a bucket it may take longer than PostgreSQL lets one stand."""
    try:
        opened = files.opened(page.stored_name)
    except FileNotFoundError as failure:
        logger.error("file_missing", page=str(page.pk))
        raise Http404 from failure
    with ExitStack() as unless_told:
        unless_told.callback(opened.close)
        agency_id = page.submission.client.agent.agency_id
        record(actor=receiver, action="declaration_page.download", target=page, agency_id=agency_id)
        unless_told.pop_all()
    response = FileResponse(opened, as_attachment=True, filename=files.safe_name(page), content_type=page.content_type)
    response.headers["Content-Length"] = str(page.size)
    response.headers["Cache-Control"] = "private, no-store"
    return response
