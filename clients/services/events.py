"""The events that writes to clients bring about (contract §7; their payloads: webhooks.catalogue)."""

from collections.abc import Sequence
from typing import Any

from clients.models import Client, DeclarationPage, Submission
from webhooks.services.events import emit

STATUS = "sales_funnel_status"


def client_changed(client: Client, changed: Sequence[str], status_before: str) -> None:
    """A change of the funnel status is told by its own event; one of anything else beside it, by both."""
    others = [name for name in changed if name != STATUS]
    if others:
        _of_client("client.updated", client, changed=others)
    if STATUS in changed:
        _of_client(
            "client.sales-funnel-status-change",
            client,
            sales_funnel_status=client.sales_funnel_status,
            previous_sales_funnel_status=status_before,
        )


def client_reassigned(client: Client, previous_agent_id: int) -> None:
    _of_client("client.reassigned", client, previous_agent_id=previous_agent_id)


def submission_completed(submission: Submission) -> None:
    _of_submission(
        "client-submission.complete",
        submission,
        insurance_types=submission.insurance_types,
        declaration_pages=submission.declaration_pages.count(),
    )


def declaration_page_uploaded(page: DeclarationPage) -> None:
    _of_submission(
        "client-submission.declaration-page-upload",
        page.submission,
        declaration_page_uuid=page.pk,
        content_type=page.content_type,
        size=page.size,
    )


def _of_client(event_type: str, client: Client, **facts: Any) -> None:
    _emit(event_type, client, client, facts)


def _of_submission(event_type: str, submission: Submission, **facts: Any) -> None:
    _emit(event_type, submission.client, submission, {"submission_uuid": submission.pk, **facts})


def _emit(event_type: str, client: Client, changed: Client | Submission, facts: dict[str, Any]) -> None:
    agency_id = client.agent.agency_id
    data = {"agency_id": agency_id, "agent_id": client.agent_id, "client_uuid": client.pk, **facts}
    emit(
        agency_id=agency_id,
        event_type=event_type,
        object_id=changed.pk,
        object_revision=changed.revision,
        data=data,
    )
