"""Tenancy: whatever is linked to whom, a caller sees what it may see, all of it and nothing else."""

import re

import pytest
from django.core.cache import cache
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import Agency
from api.principals import Administrator
from oauth_clients.models import AgencyLink
from oauth_clients.services import unlink_agency
from tests.answers import data
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agency, partner_seat
from tests.endpoints import endpoints

PARTNERS, AGENCIES = 3, 4
LINKS = st.sets(st.tuples(st.integers(0, PARTNERS - 1), st.integers(0, AGENCIES - 1)))
NOBODYS = (0, 987654321)


@pytest.fixture
def partners(api: Api, db: None) -> list[PartnerSeat]:
    return [partner_seat(api, f"Partner {n}", rate_limit=1_000_000) for n in range(PARTNERS)]


@pytest.fixture
def agencies(api: Api, partners: list[PartnerSeat]) -> list[AgencySeat]:
    return [new_agency(partners[0], f"Agency {n}", email="same@example.com") for n in range(AGENCIES)]


@given(links=LINKS)
def test_a_partner_sees_the_agencies_linked_to_it_and_their_agents(
    api: Api, partners: list[PartnerSeat], agencies: list[AgencySeat], links: set[tuple[int, int]]
) -> None:
    AgencyLink.objects.all().delete()
    AgencyLink.objects.bulk_create(
        AgencyLink(oauth_client=partners[partner].row, agency_id=agencies[agency].id) for partner, agency in links
    )
    for number, partner in enumerate(partners):
        mine = [agency for n, agency in enumerate(agencies) if (number, n) in links]
        assert_sees(api, partner, "/v1/agencies", [agency.id for agency in mine])
        assert_sees(api, partner, "/v1/agents", [agency.owner.id for agency in mine])
        assert_sees(api, partner, "/v1/agents?filterByEmail=same@example.com", [agency.owner.id for agency in mine])
        for n, agency in enumerate(agencies):
            status = api.post(f"{agency.path}/reactivate", token=partner.token).status_code
            assert status == (200 if (number, n) in links else 403)


def assert_sees(api: Api, partner: PartnerSeat, path: str, ids: list[int]) -> None:
    """In the rows, and in what a page says of all of them."""
    body = api.get(path, token=partner.token).json()
    assert [row["id"] for row in body["data"]] == ids
    assert body["meta"]["total"] == len(ids)


def test_a_partner_without_a_link_sees_nothing_anywhere(
    api: Api, agency: AgencySeat, foreign_agency: AgencySeat, db: None
) -> None:
    stranger = partner_seat(api, "Stranger")
    for path in ("/v1/agencies", "/v1/agents", "/v1/agents?includeDeactivated=true&filterByEmail=owner@example.com"):
        assert_sees(api, stranger, path, [])


def test_an_unlinked_partner_reaches_the_agency_no_more_at_once(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    unlink_agency(client_pk=partner.row.pk, agency=Agency.objects.get(pk=agency.id), actor=Administrator(user_id=None))
    assert_sees(api, partner, "/v1/agents", [])
    assert api.delete(f"/v1/agents/{agent.id}", token=partner.token).status_code == 403
    assert api.get(agency.path, token=agent.token).status_code == 200


def test_two_agencies_of_one_partner_do_not_see_each_other(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    second = new_agency(partner, "Second", email="second@example.com")
    for mine, other in ((agency, second), (second, agency)):
        token = mine.owner.token
        assert [row["id"] for row in data(api.get(f"{mine.path}/agents", token=token))] == [mine.owner.id]
        for path in (other.path, f"{other.path}/agents", f"{mine.path}/agents/{other.owner.id}"):
            assert api.get(path, token=token).status_code == 403


def test_an_etag_tells_nothing_of_what_is_not_ones_own(api: Api, agency: AgencySeat, foreign_agent: AgentSeat) -> None:
    etag = api.get(agency.path, token=agency.owner.token).headers["ETag"]
    assert api.get(agency.path, token=foreign_agent.token, if_none_match=etag).status_code == 403


def test_no_refusal_names_what_it_hides(
    api: Api, partner: PartnerSeat, foreign_agency: AgencySeat, agency: AgencySeat
) -> None:
    """The answer for another's id is the answer for nobody's, byte by byte."""
    pairs = [(foreign_agency.id, foreign_agency.owner.id), NOBODYS]
    uuid = "019ab3f0-7c1e-7d2a-9f40-3b1c5d7e9a02"
    for endpoint in (one for one in endpoints() if "{" in one.route):
        cache.clear()  # of what counts requests
        token = partner.token if endpoint.operation.caller.name == "PARTNER" else agency.owner.token
        uuids = dict.fromkeys(re.findall(r"{(\w+_uuid)}", endpoint.route), uuid)
        theirs, nobodys = (
            api.call(
                endpoint.method, endpoint.route.format(agency_id=agency_id, agent_id=agent_id, **uuids),
                token=token, json={}, x_request_id="same",
            ).content
            for agency_id, agent_id in pairs
        )  # fmt: skip
        assert (endpoint, theirs) == (endpoint, nobodys)
