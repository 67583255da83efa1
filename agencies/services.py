"""Every write to agencies: one function an act, in one transaction, with its audit entry."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from agencies.models import DEFAULT_COLOR, Agency
from agents import services as agents
from agents.models import Agent
from api import pictures
from api.batches import in_batches
from api.principals import Partner, Principal
from api.statements import run
from audit.services import record
from oauth_clients.models import AgencyLink
from oauth_clients.services import record_link


@transaction.atomic
def create_agency(*, actor: Partner, values: dict[str, Any]) -> agents.Created:
    """An agency with its owner, linked to the calling OAuth client: all or nothing.

    `values` are as `NewAgencySerializer` validates them. Gives the owner, whose `agency` is the new one.
    """
    agency = _founded(actor, values["agency_name"], values["referral"])
    owner = {name: values[name] for name in ("email", "first_name", "last_name")}
    return agents.create_agent(agency=agency, actor=actor, values={**owner, "is_admin": True}, is_owner=True)


@transaction.atomic
def update_agency(*, agency: Agency, actor: Principal, values: dict[str, Any]) -> Agency:
    """Changes the fields in `values` (as `AgencyChangeSerializer` validates them)."""
    with pictures.stored(values.pop("logo", None)) as logo:
        agency = agency.locked()
        replaced = agency.logo if logo else ""
        if logo:
            values["logo"] = logo
        changed = sorted(name for name, value in values.items() if getattr(agency, name) != value)
        if changed:
            for name in changed:
                setattr(agency, name, values[name])
            agency.save(update_fields=[*changed, "updated_at"])
            record(actor=actor, action="agency.update", target=agency, agency_id=agency.pk, changed=changed)
        transaction.on_commit(lambda: pictures.remove(replaced))
        return agency


@transaction.atomic
def deactivate_agency(*, agency: Agency, actor: Principal) -> None:
    """Deactivates the agency and all its agents; their tokens stop working at once. Done already: nothing happens."""
    agency = agency.locked()
    if agency.deactivated_at:
        return
    # The agents share the agency's moment, so that reactivating it wakes these and not those who left before.
    agency.deactivated_at = timezone.now()
    agency.save(update_fields=["deactivated_at", "updated_at"])
    everybody = in_batches(Agent.objects.filter(agency=agency))
    ended = sum(agents.end_access(some.active(), at=agency.deactivated_at) for some in everybody)
    record(actor=actor, action="agency.deactivate", target=agency, agency_id=agency.pk, agents=ended)


@transaction.atomic
def reactivate_agency(*, agency: Agency, actor: Principal) -> Agency:
    """Reactivates the agency and the agents that were deactivated with it. Their tokens stay revoked."""
    agency = agency.locked()
    if agency.deactivated_at is None:
        return agency
    now, everybody = timezone.now(), in_batches(Agent.objects.filter(agency=agency))
    sleeping = (some.filter(deactivated_at=agency.deactivated_at) for some in everybody)
    woken = sum(some.update(deactivated_at=None, updated_at=now) for some in sleeping)
    agency.deactivated_at = None
    agency.save(update_fields=["deactivated_at", "updated_at"])
    record(actor=actor, action="agency.reactivate", target=agency, agency_id=agency.pk, agents=woken)
    return agency


def _founded(actor: Partner, name: str, referral: str) -> Agency:
    """A new agency, linked to the partner for whom the database is asked: by a function of its own, for the API itself
    neither makes agencies nor links."""
    [(pk, link_pk)] = run("SELECT agency_id, link_id FROM agency_founded(%s, %s, %s)", [name, referral, DEFAULT_COLOR])
    agency = Agency.objects.get(pk=pk)
    record(actor=actor, action="agency.create", target=agency, agency_id=pk)
    record_link(AgencyLink.objects.get(pk=link_pk), actor=actor)
    return agency
