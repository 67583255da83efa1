"""Partner platforms are made, rotated, suspended and resumed in the admin (issue: secrets shown once)."""

import re
from collections.abc import Callable

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from oauth_clients.models import OAuthClient
from tests.admin.conftest import Desk, text_of
from tests.conftest import Api, PartnerSeat

LIST = "oauth_clients/oauthclient/"


def secret_in(page: str) -> str:
    [secret] = re.findall(r"agency_ocs_\w+", page)
    return secret


def grant(api: Api, client: OAuthClient, secret: str) -> int:
    body = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    return api.post("/oauth/token", json=body).status_code


def path_of(partner: PartnerSeat, act: str = "change") -> str:
    return f"{LIST}{partner.row.pk}/{act}/"


def actions(desk: Desk, partner: PartnerSeat) -> list[str]:
    entries = AuditEntry.objects.filter(target_type="oauthclient", target_id=str(partner.row.pk), actor=desk.actor)
    return list(entries.order_by("id").values_list("action", flat=True))


# --- made -------------------------------------------------------------------------------------------


def test_a_new_partner_gets_a_secret_that_works_and_is_shown_once(api: Api, desk: Desk) -> None:
    answer = desk.post(f"{LIST}add/", name="Northwind", rate_limit_per_minute="")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    client = OAuthClient.objects.get(name="Northwind")
    secret = secret_in(text_of(answer))
    assert client.client_id in text_of(answer)
    assert grant(api, client, secret) == 200
    for page in (LIST, f"{LIST}{client.pk}/change/", "audit/auditentry/"):
        assert secret not in text_of(desk.get(page))
    assert AuditEntry.objects.get(action="oauth_client.create").actor == desk.actor


def test_a_form_that_is_sent_twice_makes_one_partner_and_says_so(desk: Desk) -> None:
    [client_id] = re.findall(r'name="client_id" value="(\w+)"', text_of(desk.get(f"{LIST}add/")))
    first, second = (desk.post(f"{LIST}add/", name="Northwind", client_id=client_id) for _ in range(2))
    assert OAuthClient.objects.get(name="Northwind").client_id == client_id
    assert "agency_ocs_" in text_of(first)
    assert "agency_ocs_" not in text_of(second)
    assert "created the first time" in text_of(second)
    assert AuditEntry.objects.filter(action="oauth_client.create").count() == 1


@pytest.mark.parametrize(
    ("name", "limit", "complaint"),
    [
        ("", "", "This field is required."),
        ("x" * 256, "", "at most 255 characters"),
        ("a\u202eb", "", "printable characters"),
        ("Northwind", "0", "greater than or equal to 1"),
        ("Northwind", "2147483648", "less than or equal to 2147483647"),
        ("Northwind", "many", "Enter a whole number."),
    ],
)
def test_a_bad_one_is_told_why_and_keeps_what_was_typed(desk: Desk, name: str, limit: str, complaint: str) -> None:
    answer = desk.post(f"{LIST}add/", name=name, rate_limit_per_minute=limit)
    assert answer.status_code == 200
    assert complaint in text_of(answer)
    assert f'value="{name}"' in text_of(answer) or not name
    assert not OAuthClient.objects.exists()


# --- changed ----------------------------------------------------------------------------------------


def test_its_name_and_limit_are_changed_and_audited_by_field_name(api: Api, desk: Desk, partner: PartnerSeat) -> None:
    inline = {"secrets-TOTAL_FORMS": "0", "secrets-INITIAL_FORMS": "0"}
    answer = desk.post(path_of(partner), name="Renamed", rate_limit_per_minute="7", **inline)
    assert answer.status_code == 302
    entry = AuditEntry.objects.get(action="oauth_client.update")
    assert (entry.actor, entry.facts) == (desk.actor, {"changed": ["name", "rate_limit_per_minute"]})
    assert api.get("/v1/agencies", token=partner.token).headers["X-RateLimit-Limit"] == "7"


def test_a_name_that_the_service_refuses_is_shown_on_the_form(desk: Desk, partner: PartnerSeat) -> None:
    inline = {"secrets-TOTAL_FORMS": "0", "secrets-INITIAL_FORMS": "0"}
    answer = desk.post(path_of(partner), name="a\u202eb", rate_limit_per_minute="7", **inline)
    assert answer.status_code == 200
    assert "Give a name of printable characters." in text_of(answer)
    partner.row.refresh_from_db()
    assert (partner.row.name, partner.row.rate_limit_per_minute) == ("Partner", None)


def test_nothing_is_deleted(desk: Desk, partner: PartnerSeat) -> None:
    assert desk.post(path_of(partner, "delete"), post="yes").status_code == 403
    assert OAuthClient.objects.filter(pk=partner.row.pk).exists()


