"""The data every contender serves: 20 partners, 2,000 agencies, 20,000 agents, loaded in bulk."""

import itertools
from datetime import timedelta

from django.db import connection
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, set_token_value

from agencies.models import Agency
from agents.models import Agent
from api import credentials
from oauth_clients.models import AgencyLink, OAuthClient

PARTNERS = 20
AGENCIES = 2_000
AGENTS = 20_000
TOKENS_EACH = 200
"""Of a partner. The load goes round over all 4,000, so that no contender's rate limit refuses or grows long."""


def load() -> list[str]:
    """Fills an empty database; gives the access tokens, in plain text."""
    partners = OAuthClient.objects.bulk_create(OAuthClient(name=f"Partner {n}") for n in range(PARTNERS))
    agencies = Agency.objects.bulk_create(Agency(name=f"Agency {n}") for n in range(AGENCIES))
    owners = list(zip(agencies, itertools.cycle(partners), strict=False))
    AgencyLink.objects.bulk_create(AgencyLink(agency=agency, oauth_client=partner) for agency, partner in owners)
    Agent.objects.bulk_create(
        (_agent(n, agency) for n, agency in zip(range(AGENTS), itertools.cycle(agencies), strict=False)),
        batch_size=5_000,
    )
    tokens = [token for partner in partners for token in tokens_of(partner, TOKENS_EACH)]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # now, and not in the middle of a measurement
    return tokens


def _agent(number: int, agency: Agency) -> Agent:
    return Agent(
        agency=agency,
        first_name=f"First{number}",
        last_name=f"Last{number}",
        email=f"agent{number}@bench.example",
        slug=f"first{number}-last{number}-{number}",
        phone_number="(212) 555-0123",
    )


def tokens_of(partner: OAuthClient, count: int) -> list[str]:
    tokens = [credentials.generate(credentials.OAUTH_ACCESS_TOKEN) for _ in range(count)]
    model = get_access_token_model()
    rows = []
    for token in tokens:
        row = model(application=partner, expires=timezone.now() + timedelta(hours=12), scope="provisioning")
        set_token_value(row, token)
        rows.append(row)
    model.objects.bulk_create(rows)
    return tokens
