"""Every write to agents and their tokens: one function an act, in one transaction, with its audit entry.

What must hold for an agency's agents as a whole (one owner, a last admin, no e-mail address twice) is checked while
the agency's row is locked (`Agency.locked`), so two acts on one agency follow each other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from agents.models import Agent, AgentToken
from agents.slugs import is_reserved, random_suffix, slug_of
from agents.slugs import taken as slugs_taken
from api import credentials, pictures
from api.errors import Invalid, violated_constraint
from api.principals import Principal
from audit.services import record, record_all

if TYPE_CHECKING:
    from agencies.models import Agency

SLUG_TRIES = 5


def email_taken() -> Invalid:
    return Invalid("Another active agent of this agency has this address.", code="email_taken", field="email")


def slug_taken() -> Invalid:
    return Invalid("This suffix gives a slug that is taken; choose another.", code="slug_taken", field="slug_suffix")


@dataclass(frozen=True, slots=True)
class Created:
    """A new agent with its token in plain text, which is shown once and stored nowhere."""

    agent: Agent
    access_token: str


def create_agent(*, agency: "Agency", actor: Principal, values: dict[str, Any], is_owner: bool = False) -> Created:
    """Adds an agent to an active agency. `values` are as `NewAgentSerializer` validates them.

    Raises Invalid (422): agency_deactivated, email_taken, slug_taken.
    """
    with pictures.stored(values.pop("profile_picture", None)) as picture, transaction.atomic():
        row = {**values, "profile_picture": picture, "is_owner": is_owner}
        [outcome] = create_agents(agency=agency, actor=actor, rows=[row])
        if isinstance(outcome, Invalid):
            raise outcome
        return outcome


@transaction.atomic
def create_agents(*, agency: "Agency", actor: Principal, rows: Sequence[dict[str, Any]]) -> list[Created | Invalid]:
    """Adds many agents: an outcome a row, in order; a row that is refused does not hold up the others.

    The number of queries does not grow with the rows. Raises Invalid (422) agency_deactivated.
    """
    agency = _active(agency.locked())
    outcomes = _insert(agency, rows)
    agents = [outcome for outcome in outcomes if isinstance(outcome, Agent)]
    record_all(actor=actor, action="agent.create", targets=agents, agency_id=agency.pk)
    tokens = dict(zip((agent.pk for agent in agents), _issue_tokens(agents), strict=True))
    return [Created(one, tokens[one.pk]) if isinstance(one, Agent) else one for one in outcomes]


@transaction.atomic
def update_agent(*, agent: Agent, actor: Principal, values: dict[str, Any]) -> Agent:
    """Changes the fields in `values` (as `AgentChangeSerializer` validates them).

    Raises Invalid (422): agent_deactivated, email_taken, slug_taken, last_admin, owner_is_admin.
    """
    with pictures.stored(values.pop("profile_picture", None)) as picture:
        agency = agent.agency.locked()
        agent = _active_agent(Agent.objects.get(pk=agent.pk))
        replaced = agent.profile_picture if picture else ""
        if picture:
            values["profile_picture"] = picture
        if suffix := values.pop("slug_suffix", None):
            names = {**vars(agent), **values}
            values["slug"] = slug_of(names["first_name"], names["last_name"], suffix)
        if values.get("is_admin") is False and agent.is_admin:
            _require_other_admin(agent)
        changed = sorted(name for name, value in values.items() if getattr(agent, name) != value)
        for name in changed:
            setattr(agent, name, values[name])
        _refuse_taken(agency, agent, changed)
        if changed:
            _save(agent, [*changed, "updated_at"])
            record(actor=actor, action="agent.update", target=agent, agency_id=agency.pk, changed=changed)
        transaction.on_commit(lambda: pictures.remove(replaced))
        return agent


@transaction.atomic
def deactivate_agent(*, agent: Agent, actor: Principal) -> None:
    """Ends the agent's access at once. Done already: nothing happens.

    Raises Invalid (422): owner_has_colleagues, last_admin.
    """
    agency = agent.agency.locked()
    agent = Agent.objects.get(pk=agent.pk)
    if agent.deactivated_at:
        return
    if Agent.objects.active().filter(agency=agency).exclude(pk=agent.pk).exists():
        if agent.is_owner:
            raise Invalid(
                "The owner of an agency with other active agents cannot be deactivated; transfer ownership first.",
                code="owner_has_colleagues",
            )
        if agent.is_admin:
            _require_other_admin(agent)
    end_access(Agent.objects.filter(pk=agent.pk), at=timezone.now())
    record(actor=actor, action="agent.deactivate", target=agent, agency_id=agency.pk)


@transaction.atomic
def reactivate_agent(*, agent: Agent, actor: Principal) -> Agent:
    """Lets a deactivated agent be active again. Its tokens stay revoked: reset-access-token gives a new one.

    Raises Invalid (422): agency_deactivated, email_taken.
    """
    agency = _active(agent.agency.locked())
    agent = Agent.objects.get(pk=agent.pk)
    if agent.deactivated_at is None:
        return agent
    _refuse_taken(agency, agent, ["email"])
    agent.deactivated_at = None
    _save(agent, ["deactivated_at", "updated_at"])
    record(actor=actor, action="agent.reactivate", target=agent, agency_id=agency.pk)
    return agent


@transaction.atomic
def reset_access_token(*, agent: Agent, actor: Principal) -> str:
    """A new token, in plain text; all earlier ones stop working at once. Raises Invalid (422) agent_deactivated."""
    agency = agent.agency.locked()
    agent = _active_agent(Agent.objects.get(pk=agent.pk))
    _revoke_tokens(Agent.objects.filter(pk=agent.pk), at=timezone.now())
    [token] = _issue_tokens([agent])
    record(actor=actor, action="agent.reset_access_token", target=agent, agency_id=agency.pk)
    return token


@transaction.atomic
def transfer_ownership(*, agency: "Agency", actor: Principal, agent_id: int) -> Agent:
    """Makes an active agent of the agency its owner and an admin; the one before stays an admin.

    Raises Invalid (422): agency_deactivated, not_an_active_agent.
    """
    agency = _active(agency.locked())
    agent = Agent.objects.active().filter(agency=agency, pk=agent_id).first()
    if agent is None:
        raise Invalid("An active agent of this agency.", code="not_an_active_agent", field="agent_id")
    if not agent.is_owner:
        Agent.objects.filter(agency=agency, is_owner=True).update(is_owner=False, updated_at=timezone.now())
        agent.is_owner = agent.is_admin = True
        _save(agent, ["is_owner", "is_admin", "updated_at"])
        record(actor=actor, action="agency.transfer_ownership", target=agency, agency_id=agency.pk, agent_id=agent_id)
    return agent


def end_access(agents: QuerySet[Agent], *, at: datetime) -> int:
    """Revokes these agents' tokens and deactivates them; gives their number.

    The caller holds the agency's lock and records the act.
    """
    _revoke_tokens(agents, at=at)
    return agents.update(deactivated_at=at, updated_at=at)


# --- the steps ------------------------------------------------------------------------------------


def _insert(agency: "Agency", rows: Sequence[dict[str, Any]]) -> list[Agent | Invalid]:
    """Plans the rows and inserts those that can be. A slug that another agency took meanwhile: plans again."""
    for _ in range(SLUG_TRIES):
        outcomes = _plan(agency, rows)
        try:
            with transaction.atomic():
                Agent.objects.bulk_create(outcome for outcome in outcomes if isinstance(outcome, Agent))
            return outcomes
        except IntegrityError as error:
            if violated_constraint(error) == "agent_email_unique_in_agency":
                raise email_taken() from error  # PostgreSQL folds some letters that Python does not
            if not _is_slug_clash(error):
                raise
    raise slug_taken()


def _plan(agency: "Agency", rows: Sequence[dict[str, Any]]) -> list[Agent | Invalid]:
    """For each row the agent it would be, or why not; two queries."""
    emails = [row["email"].lower() for row in rows]
    active = Agent.objects.active().filter(agency=agency).annotate(address=Lower("email"))
    taken = set(active.filter(address__in=emails).values_list("address", flat=True))
    wanted = [slug_of(row["first_name"], row["last_name"], row["slug_suffix"]) for row in rows if "slug_suffix" in row]
    slugs = slugs_taken(wanted) if wanted else set()
    outcomes: list[Agent | Invalid] = []
    for row, email in zip(rows, emails, strict=True):
        values = dict(row)
        suffix = values.pop("slug_suffix", None)
        slug = slug_of(row["first_name"], row["last_name"], suffix or random_suffix())
        if email in taken:
            outcomes.append(email_taken())
        elif suffix and (slug in slugs or is_reserved(slug)):
            outcomes.append(slug_taken())
        else:
            taken.add(email)
            slugs.add(slug)
            outcomes.append(Agent(agency=agency, slug=slug, **values))
    return outcomes


def _is_slug_clash(error: IntegrityError) -> bool:
    return "slug" in (violated_constraint(error) or "")


def _save(agent: Agent, fields: list[str]) -> None:
    """Saves; a slug that another agency took meanwhile is the caller's to choose anew."""
    try:
        with transaction.atomic():
            agent.save(update_fields=fields)
    except IntegrityError as error:
        if _is_slug_clash(error):
            raise slug_taken() from error
        raise