# --- acts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "old_works"), [("24", 200), ("0", 401)])
def test_a_rotated_secret_is_shown_once_and_the_old_one_overlaps(
    api: Api, desk: Desk, partner: PartnerSeat, hours: str, old_works: int
) -> None:
    answer = desk.act(path_of(partner, "rotate-secret"), overlap_hours=hours)
    assert grant(api, partner.row, secret_in(text_of(answer))) == 200
    assert grant(api, partner.row, partner.secret) == old_works
    assert actions(desk, partner) == ["oauth_client.rotate_secret"]


@pytest.mark.parametrize("hours", ["-1", "721", "", "soon"])
def test_an_overlap_out_of_bounds_rotates_nothing(api: Api, desk: Desk, partner: PartnerSeat, hours: str) -> None:
    answer = desk.act(path_of(partner, "rotate-secret"), overlap_hours=hours)
    assert "agency_ocs_" not in text_of(answer)
    assert actions(desk, partner) == []


def test_a_page_sent_twice_acts_once(api: Api, desk: Desk, partner: PartnerSeat) -> None:
    """A reloaded answer must not rotate again: with two live secrets, the one just handed over would stop."""
    path = path_of(partner, "rotate-secret")
    asked = desk.ask(path)
    secret = secret_in(text_of(desk.post(path, **asked, overlap_hours="1")))
    again = desk.post(path, **asked, overlap_hours="1")
    assert (again.status_code, actions(desk, partner)) == (302, ["oauth_client.rotate_secret"])
    assert "Nothing was done" in text_of(desk.browser.get(again["Location"]))
    assert grant(api, partner.row, secret) == 200


def test_opening_the_page_does_nothing(desk: Desk, partner: PartnerSeat) -> None:
    desk.ask(path_of(partner, "suspend"))
    assert desk.post(path_of(partner, "suspend")).status_code == 200  # without what the page holds: asked again
    partner.row.refresh_from_db()
    assert partner.row.suspended_at is None


def test_a_suspended_partner_stops_at_once_until_it_is_resumed(api: Api, desk: Desk, partner: PartnerSeat) -> None:
    assert desk.act(path_of(partner, "suspend")).status_code == 302
    assert api.get("/v1/agencies", token=partner.token).status_code == 401
    assert grant(api, partner.row, partner.secret) == 401
    assert desk.act(path_of(partner, "resume")).status_code == 302
    assert grant(api, partner.row, partner.secret) == 200
    assert api.get("/v1/agencies", token=partner.token).status_code == 401
    assert actions(desk, partner) == ["oauth_client.suspend", "oauth_client.resume"]


def test_only_the_acts_that_apply_have_a_button(desk: Desk, partner: PartnerSeat) -> None:
    page = text_of(desk.get(path_of(partner)))
    assert ("/suspend/" in page, "/resume/" in page) == (True, False)
    OAuthClient.objects.filter(pk=partner.row.pk).update(suspended_at=timezone.now())
    page = text_of(desk.get(path_of(partner)))
    assert ("/suspend/" in page, "/resume/" in page) == (False, True)


# --- who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["rotate-secret", "suspend", "resume"])
def test_whoever_may_only_look_acts_on_nothing(desk_of: Callable[..., Desk], partner: PartnerSeat, act: str) -> None:
    viewer = desk_of("oauth_clients.view_oauthclient")
    assert viewer.get(path_of(partner)).status_code == 200
    assert f"/{act}/" not in text_of(viewer.get(path_of(partner)))
    assert viewer.get(path_of(partner, act)).status_code == 403
    assert viewer.post(path_of(partner, act), seen="0", overlap_hours="1").status_code == 403
    assert viewer.post(f"{LIST}add/", name="Mine").status_code == 403
    assert OAuthClient.objects.filter(suspended_at__isnull=True).count() == 1
    assert actions(viewer, partner) == []


# --- the list ---------------------------------------------------------------------------------------


def test_the_list_is_searched_and_filtered(desk: Desk, partner: PartnerSeat, foreign_partner: PartnerSeat) -> None:
    desk.act(path_of(foreign_partner, "suspend"))
    assert "Foreign partner" not in text_of(desk.get(LIST, q=partner.row.client_id))
    ended, active = text_of(desk.get(LIST, state="ended")), text_of(desk.get(LIST, state="active"))
    assert (foreign_partner.row.client_id in ended, partner.row.client_id in ended) == (True, False)
    assert (foreign_partner.row.client_id in active, partner.row.client_id in active) == (False, True)
