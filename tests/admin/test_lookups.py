"""What lists are asked in their query: what their filters ask and links to them, and nothing else."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.admin.conftest import Desk, text_of
from tests.conftest import AgencySeat

LISTS = [
    "agencies/agency/", "agents/agent/", "audit/auditentry/", "auth/group/", "auth/user/", "clients/client/",
    "clients/questionset/", "oauth_clients/oauthclient/", "webhooks/delivery/", "webhooks/subscription/",
]  # fmt: skip
ASKED_BY_FILTERS = [
    ("agencies/agency/", "state"), ("agents/agent/", "is_admin__exact"), ("agents/agent/", "agency__id__exact"),
    ("auth/user/", "groups__id__exact"), ("clients/questionset/", "insurance_type__exact"),
    ("oauth_clients/oauthclient/", "state"), ("webhooks/delivery/", "state__exact"),
    ("webhooks/delivery/", "subscription__id__exact"), ("webhooks/subscription/", "status__exact"),
    ("webhooks/subscription/", "disabled_reason__exact"), ("audit/auditentry/", "at_from_0"),
]  # fmt: skip


@pytest.mark.parametrize("lookup", ["id__regex", "id__contained_by", "pk__in", "zzz"])
@pytest.mark.parametrize("path", LISTS)
def test_nothing_but_the_filters_is_asked(desk: Desk, path: str, lookup: str) -> None:
    assert desk.get(path, **{lookup: "("}).status_code == 400


@pytest.mark.parametrize("value", ["\0", "(", "1", "9" * 30])
@pytest.mark.parametrize(("path", "lookup"), ASKED_BY_FILTERS)
def test_what_filters_ask_takes_any_text(desk: Desk, path: str, lookup: str, value: str) -> None:
    assert desk.get(path, **{lookup: value}).status_code in {200, 302, 400}


@pytest.mark.parametrize("path", [one for one in LISTS if not one.startswith("auth")])
def test_nothing_is_counted_beside_the_filters(desk: Desk, path: str) -> None:
    desk.get(path)
    with CaptureQueriesContext(connection) as plain:
        desk.get(path)
    with CaptureQueriesContext(connection) as faceted:
        assert "Show counts" not in text_of(desk.get(path, _facets="True"))
    assert len(faceted) == len(plain)


def test_an_agencys_page_leads_to_its_agents(desk: Desk, agency: AgencySeat) -> None:
    assert f"agency__id__exact={agency.id}" in desk.get(f"agencies/agency/{agency.id}/change/").content.decode()
    page = desk.get("agents/agent/", agency__id__exact=str(agency.id)).content.decode()
    assert agency.owner.email in page
