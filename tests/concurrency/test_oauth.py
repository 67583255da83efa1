"""Tokens and secrets of partners: asked for, used, revoked and suspended at once."""

from typing import Any

import pytest
from oauth2_provider.models import get_access_token_model

from agencies.models import Agency
from oauth_clients.services import resume, rotate_secret, suspend
from tests.conftest import COMMAND_LINE, AgencySeat, Api, PartnerSeat
from tests.threads import at_once, in_turn

pytestmark = pytest.mark.django_db(transaction=True)


def token(partner: PartnerSeat, secret: str = "") -> Any:
    grant = {"grant_type": "client_credentials", "client_secret": secret or partner.secret}
    return Api().post("/oauth/token", json={**grant, "client_id": partner.row.client_id})


def revoke(partner: PartnerSeat) -> Any:
    body = {"token": partner.token, "client_id": partner.row.client_id, "client_secret": partner.secret}
    return Api().post("/oauth/revoke", json=body)


def test_tokens_asked_for_at_once_all_work(partner: PartnerSeat) -> None:
    answers = at_once(*[lambda: token(partner)] * 4)
    tokens = {answer.json()["access_token"] for answer in answers}
    assert len(tokens) == 4
    assert {Api().get("/v1/agencies", token=one).status_code for one in tokens} == {200}


def test_a_token_revoked_twice_at_once_is_revoked(partner: PartnerSeat) -> None:
    assert {answer.status_code for answer in at_once(*[lambda: revoke(partner)] * 4)} == {200}
    assert Api().get("/v1/agencies", token=partner.token).status_code == 401


def test_a_token_revoked_in_the_middle_of_a_request_serves_that_and_no_other(
    partner: PartnerSeat, agency: AgencySeat
) -> None:
    ended, revoked = in_turn(lambda: Api().delete(agency.path, token=partner.token), lambda: revoke(partner))
    assert [ended.status_code, revoked.status_code] == [204, 200]
    assert Agency.objects.get().deactivated_at
    assert Api().get("/v1/agencies", token=partner.token).status_code == 401


def test_no_token_that_is_asked_for_during_a_suspension_outlives_it(partner: PartnerSeat) -> None:
    in_turn(lambda: suspend(client=partner.row, actor=COMMAND_LINE), lambda: token(partner))
    issued = list(get_access_token_model().objects.values_list("pk", flat=True))
    resume(client=partner.row, actor=COMMAND_LINE)
    assert not get_access_token_model().objects.filter(pk__in=issued).exists()
    assert Api().get("/v1/agencies", token=partner.token).status_code == 401
    assert token(partner).status_code == 200


def test_two_rotations_at_once_leave_two_secrets_that_work(partner: PartnerSeat) -> None:
    first, second = in_turn(*[lambda: rotate_secret(client=partner.row, actor=COMMAND_LINE)] * 2)
    assert [token(partner, secret).status_code for secret in (partner.secret, first, second)] == [401, 200, 200]
