"""Every write to clients: one function an act, in one transaction, with its audit entry and its events."""

from typing import Any

from django.db import transaction
from django.http import Http404

from agents.models import Agent
from api.batches import in_batches
from api.errors import Invalid
from api.principals import AgentPrincipal, Principal
from audit.services import record
from clients import files
from clients.models import INDEXED, Client, DeclarationPage, Submission
from clients.services import events


@transaction.atomic
def create_client(*, actor: Principal, agency_id: int, agent_id: int, values: dict[str, Any]) -> Client:
    """A client of that agent. `values` are as `NewClientSerializer` validates them, without the agent.

    Raises Invalid (422): not_an_active_agent.
    """
    client = Client(agent=_active_agent(agency_id, agent_id), **values)
    client.index()
    client.save(force_insert=True)
    record(actor=actor, action="client.create", target=client, agency_id=agency_id)
    return client


@transaction.atomic
def update_client(*, actor: Principal, client: Client, values: dict[str, Any]) -> Client:
    """Changes the fields in `values` (as `ClientChangeSerializer` validates them).

    Raises Invalid (422) contact_missing: a client keeps an e-mail address or a phone number.
    """
    client = locked(client, actor)
    changed = sorted(name for name, value in values.items() if getattr(client, name) != value)
    status_before = client.sales_funnel_status
    for name in changed:
        setattr(client, name, values[name])
    if not (client.email or client.phone_number):
        raise Invalid("An e-mail address or a phone number is needed.", code="contact_missing", field="email")
    if changed:
        client.index()
        client.revision += 1
        client.save(update_fields=[*changed, *INDEXED, "revision", "updated_at"])
        record(actor=actor, action="client.update", target=client, agency_id=client.agent.agency_id, changed=changed)
        events.client_changed(client, changed, status_before)
    return client


@transaction.atomic
def reassign_client(*, actor: Principal, client: Client, agent_id: int) -> Client:
    """Gives the client to another agent of the same agency. The same agent again: nothing happens.

    Raises Invalid (422): not_an_active_agent.
    """
    client = locked(client, actor)
    agency_id, before = client.agent.agency_id, client.agent_id
    agent = _active_agent(agency_id, agent_id)
    if agent.pk != before:
        client.agent = agent
        client.index()
        client.revision += 1
        client.save(update_fields=["agent", *INDEXED, "revision", "updated_at"])
        record(actor=actor, action="client.reassign", target=client, agency_id=agency_id, agents=[before, agent.pk])
        events.client_reassigned(client, before)
    return client


@transaction.atomic
def destroy_client(*, actor: Principal, client: Client) -> None:
    """Removes the client, its submissions, its declaration pages and their files, for good.

    What stays is an audit entry, which names nobody. A file that its storage does not give up now is found by the
    sweep of orphans (clients.tasks), since no row names it any more.
    """
    client = locked(client, actor)
    submissions, names = 0, list[str]()
    for some in in_batches(client.submissions.all()):
        held = list(some.select_for_update().order_by("id").values_list("pk", flat=True))
        names += DeclarationPage.objects.filter(submission__in=held).values_list("stored_name", flat=True)
        Submission.objects.filter(pk__in=held).delete()
        submissions += len(held)
    record(
        actor=actor,
        action="client.destroy",
        target=client,
        agency_id=client.agent.agency_id,
        submissions=submissions,
        declaration_pages=len(names),
    )
    client.delete()
    transaction.on_commit(lambda: files.remove(names))


def locked(client: Client, actor: Principal) -> Client:
    """This client, fresh, held until the transaction ends.

    Raises Http404 for one that was destroyed meanwhile, and to an agent for one that was given away: it names a client
    by whose it is. (Joined to its agent, a client given away while its lock is waited for would be found by nobody.)
    """
    held = Client.objects.select_for_update().filter(pk=client.pk).first()
    if held is None:
        raise Http404
    if held.agent_id == client.agent_id:
        held.agent = client.agent  # as it was read with the client: an agent never changes its agency
    elif isinstance(actor, AgentPrincipal):
        raise Http404
    return held


def _active_agent(agency_id: int, agent_id: int) -> Agent:
    """The agent, who stays active until the transaction ends."""
    agents = Agent.objects.active().filter(agency=agency_id, pk=agent_id)
    agent = agents.select_for_update(no_key=True).first()
    if agent is None:
        raise Invalid("An active agent of the same agency.", code="not_an_active_agent", field="agent_id")
    return agent