def _refuse_taken(agency: "Agency", agent: Agent, changed: list[str]) -> None:
    others = Agent.objects.exclude(pk=agent.pk)
    if "email" in changed and others.active().filter(agency=agency).with_email(agent.email).exists():
        raise email_taken()
    if "slug" in changed and (is_reserved(agent.slug) or slugs_taken([agent.slug])):
        raise slug_taken()


def _require_other_admin(agent: Agent) -> None:
    if agent.is_owner:
        raise Invalid("The owner is an admin; transfer ownership first.", code="owner_is_admin", field="is_admin")
    if not Agent.objects.active().filter(agency=agent.agency_id, is_admin=True).exclude(pk=agent.pk).exists():
        raise Invalid("An agency's last admin stays admin; make another one first.", code="last_admin")


def _active(agency: "Agency") -> "Agency":
    if agency.deactivated_at:
        raise Invalid("The agency is deactivated; reactivate it first.", code="agency_deactivated")
    return agency


def _active_agent(agent: Agent) -> Agent:
    if agent.deactivated_at:
        raise Invalid("The agent is deactivated; reactivate it first.", code="agent_deactivated")
    return agent


def _issue_tokens(agents: Iterable[Agent]) -> list[str]:
    """A token for each, in plain text and in order; their digests are stored."""
    agents = list(agents)
    tokens = [credentials.generate(credentials.AGENT_TOKEN) for _ in agents]
    AgentToken.objects.bulk_create(
        AgentToken(agent=agent, digest=credentials.digest(token)) for agent, token in zip(agents, tokens, strict=True)
    )
    return tokens


def _revoke_tokens(agents: QuerySet[Agent], *, at: datetime) -> None:
    AgentToken.objects.filter(agent__in=agents, revoked_at__isnull=True).update(revoked_at=at)
