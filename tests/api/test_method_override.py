"""A multipart POST with `_method=PATCH` is that PATCH; nothing else is anything but itself (contract §2)."""

import pytest
from django.test.client import encode_multipart

from tests.answers import data
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat


def test_media_types_are_written_in_any_case(api: Api, agency: AgencySeat) -> None:
    body, kind = encode_multipart("Aa", {"_method": "PATCH", "name": "Renamed"}), "Multipart/FORM-data; Boundary=Aa"
    answer = api.post(agency.path, token=agency.owner.token, body=body, content_type=kind)
    assert data(answer)["name"] == "Renamed"


def test_a_multipart_post_with_method_patch_is_a_patch(api: Api, agency: AgencySeat) -> None:
    form = {"_method": "PATCH", "name": "Renamed"}
    answer = api.post(agency.path, token=agency.owner.token, form=form)
    assert (answer.status_code, answer.json()["data"]["name"]) == (200, "Renamed")


def test_it_reaches_the_agent_too(api: Api, agency: AgencySeat, agent: AgentSeat) -> None:
    form = {"_method": "PATCH", "first_name": "Renamed"}
    answer = api.post(f"{agency.path}/agents/{agent.id}", token=agent.token, form=form)
    assert (answer.status_code, answer.json()["data"]["first_name"]) == (200, "Renamed")


def test_who_may_not_patch_may_not_by_post(api: Api, agency: AgencySeat, agent: AgentSeat) -> None:
    answer = api.post(agency.path, token=agent.token, form={"_method": "PATCH", "name": "Renamed"})
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["DELETE", "PUT", "GET", "patch", "", "PATCH "])
def test_no_other_method_is_taken(api: Api, agency: AgencySeat, method: str) -> None:
    answer = api.post(agency.path, token=agency.owner.token, form={"_method": method, "name": "Renamed"})
    assert answer.status_code == 405


def test_never_for_json(api: Api, agency: AgencySeat) -> None:
    answer = api.post(agency.path, token=agency.owner.token, json={"_method": "PATCH", "name": "Renamed"})
    assert answer.status_code == 405


def test_never_for_a_url_encoded_form(api: Api, agency: AgencySeat) -> None:
    body, kind = b"_method=PATCH&name=Renamed", "application/x-www-form-urlencoded"
    assert api.post(agency.path, token=agency.owner.token, body=body, content_type=kind).status_code == 405


def test_never_by_query_or_header(api: Api, agency: AgencySeat) -> None:
    path, token = f"{agency.path}?_method=PATCH", agency.owner.token
    answer = api.post(path, token=token, form={"name": "Renamed"}, x_http_method_override="PATCH")
    assert answer.status_code == 405


def test_never_where_patch_takes_no_file(api: Api, agent: AgentSeat) -> None:
    form = {"_method": "PATCH", "enabled": "true"}
    answer = api.post(f"/v1/agents/{agent.id}/additional-questions", token=agent.token, form=form)
    assert answer.status_code == 405


def test_a_post_of_its_own_stays_a_post(api: Api, agency: AgencySeat, partner: PartnerSeat) -> None:
    form = {"_method": "PATCH", "first_name": "New", "last_name": "Agent", "email": "new@example.com"}
    assert api.post(f"{agency.path}/agents", token=partner.token, form=form).status_code == 201
