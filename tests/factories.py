"""Many rows at once, where making each over HTTP would be slow."""

from collections.abc import Iterable
from typing import Any

import factory
from django.db.models import Model
from factory.django import DjangoModelFactory

from agencies.models import Agency
from agents.models import Agent
from clients.models import Client
from oauth_clients.models import AgencyLink, OAuthClient


class AgencyFactory(DjangoModelFactory):
    class Meta:
        model = Agency

    name = factory.Sequence(lambda n: f"Agency {n}")


class AgentFactory(DjangoModelFactory):
    class Meta:
        model = Agent

    agency = factory.SubFactory(AgencyFactory)
    first_name = "Ann"
    last_name = factory.Sequence(lambda n: f"Agent {n}")
    email = factory.Sequence(lambda n: f"agent{n}@example.com")
    slug = factory.Sequence(lambda n: f"made-agent-{n}")


class ClientFactory(DjangoModelFactory):
    class Meta:
        model = Client

    first_name = factory.Sequence(lambda n: f"Made{n}")
    last_name = factory.Sequence(lambda n: f"Client {n}")
    email = factory.Sequence(lambda n: f"made{n}@example.com")
    phone_number = factory.Sequence(lambda n: f"(212) 555-{n % 10_000:04d}")


class AgencyLinkFactory(DjangoModelFactory):
    class Meta:
        model = AgencyLink

    agency = factory.SubFactory(AgencyFactory)


def agents_of_agency(agency_id: int, count: int, **values: Any) -> list[Agent]:
    """That many agents of one agency, in one query."""
    return _insert(AgentFactory.build_batch(count, agency=None, agency_id=agency_id, **values))


def agencies_of_client(client: OAuthClient, count: int, **values: Any) -> list[Agency]:
    """That many agencies linked to one OAuth client, in two queries."""
    agencies = _insert(AgencyFactory.build_batch(count, **values))
    _insert(AgencyLinkFactory.build(oauth_client=client, agency=agency) for agency in agencies)
    return agencies


def clients_of_agent(agent_id: int, count: int, **values: Any) -> list[Client]:
    """That many clients of one agent, in one query."""
    clients = ClientFactory.build_batch(count, agent_id=agent_id, **values)
    for client in clients:
        client.index()
    return _insert(clients)


def _insert(rows: Iterable[Any]) -> list[Any]:
    rows = list(rows)
    model: type[Model] = type(rows[0])
    return model.objects.bulk_create(rows)
