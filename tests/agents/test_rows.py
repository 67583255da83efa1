"""Lists are shaped by hand, for speed; a property holds them to the serializers that describe them."""

from datetime import UTC, datetime
from typing import Any

from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import Agency
from agencies.serializers import AGENCIES, PartnerAgencySerializer
from agents.models import Agent
from agents.serializers import AGENTS, AgentSerializer
from api.pagination import Listing
from api.principals import Partner
from api.renderers import to_json
from oauth_clients.models import AgencyLink, OAuthClient

REQUEST = RequestFactory().get("/v1/agents", secure=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=50)
MOMENT = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
PICTURE = st.sampled_from(["", "0123.png"])


def partner() -> Partner:
    client = OAuthClient.objects.create(name="Partner")
    return Partner(client_pk=client.pk, client_id=client.client_id, token_pk=1)


def listed(listing: Listing, caller: Partner) -> list[dict[str, Any]]:
    return listing.shape(REQUEST, listing.visible(caller).values_list(*listing.columns))


def agency_of(caller: Partner, **values: Any) -> Agency:
    agency = Agency.objects.create(**values)
    AgencyLink.objects.create(oauth_client_id=caller.client_pk, agency=agency)
    return agency


@given(
    st.fixed_dictionaries(
        {
            "first_name": TEXT, "last_name": TEXT, "phone_number": TEXT.map(lambda text: text[:40]),
            "is_admin": st.just(True), "is_owner": st.booleans(), "profile_picture": PICTURE, "deactivated_at": MOMENT,
        }
    ),
    TEXT,
)  # fmt: skip
def test_agents_are_listed_as_their_serializer_shows_them(db: None, values: dict[str, Any], name: str) -> None:
    caller = partner()
    agency = agency_of(caller, name=name)
    agent = Agent.objects.create(agency=agency, email="a@example.com", slug=f"agent-{agency.pk}", **values)
    by_hand = listed(AGENTS, caller)
    described = AgentSerializer([agent], many=True, context={"request": REQUEST}).data
    assert to_json(by_hand) == to_json(described)


@given(
    st.fixed_dictionaries(
        {"name": TEXT, "color_code": st.just("ABCDEF"), "referral": TEXT, "logo": PICTURE, "deactivated_at": MOMENT}
    )
)
def test_agencies_are_listed_as_their_serializer_shows_them(db: None, values: dict[str, Any]) -> None:
    caller = partner()
    agency = agency_of(caller, **values)
    by_hand = listed(AGENCIES, caller)
    described = PartnerAgencySerializer([agency], many=True, context={"request": REQUEST}).data
    assert to_json(by_hand) == to_json(described)
