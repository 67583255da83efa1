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
    AuditEntry.objects.bulk_create(
        _entry(actor, action, target, str(target.pk), agency_id=agency_id, facts=facts) for target in targets
    )


def record_list(*, actor: Principal, action: str, model: type[Model], shown: Iterable[Model], **facts: Any) -> None:
    """Adds one entry for a list that was looked at, with the ids of the rows that were in it."""
    ids = [str(row.pk) for row in shown]
    _entry(actor, action, model, "", facts={"shown": ids, **facts}).save(force_insert=True)


def _entry(
    actor: Principal,
    action: str,
    target: Model | type[Model],
    target_id: str,
    *,
    facts: dict[str, Any],
    agency_id: int | None = None,
) -> AuditEntry:
    return AuditEntry(
        actor=actor.label,
        action=action,
        target_type=target._meta.model_name or "",
        target_id=target_id,
        agency_id=agency_id,
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        facts=facts,
    )
