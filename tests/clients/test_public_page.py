"""An agent's public page: what a consumer begins with (contract §9)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import Agency
from agents.models import Agent
from audit.models import AuditEntry
from clients.models import Client, InsuranceType, Submission
from clients.public import guards
from clients.public.forms import StartForm
from clients.serializers import NewClientSerializer
from tests.answers import data
from tests.clients.conftest import FILLED, JOE, begin
from tests.clients.visitor import Visitor
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.pictures import png
from tests.threads import at_once

# --- shown --------------------------------------------------------------------------------------------


def test_the_page_shows_the_agency_and_asks(visitor: Visitor, agency: AgencySeat, agent: AgentSeat) -> None:
    with CaptureQueriesContext(connection) as captured:
        answer = visitor.open(f"/{agent.slug}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert len(captured) == 1  # the agent with its agency
    assert agency.name in visitor.text
    assert 'lang="en"' in visitor.text
    assert "/theme/1D4ED8.css" in visitor.text
    assert "<img" not in visitor.text
    assert {"first_name", "last_name", "email", "phone_number"} <= visitor.form.values.keys()
    for kind in InsuranceType.labels:
        assert f">{kind}<" in visitor.text


def test_it_has_the_logo_the_colour_and_the_agents_picture_and_number(
    api: Api, visitor: Visitor, agency: AgencySeat, agent: AgentSeat
) -> None:
    token, path = agency.owner.token, agency.path
    logo = data(api.call("PATCH", path, token=token, form={"logo": png(), "color_code": "ffee00"}))["logo_url"]
    form = {"profile_picture": png("blue"), "phone_number": "+1 (212) 555-0199"}
    picture = data(api.call("PATCH", f"{path}/agents/{agent.id}", token=token, form=form))["profile_picture_url"]
    visitor.open(f"/{agent.slug}")
    assert f'<img class="logo" src="{logo}" alt="{agency.name}">' in visitor.text
    assert f'src="{picture}" alt=""' in visitor.text
    assert "/theme/ffee00.css" in visitor.text
    assert 'href="tel:+12125550199"' in visitor.text


@pytest.mark.parametrize("change", [str.upper, "{}/".format])
def test_other_ways_of_writing_its_address_lead_to_it(visitor: Visitor, agent: AgentSeat, change: Any) -> None:
    assert visitor.open(f"/{change(agent.slug)}").status_code == 200
    assert visitor.path == f"/{agent.slug}"


def test_a_slug_that_is_nobodys_is_a_page_and_404(visitor: Visitor, db: None) -> None:
    answer = visitor.open("/nobody-at-all")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert answer.headers["X-Request-Id"] in visitor.text


def test_a_deactivated_agents_page_says_so_and_is_404(
    api: Api, visitor: Visitor, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    visitor.open(f"/{agent.slug}")
    form = visitor.form.values
    assert api.delete(f"/v1/agents/{agent.id}", token=partner.token).status_code == 204
    for answer in (visitor.open(f"/{agent.slug}"), visitor.post({**form, **FILLED})):
        assert answer.status_code == 404
        assert "Ann Agent no longer takes requests here." in visitor.text
    assert api.delete(agency.path, token=partner.token).status_code == 204
    assert visitor.open(f"/{agency.owner.slug}").status_code == 404
    assert not Client.objects.exists()


def test_it_sets_no_cookie_but_the_one_against_forged_forms(visitor: Visitor, agent: AgentSeat) -> None:
    begin(visitor, agent).send("finish")
    assert list(visitor.browser.cookies) == ["csrftoken"]


def test_its_policy_allows_nothing_from_outside_and_nothing_inline(visitor: Visitor, agent: AgentSeat) -> None:
    policy = visitor.open(f"/{agent.slug}").headers["Content-Security-Policy"]
    for directive in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'"):
        assert directive in policy.split("; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_no_name_is_markup(visitor: Visitor, agency: AgencySeat, agent: AgentSeat) -> None:
    Agency.objects.filter(pk=agency.id).update(name='<script>alert("agency")</script>')
    Agent.objects.filter(pk=agent.id).update(first_name="<img src=x>", phone_number='"><b>')
    begin(visitor, agent, first_name="<i>Joe</i>", last_name='"onfocus="x')
    for text in (visitor.text, visitor.open(f"/{agent.slug}").content.decode()):
        assert not any(bad in text for bad in ("<script>", "<img src=x", "<b>", "<i>", 'onfocus="x'))


# --- filled in ----------------------------------------------------------------------------------------


def test_a_filled_form_makes_the_client_and_its_submission(api: Api, visitor: Visitor, agent: AgentSeat) -> None:
    begin(visitor, agent)
    assert visitor.answer.status_code == 200
    [client] = api.get(f"/v1/agents/{agent.id}/clients?include=submissions", token=agent.token).json()["data"]
    assert JOE.items() <= client.items()
    assert client["sales_funnel_status"] == "new"
    [submission] = client["submissions"]
    assert (submission["status"], submission["insurance_types"]) == ("in_progress", ["auto", "home"])
    acts = AuditEntry.objects.filter(actor="consumer").order_by("id").values_list("action", flat=True)
    assert list(acts) == ["client.create", "submission.start"]


@pytest.mark.parametrize("one", ["email", "phone_number"])
def test_an_email_or_a_phone_number_is_enough(visitor: Visitor, agent: AgentSeat, one: str) -> None:
    begin(visitor, agent, **{one: ""})
    assert visitor.faults == []
    assert getattr(Client.objects.get(), one) == ""


@pytest.mark.parametrize("name", ["José", "Søren Åge", "Мария", "فاطمة", "明", "O’Neil-Šmíd", "👩🏽‍🚀"])
def test_names_come_in_every_script(visitor: Visitor, agent: AgentSeat, name: str) -> None:
    begin(visitor, agent, first_name=name)
    assert Client.objects.get().first_name == name
    assert f"<bdi>{name}</bdi>" in visitor.text


FAULTS = {
    "nothing": (
        {"first_name": "", "last_name": " ", "email": "", "phone_number": "", "insurance_types": None},
        [
            "First name – Enter your first name.",
            "Last name – Enter your last name.",
            "E-mail – Enter an e-mail address or a phone number, so that you can be reached.",
            "What would you like to insure? – Choose at least one kind of insurance.",
        ],
    ),
    "an address": ({"email": "joe@home"}, ["E-mail – Enter an e-mail address like name@example.com."]),
    "a number": ({"phone_number": "12"}, ["Phone – Enter a phone number like (212) 555-0123."]),
    "only a bad number": (
        {"email": "", "phone_number": "call me"},
        ["Phone – Enter a phone number like (212) 555-0123."],
    ),
    "a long name": ({"first_name": "x" * 101}, ["First name – Use at most 100 characters."]),
    "a long address": ({"email": f"{'x' * 250}@home.example"}, ["E-mail – Use at most 254 characters."]),
    "a null": ({"first_name": "a\x00b"}, ["First name – Null characters are not allowed."]),
    "a kind": (
        {"insurance_types": ["boat"]},
        ["What would you like to insure? – Choose from the kinds of insurance shown."],
    ),
}


@pytest.mark.parametrize(("changes", "expected"), FAULTS.values(), ids=list(FAULTS))
def test_what_is_wrong_is_told_and_what_was_typed_stays(
    visitor: Visitor, agent: AgentSeat, changes: Any, expected: list[str]
) -> None:
    begin(visitor, agent, **changes)
    assert visitor.answer.status_code == 422
    assert visitor.faults == expected
    assert visitor.text.count('class="fault"') == len(expected)
    kept = visitor.form.values
    for name, value in {**FILLED, **changes}.items():
        if name != "insurance_types":
            assert kept[name] == [value]
    assert not Client.objects.exists()
    visitor.send(**FILLED)
    assert Client.objects.count() == 1


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    email=st.emails() | TEXT,
    number=st.from_regex(r"[+(]?[0-9 ()-]{0,16}", fullmatch=True) | TEXT,
    first=TEXT,
    last=st.just("Consumer") | TEXT,
)
def test_the_form_takes_what_the_api_takes(email: str, number: str, first: str, last: str) -> None:
    values = {"first_name": first, "last_name": last, "email": email, "phone_number": number}
    form, taken = StartForm({**values, "insurance_types": ["auto"]}), NewClientSerializer(data=values)
    assert form.is_valid() == taken.is_valid(), (form.errors, taken.errors)
    if form.is_valid():
        assert form.contact == taken.validated_data


# --- sent twice ---------------------------------------------------------------------------------------


def test_a_form_sent_twice_begins_once(visitor: Visitor, agent: AgentSeat) -> None:
    visitor.open(f"/{agent.slug}")
    form, path = {**visitor.form.values, **FILLED}, visitor.path
    visitor.post(form)
    link = visitor.path
    visitor.path = path
    visitor.post(form)
    assert visitor.path == link
    assert (Client.objects.count(), Submission.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_nor_is_anything_made_twice_when_both_come_at_once(visitor: Visitor, agent: AgentSeat) -> None:
    visitor.open(f"/{agent.slug}")
    form, cookies = {**visitor.form.values, **FILLED}, visitor.browser.cookies

    def send() -> str:
        other = Visitor()
        other.browser.cookies.update(cookies)
        return other.browser.post(visitor.path, form).headers["Location"]

    assert len(set(at_once(*[send] * 4))) == 1
    assert (Client.objects.count(), Submission.objects.count()) == (1, 1)


def test_going_back_corrects_what_was_sent(visitor: Visitor, agent: AgentSeat) -> None:
    visitor.open(f"/{agent.slug}")
    form, path = {**visitor.form.values, **FILLED}, visitor.path
    visitor.post(form)
    visitor.path = path
    visitor.post({**form, "email": "right@home.example", "insurance_types": ["life"]})
    assert Client.objects.get().email == "right@home.example"
    assert Submission.objects.get().insurance_types == ["life"]


def test_but_not_once_it_is_finished(visitor: Visitor, agent: AgentSeat) -> None:
    visitor.open(f"/{agent.slug}")
    form, path = {**visitor.form.values, **FILLED}, visitor.path
    visitor.post(form)
    visitor.send("finish")
    visitor.path = path
    visitor.post({**form, "email": "late@home.example"})
    assert "Thank you" in visitor.text
    assert Client.objects.get().email == JOE["email"]


def test_a_form_opened_anew_begins_another(visitor: Visitor, agent: AgentSeat) -> None:
    begin(visitor, agent)
    begin(visitor, agent)
    assert Submission.objects.count() == 2


# --- robots -------------------------------------------------------------------------------------------


def test_a_robot_that_fills_in_everything_is_told_and_a_person_just_continues(
    visitor: Visitor, agent: AgentSeat
) -> None:
    begin(visitor, agent, website="https://spam.example")
    assert visitor.answer.status_code == 422
    assert "if you are a person" in visitor.faults[0]
    assert not Client.objects.exists()
    visitor.send()
    assert Client.objects.count() == 1


def test_one_that_is_faster_than_anybody_is_told_so(
    visitor: Visitor, agent: AgentSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(guards, "LEAST_FILLING", guards.MOST_FILLING)
        begin(visitor, agent)
        assert "That was very fast" in visitor.faults[0]
    visitor.send()
    assert Client.objects.get().email == JOE["email"]


@pytest.mark.parametrize("seal", ["", "forged", "of another agent's page", "old"])
def test_a_form_without_a_good_seal_is_asked_for_once_more(
    visitor: Visitor, agent: AgentSeat, colleague: AgentSeat, monkeypatch: pytest.MonkeyPatch, seal: str
) -> None:
    visitor.open(f"/{colleague.slug}")
    [theirs] = visitor.form.values["seal"]
    changes = {"old": {}, "of another agent's page": {"seal": theirs}}.get(seal, {"seal": seal})
    with monkeypatch.context() as patched:
        if seal == "old":
            patched.setattr(guards, "MOST_FILLING", guards.LEAST_FILLING)
        begin(visitor, agent, **changes)
        assert "was open for a long time" in visitor.faults[0]
    visitor.send()
    assert Client.objects.get().agent_id == agent.id
