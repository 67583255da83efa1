"""The one way into the audit trail."""

from collections.abc import Iterable
from typing import Any

import structlog
from django.db.models import Model

from api.principals import Principal
from audit.models import AuditEntry


def record(*, actor: Principal, action: str, target: Model, agency_id: int | None = None, **facts: Any) -> None:
    """Adds an entry, in the caller's transaction.

    `facts` are ids, states and names of changed fields; never values that name a person or open a door.
    """
    record_all(actor=actor, action=action, targets=[target], agency_id=agency_id, **facts)


def record_all(
    *, actor: Principal, action: str, targets: Iterable[Model], agency_id: int | None = None, **facts: Any
) -> None:
    """The same act on many targets, in one query."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    AuditEntry.objects.bulk_create(
        AuditEntry(
            actor=actor.label,
            action=action,
            target_type=target._meta.model_name or "",
            target_id=str(target.pk),
            agency_id=agency_id,
            request_id=request_id,
            facts=facts,
        )
        for target in targets
    )
