"""Agencies in the admin: looked at, edited, ended and woken, and given to partners."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agencies.models import Agency
from audit.models import AuditEntry
from tests.admin.conftest import Desk, text_of
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.factories import agencies_of_client

LIST = "agencies/agency/"
NO_LINKS = {"oauth_links-TOTAL_FORMS": "0", "oauth_links-INITIAL_FORMS": "0"}


def path_of(agency: AgencySeat, act: str = "change") -> str:
    return f"{LIST}{agency.id}/{act}/"


def test_an_edit_is_validated_saved_and_audited_by_field_name(desk: Desk, agency: AgencySeat) -> None:
    values = {"name": "Renamed", "color_code": "ABCDEF", "referral": "fair"}
    assert desk.post(path_of(agency), **{**values, "color_code": "#12345"}, **NO_LINKS).status_code == 200
    assert Agency.objects.get(pk=agency.id).name == agency.name
    assert desk.post(path_of(agency), **values, **NO_LINKS).status_code == 302
    assert Agency.objects.filter(pk=agency.id, **values).exists()
    entry = AuditEntry.objects.get(action="agency.update")
    assert (entry.actor, entry.facts) == (desk.actor, {"changed": ["color_code", "name", "referral"]})


def test_an_edit_that_changes_nothing_leaves_no_trace(desk: Desk, agency: AgencySeat) -> None:
    row = Agency.objects.get(pk=agency.id)
    values = {"name": row.name, "color_code": row.color_code, "referral": row.referral}
    assert desk.post(path_of(agency), **values, **NO_LINKS).status_code == 302
    assert not AuditEntry.objects.filter(action="agency.update").exists()


def test_a_deactivated_agency_and_its_agents_stop_at_once_and_return(
    api: Api, desk: Desk, agency: AgencySeat, agent: AgentSeat
) -> None:
    assert desk.act(path_of(agency, "deactivate")).status_code == 302
    assert api.get(agency.path, token=agent.token).status_code == 401
    assert desk.act(path_of(agency, "reactivate")).status_code == 302
    row = Agency.objects.get(pk=agency.id)
    assert (row.deactivated_at, row.agents.active().count()) == (None, 2)
    assert api.get(agency.path, token=agent.token).status_code == 401


def test_only_the_acts_that_apply_have_a_button(desk: Desk, agency: AgencySeat) -> None:
    page = text_of(desk.get(path_of(agency)))
    assert ("/deactivate/" in page, "/reactivate/" in page) == (True, False)
    desk.act(path_of(agency, "deactivate"))
    page = text_of(desk.get(path_of(agency)))
    assert ("/deactivate/" in page, "/reactivate/" in page) == (False, True)


def test_a_partner_is_linked_and_unlinked(
    api: Api, desk: Desk, agency: AgencySeat, foreign_partner: PartnerSeat
) -> None:
    def reaches() -> bool:
        listed = api.get("/v1/agencies", token=foreign_partner.token).json()["data"]
        return agency.id in [row["id"] for row in listed]

    assert not reaches()
    assert desk.act(path_of(agency, "link-partner"), partner=foreign_partner.row.pk).status_code == 302
    assert reaches()
    again = desk.act(path_of(agency, "link-partner"), partner=foreign_partner.row.pk)
    assert "This partner reaches the agency already." in text_of(again)
    assert desk.act(path_of(agency, "unlink-partner"), partner=foreign_partner.row.pk).status_code == 302
    assert not reaches()
    again = desk.act(path_of(agency, "unlink-partner"), partner=foreign_partner.row.pk)
    assert "This partner does not reach the agency." in text_of(again)
    actions = AuditEntry.objects.filter(actor=desk.actor).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["oauth_client.link_agency", "oauth_client.unlink_agency"]


def test_agencies_are_made_by_partners_only(desk: Desk) -> None:
    assert desk.get(f"{LIST}add/").status_code == 403


def test_nothing_is_deleted(desk: Desk, agency: AgencySeat) -> None:
    assert desk.post(path_of(agency, "delete"), post="yes").status_code == 403
    assert desk.post(LIST, action="delete_selected", _selected_action=agency.id, post="yes").status_code in (302, 200)
    assert Agency.objects.filter(pk=agency.id).exists()


@pytest.mark.parametrize("act", ["deactivate", "reactivate", "link-partner", "unlink-partner"])
def test_whoever_may_only_look_acts_on_nothing(
    desk_of: Callable[..., Desk], agency: AgencySeat, partner: PartnerSeat, act: str
) -> None:
    viewer = desk_of("agencies.view_agency")
    assert viewer.get(path_of(agency)).status_code == 200
    assert viewer.get(path_of(agency, act)).status_code == 403
    assert viewer.post(path_of(agency, act), seen="0", partner=partner.row.pk).status_code == 403
    assert viewer.post(path_of(agency), name="Mine", **NO_LINKS).status_code == 403
    assert not AuditEntry.objects.filter(actor=viewer.actor).exists()


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        ("agencies.change_agency", 403),
        ("agencies.view_agency oauth_clients.change_oauthclient", 403),
        ("agencies.change_agency oauth_clients.change_oauthclient", 200),
    ],
)
def test_partners_are_linked_by_who_may_change_both(
    desk_of: Callable[..., Desk], agency: AgencySeat, permissions: str, status: int
) -> None:
    somebody = desk_of(*permissions.split())
    shown = text_of(somebody.get(path_of(agency)))
    for act in ("link-partner", "unlink-partner"):
        assert somebody.get(path_of(agency, act)).status_code == status
        assert (f"/{act}/" in shown) == (status == 200)


def test_the_list_is_searched_and_filtered(desk: Desk, agency: AgencySeat, foreign_agency: AgencySeat) -> None:
    assert agency.name not in text_of(desk.get(LIST, q="foreign"))
    desk.act(path_of(foreign_agency, "deactivate"))
    assert foreign_agency.name in text_of(desk.get(LIST, state="ended"))
    assert foreign_agency.name not in text_of(desk.get(LIST, state="active"))


def test_the_list_costs_the_same_for_few_and_many(desk: Desk, agency: AgencySeat, partner: PartnerSeat) -> None:
    desk.get(LIST)
    with CaptureQueriesContext(connection) as few:
        desk.get(LIST)
    agencies_of_client(partner.row, 40)
    with CaptureQueriesContext(connection) as many:
        desk.get(LIST)
    assert len(many) == len(few) <= 8
