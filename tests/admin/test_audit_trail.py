"""The audit trail: of the API and the admin alike, to be read and never changed, and without secrets."""

from collections.abc import Callable

import pytest

from audit.models import AuditEntry
from tests.admin.conftest import Desk, text_of
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.web import WebClient

LIST = "audit/auditentry/"


def test_it_tells_who_did_what(api: Api, desk: Desk, partner: PartnerSeat, agency: AgencySeat) -> None:
    desk.act(f"agents/agent/{agency.owner.id}/reset-access-token/")
    page = text_of(desk.get(LIST))
    for told in (f"partner:{partner.row.client_id}", desk.actor, "agency.create", "agent.reset_access_token"):
        assert told in page


def test_an_objects_history_is_its_part_of_the_trail(
    desk: Desk, agency: AgencySeat, foreign_agency: AgencySeat
) -> None:
    page = text_of(desk.browser.get(f"/admin/agencies/agency/{agency.id}/history/", follow=True))
    assert (f"agency:{agency.id}" in page, f"agency:{foreign_agency.id}" in page) == (True, False)


@pytest.mark.parametrize("term", ["agency.create", "agency {id}", "agency:{id}"])
def test_it_is_searched_by_whole_values(desk: Desk, agency: AgencySeat, term: str) -> None:
    assert f"agency:{agency.id}" in text_of(desk.get(LIST, q=term.format(id=agency.id)))
    assert f"agency:{agency.id}" not in text_of(desk.get(LIST, q=term.format(id=agency.id)[:-1]))


def test_a_request_is_found_by_its_id(api: Api, desk: Desk, agency: AgencySeat) -> None:
    token = agency.owner.token
    answer = api.patch(agency.path, token=token, json={"name": "New"}, x_request_id="a-request-of-mine")
    assert answer.headers["X-Request-Id"] == "a-request-of-mine"
    page = text_of(desk.get(LIST, q="a-request-of-mine"))
    assert ("agency.update" in page, "agency.create" in page) == (True, False)


@pytest.mark.parametrize("term", ["'", "agency 99999999999999999999", ":", "a:b:c", "\u0000", "%", "x" * 5000])
def test_no_search_breaks_it(desk: Desk, agency: AgencySeat, term: str) -> None:
    assert desk.get(LIST, q=term).status_code == 200


def test_it_is_not_changed(desk: Desk, agency: AgencySeat) -> None:
    entry = AuditEntry.objects.latest("id")
    path = f"{LIST}{entry.pk}/"
    assert desk.get(f"{path}change/").status_code == 200
    assert desk.post(f"{path}change/", action="forged").status_code == 403
    assert desk.post(f"{path}delete/", post="yes").status_code == 403
    assert desk.get(f"{LIST}add/").status_code == 403
    entry.refresh_from_db()
    assert entry.action == AuditEntry.objects.latest("id").action != "forged"


def test_nothing_else_keeps_a_history(desk: Desk, agency: AgencySeat, agent: AgentSeat) -> None:
    """Django's own log would keep people's names."""
    ann = {"first_name": "Anne", "last_name": "Agent", "email": "ann@example.com", "phone_number": ""}
    desk.post(f"agents/agent/{agent.id}/change/", **ann)
    assert not desk.user.logentry_set.exists()


PAGES = [
    "", "oauth_clients/oauthclient/", "oauth_clients/oauthclient/add/", "agencies/agency/", "agents/agent/", LIST,
    "auth/user/", "auth/user/add/", "auth/group/", "password_change/", "clients/client/", "clients/questionset/",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_strangers_are_sent_to_the_login(db: None, path: str) -> None:
    answer = WebClient().get(f"/admin/{path}")
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_for_a_superuser(desk: Desk, agency: AgencySeat, path: str) -> None:
    assert desk.get(path).status_code == 200


@pytest.mark.parametrize("path", ["agents/agent/", "agents/agent/{id}/change/", "clients/client/", LIST])
def test_no_browser_keeps_a_page_that_shows_people(desk: Desk, agency: AgencySeat, path: str) -> None:
    assert "no-store" in desk.get(path.format(id=agency.owner.id))["Cache-Control"]


@pytest.mark.parametrize("path", [path for path in PAGES if path not in ("", "password_change/")])
def test_staff_without_permissions_see_nothing(desk_of: Callable[..., Desk], path: str) -> None:
    assert desk_of().get(path).status_code == 403
