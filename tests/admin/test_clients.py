"""Clients in the admin: found, shown with what they sent, edited, reassigned, destroyed; and who looked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEntry
from clients.admin.clients import LONGEST_QUERY
from clients.models import Client
from clients.search import query_of_words_by_any
from tests.admin.conftest import Desk, text_of
from tests.answers import data
from tests.clients.conftest import JOE, PDF, ClientSeat, PageSeat, new_client, new_page, new_submission
from tests.conftest import AgencySeat, AgentSeat, Api
from tests.factories import agents_of_agency, clients_of_agent
from tests.web import WebClient

LIST = "clients/client/"
ANSWERS = {"auto": {"drivers": 2, "vehicles": "2020 Honda Civic\n<b>red</b>", "use": ["Business"], "incidents": False}}


@pytest.fixture
def joe(api: Api, agent: AgentSeat) -> ClientSeat:
    return new_client(api, agent)


@pytest.fixture
def page(api: Api, joe: ClientSeat, first_questions: None) -> PageSeat:
    """A declaration page, in a submission with answers."""
    path = f"/v1/agents/{joe.agent.id}/additional-questions"
    assert api.patch(path, token=joe.agent.token, json={"enabled": True}).status_code == 200
    return new_page(api, new_submission(api, joe, answers=ANSWERS))


def path_of(client: ClientSeat, act: str = "change") -> str:
    return f"{LIST}{client.uuid}/{act}/"


def file_path(page: PageSeat) -> str:
    return f"{LIST}declaration-page/{page.uuid}/"


def found(desk: Desk, **query: str) -> list[str]:
    """The ids that the list shows."""
    answer = desk.get(LIST, **query)
    assert answer.status_code == 200, answer
    return [str(one.pk) for one in answer.context_data["cl"].result_list]


def looks(desk: Desk) -> list[tuple[str, str]]:
    entries = AuditEntry.objects.filter(actor=desk.actor).order_by("id")
    return [(entry.action, entry.target_id) for entry in entries]


# --- found ------------------------------------------------------------------------------------------


def test_a_client_is_found_among_everybodys(desk: Desk, joe: ClientSeat) -> None:
    for term in (
        "joe@home.example", "JOE@Home.Example", "212 555 0123", "+1 (212) 555-0123", joe.uuid, "consumer", "Consum",
        "consumer joe", "Joe Consumer", "joe consum", "  CONSUMER  ", "",
    ):  # fmt: skip
        assert (term, found(desk, q=term)) == (term, [joe.uuid])


def test_what_is_not_its_own_finds_nobody(api: Api, desk: Desk, joe: ClientSeat) -> None:
    new_client(api, joe.agent, last_name="Reachable", phone_number="")
    new_client(api, joe.agent, last_name="Reachable", email="")
    for term in (
        "joe@home", "@", "555 0123", "0", "onsumer", "Jim Consumer", "Jim Consum", "%", "c_nsumer", str(uuid4()), ",",
        "\u037a", "\ufe70", "consumer" * 999,
    ):  # fmt: skip
        assert (term, found(desk, q=term)) == (term, [])


def test_any_word_finds_among_an_agents_or_an_agencys(
    api: Api, desk: Desk, joe: ClientSeat, foreign_agent: AgentSeat, agency: AgencySeat
) -> None:
    new_client(api, foreign_agent)
    for term in ("joe", "home", "cons joe", "0123", "joe@home.example"):
        for whose in ({"agent__id__exact": str(joe.agent.id)}, {"agent__agency__id__exact": str(agency.id)}):
            assert (term, found(desk, q=term, **whose)) == (term, [joe.uuid])
        assert (term, found(desk, q=term, agent__id__exact=str(agency.owner.id))) == (term, [])
    assert found(desk, q="jim", agent__agency__id__exact=str(agency.id)) == []


def test_among_too_many_agents_nothing_is_looked_for_and_that_is_said(
    desk: Desk, joe: ClientSeat, agency: AgencySeat
) -> None:
    agents_of_agency(agency.id, 6_000)
    answer = desk.get(LIST, q="joe", agent__agency__id__exact=str(agency.id))
    assert (answer.status_code, "choose one of them" in text_of(answer)) == (200, True)
    assert found(desk, q="joe", agent__agency__id__exact=str(agency.id)) == []
    assert found(desk, q="joe", agent__id__exact=str(joe.agent.id)) == [joe.uuid]


@pytest.mark.parametrize("text", ["j", "a b c d e f g h i j", "㌖" * 100, "王" * 200])
def test_the_database_takes_the_longest_query_of_words(db: None, text: str) -> None:
    each = len(query_of_words_by_any([2**31], text) or "") + len(" | ")
    query = query_of_words_by_any(range(2**31, 2**31 + LONGEST_QUERY // each), text)
    assert len(query or "") > LONGEST_QUERY - each - 10
    assert not Client.objects.filter(words__finds=query).exists()
    shortest = query_of_words_by_any(range(10_000), text) or ""
    assert not Client.objects.filter(words__finds=shortest[:LONGEST_QUERY].rpartition(" | ")[0]).exists()


def test_the_list_is_filtered_by_status_agency_and_agent(
    api: Api, desk: Desk, joe: ClientSeat, foreign_agent: AgentSeat, foreign_agency: AgencySeat
) -> None:
    lost = new_client(api, foreign_agent, sales_funnel_status="lost")
    assert found(desk) == [lost.uuid, joe.uuid]
    assert found(desk, sales_funnel_status__exact="lost") == [lost.uuid]
    assert found(desk, agent__agency__id__exact=str(foreign_agency.id)) == [lost.uuid]
    assert found(desk, agent__id__exact=str(joe.agent.id)) == [joe.uuid]
    assert found(desk, agent__id__exact=str(joe.agent.id), sales_funnel_status__exact="lost") == []


QUESTIONS: list[dict[str, str]] = [
    {"q": "\0"}, {"q": "'"}, {"q": ":*&|!("}, {"q": "x" * 5000}, {"q": "joe", "agent__id__exact": "joe"},
    {"agent__id__exact": "9" * 30}, {"q": "joe", "agent__id__exact": "9" * 30}, {"agent__id__exact": "\0"},
    {"agent__agency__id__exact": "'"}, {"q": "joe", "agent__agency__id__exact": "-1"}, {"p": "999999999"},
    {"sales_funnel_status__exact": "\0"}, {"sales_funnel_status__exact": "sold"}, {"all": ""}, {"o": "1.-2"},
    {"first_name__regex": "("}, {"words__finds": "("}, {"agent__email": "ann@example.com"}, {"nothing": "1"},
]  # fmt: skip


def test_no_question_breaks_the_list(desk: Desk, joe: ClientSeat) -> None:
    for query in QUESTIONS:
        assert desk.get(LIST, **query).status_code in (200, 302, 400), query


@pytest.mark.parametrize(
    "lookup", ["first_name__startswith", "email", "agent__email", "submissions__answers__contains"]
)
def test_nothing_but_the_filters_is_asked(desk: Desk, joe: ClientSeat, lookup: str) -> None:
    assert desk.get(LIST, **{lookup: "Joe"}).status_code == 400


def test_the_list_counts_nothing_and_costs_the_same_for_few_and_many(desk: Desk, joe: ClientSeat) -> None:
    desk.get(LIST)
    with CaptureQueriesContext(connection) as few:
        desk.get(LIST)
    clients_of_agent(joe.agent.id, 120)
    with CaptureQueriesContext(connection) as many:
        assert len(found(desk, _facets="True")) == 50
    assert len(many) == len(few) <= 7
    assert not [one["sql"] for one in many if "COUNT(" in one["sql"]]
    assert len(found(desk, p="3")) == 21


@pytest.mark.usefixtures("new_files")
def test_each_search_has_its_index(desk: Desk, agency: AgencySeat, agent: AgentSeat) -> None:
    """PostgreSQL's own plan, of the very statement that was sent."""
    for _ in range(3):
        clients_of_agent(agent.id, 1_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clients_client, agents_agent, agencies_agency")
    for query, index in (
        ({"q": "made77@example.com"}, "client_of_any_by_email"),
        ({"q": "212 555 0077"}, "client_of_any_by_phone"),
        ({"q": "client 77 made77"}, "client_of_any_by_name"),
        ({"q": "made77 client 77"}, "client_of_any_by_name"),
        ({"sales_funnel_status__exact": "won"}, "client_of_any_by_funnel"),
        ({"q": "made77", "agent__id__exact": str(agent.id)}, "client_by_words"),
        ({"q": "made77", "agent__agency__id__exact": str(agency.id)}, "client_by_words"),
    ):
        with CaptureQueriesContext(connection) as captured:
            found(desk, **query)
        [sql] = [one["sql"] for one in captured if 'FROM "clients_client"' in one["sql"] and "ORDER BY" in one["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # so few rows are read as fast without any index
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert f"using {index} " in plan or f"on {index} " in plan, (query, plan)
        assert "Seq Scan on clients_client" not in plan, query


# --- shown ------------------------------------------------------------------------------------------


def test_a_clients_page_shows_what_it_sent(desk: Desk, page: PageSeat) -> None:
    shown = text_of(desk.get(path_of(page.submission.client)))
    for told in (
        "Joe", "joe@home.example", "Ann Agent", "Harbour Insurance", "In progress", "questions, version 1",
        "How many people drive your vehicles?", "2020 Honda Civic<br>&lt;b&gt;red&lt;/b&gt;", "Business",
        "declarations.pdf", file_path(page),
    ):  # fmt: skip
        assert told in shown, told
    assert "roof" not in shown


def test_a_page_costs_the_same_for_few_and_many_submissions(api: Api, desk: Desk, page: PageSeat) -> None:
    path = path_of(page.submission.client)
    desk.get(path)
    with CaptureQueriesContext(connection) as few:
        desk.get(path)
    for insurance_type in ("home", "life", "auto"):
        new_page(api, new_submission(api, page.submission.client, insurance_types=[insurance_type]))
    with CaptureQueriesContext(connection) as many:
        desk.get(path)
    assert len(many) == len(few) <= 13


def test_a_file_is_downloaded_and_never_shown_as_a_page(desk: Desk, page: PageSeat) -> None:
    answer = desk.get(file_path(page))
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, PDF)
    assert answer["Content-Disposition"] == 'attachment; filename="declarations.pdf"'
    assert answer["Content-Type"] == "application/pdf"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]


def test_a_file_that_is_not_there_is_not_found(desk: Desk, page: PageSeat, declaration_pages_dir: Path) -> None:
    assert desk.get(f"{LIST}declaration-page/{uuid4()}/").status_code == 404
    [file] = [one for one in declaration_pages_dir.rglob("*") if one.is_file()]
    file.unlink()
    assert desk.get(file_path(page)).status_code == 404
    assert looks(desk) == []


@pytest.mark.parametrize("path", ["not-an-id/change/", "{other}/change/", "{other}/reassign/", "{other}/destroy/"])
def test_a_client_that_is_not_there_leads_back(desk: Desk, path: str) -> None:
    assert desk.get(f"{LIST}{path.format(other=uuid4())}").status_code == 302


# --- who looked -------------------------------------------------------------------------------------


def test_every_look_is_in_the_audit_trail(desk: Desk, page: PageSeat) -> None:
    joe = page.submission.client
    desk.get(LIST, q="consumer", sales_funnel_status__exact="new")
    desk.get(path_of(joe))
    desk.get(path_of(joe, "reassign"))
    desk.get(file_path(page))
    assert looks(desk) == [
        ("client.list", ""), ("client.view", joe.uuid), ("client.view", joe.uuid),
        ("declaration_page.download", page.uuid),
    ]  # fmt: skip
    [listed, *rest] = AuditEntry.objects.filter(actor=desk.actor).order_by("id")
    assert listed.facts == {"shown": [joe.uuid], "filters": ["status"], "searched": True}
    assert {entry.agency_id for entry in rest} == {Client.objects.get(pk=joe.uuid).agent.agency_id}
    assert [entry.facts for entry in rest] == [{}, {}, {}]
    trail = text_of(desk.get("audit/auditentry/"))
    assert "client.list" in trail
    assert "Consumer" not in trail


def test_a_form_that_comes_back_is_a_look_too(desk: Desk, joe: ClientSeat) -> None:
    assert desk.post(path_of(joe), **{**JOE, "email": "joe"}, sales_funnel_status="new").status_code == 200
    assert looks(desk) == [("client.view", joe.uuid)]


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("", "client.list"), ("{client}/change/", "client.view"), ("{client}/destroy/", "client.view"),
        ("declaration-page/{page}/", "declaration_page.download"),
    ],
)  # fmt: skip
def test_no_entry_no_look(desk: Desk, page: PageSeat, path: str, action: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE audit_auditentry ADD CONSTRAINT no_entry CHECK (action <> '{action}') NOT VALID")
    with pytest.raises(IntegrityError):
        desk.get(f"{LIST}{path.format(client=page.submission.client.uuid, page=page.uuid)}")


def test_completions_of_the_admin_show_no_client(desk: Desk, joe: ClientSeat) -> None:
    """A look that no audit entry would tell of."""
    asked = {"app_label": "clients", "model_name": "submission", "field_name": "client", "term": "consumer"}
    assert desk.get("autocomplete/", **asked).json()["results"] == []
    assert desk.get("autocomplete/", **{**asked, "term": ""}).json()["results"] == []


def test_a_download_over_the_api_is_in_the_audit_trail(api: Api, page: PageSeat) -> None:
    agent = page.submission.client.agent
    link = data(api.get(page.link_path, token=agent.token))["url"].removeprefix("http://testserver")
    assert not AuditEntry.objects.filter(action="declaration_page.download").exists()
    assert api.get(link).status_code == 200
    entry = AuditEntry.objects.get(action="declaration_page.download")
    assert (entry.actor, entry.target_id, entry.facts) == (f"agent:{agent.id}", page.uuid, {})


# --- edited -----------------------------------------------------------------------------------------


def test_an_edit_is_saved_found_and_audited_by_field_name(desk: Desk, joe: ClientSeat) -> None:
    changed = {**JOE, "last_name": "Ångström", "sales_funnel_status": "won"}
    assert desk.post(path_of(joe), **changed).status_code == 302
    assert found(desk, q="angstrom") == [joe.uuid]
    entry = AuditEntry.objects.get(action="client.update")
    assert (entry.actor, entry.facts) == (desk.actor, {"changed": ["last_name", "sales_funnel_status"]})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"email": "joe"}, "Enter a valid email address."),
        ({"phone_number": "12"}, "A possible telephone number"),
        ({"email": "", "phone_number": ""}, "An e-mail address or a phone number is needed."),
        ({"first_name": "x" * 101}, "at most 100 characters"),
        ({"last_name": ""}, "This field is required."),
        ({"sales_funnel_status": "sold"}, "Select a valid choice."),
    ],
)
def test_what_is_refused_is_shown_on_the_form_and_nothing_changes(
    desk: Desk, joe: ClientSeat, change: dict[str, str], complaint: str
) -> None:
    answer = desk.post(path_of(joe), **{**JOE, "sales_funnel_status": "new", "first_name": "Jim", **change})
    assert answer.status_code == 200
    assert complaint in text_of(answer)
    assert Client.objects.get(pk=joe.uuid).first_name == "Joe"


def test_what_is_not_to_be_edited_is_only_shown(desk: Desk, joe: ClientSeat, colleague: AgentSeat) -> None:
    rewritten = {"agent": colleague.id, "id": str(uuid4()), "created_at": "2001-01-01"}
    assert desk.post(path_of(joe), **JOE, sales_funnel_status="new", **rewritten).status_code == 302
    row = Client.objects.get(pk=joe.uuid)
    assert (row.agent_id, row.created_at.year) == (joe.agent.id, row.updated_at.year)
    assert desk.get(f"{LIST}add/").status_code == 403
    assert desk.post(path_of(joe, "delete"), post="yes").status_code == 403


# --- acts -------------------------------------------------------------------------------------------


def test_a_client_is_given_to_an_active_agent_of_its_agency(
    api: Api, desk: Desk, joe: ClientSeat, colleague: AgentSeat, deactivated_agent: AgentSeat, foreign_agent: AgentSeat
) -> None:
    for refused in (joe.agent, deactivated_agent, foreign_agent):
        answer = desk.act(path_of(joe, "reassign"), agent_id=refused.id)
        assert "Select a valid choice." in text_of(answer)
    assert desk.act(path_of(joe, "reassign"), agent_id=colleague.id).status_code == 302
    moved = f"/v1/agents/{colleague.id}/clients/{joe.uuid}"
    assert api.get(moved, token=colleague.token).status_code == 200
    assert api.get(joe.path, token=joe.agent.token).status_code == 404
    assert AuditEntry.objects.get(action="client.reassign").actor == desk.actor


def test_colleagues_are_offered_as_one_types_however_many_there_are(
    desk: Desk, joe: ClientSeat, agency: AgencySeat, colleague: AgentSeat, deactivated_agent: AgentSeat,
    foreign_agent: AgentSeat,
) -> None:  # fmt: skip
    def offered(term: str) -> list[str]:
        return [one["id"] for one in desk.get(path_of(joe, "colleagues"), term=term).json()["results"]]

    assert offered("") == [str(colleague.id), str(agency.owner.id)]
    for term in ("carl", "CARL agent", "carl@exa", "\0carl"):
        assert (term, offered(term)) == (term, [str(colleague.id)])
    for term in ("ann", "dan", "fay", "carl owner", "%"):
        assert (term, offered(term)) == (term, [])
    agents_of_agency(agency.id, 100)
    assert len(offered("")) == 20
    asked = text_of(desk.get(path_of(joe, "reassign")))
    assert "<option" not in asked
    assert f"/admin/{path_of(joe, 'colleagues')}" in asked
    assert desk.get(f"{LIST}{uuid4()}/colleagues/").status_code == 404


def test_a_look_between_asking_and_confirming_changes_nothing(
    desk: Desk, joe: ClientSeat, colleague: AgentSeat
) -> None:
    asked = desk.ask(path_of(joe, "reassign"))
    desk.get(path_of(joe))
    desk.post(path_of(joe, "reassign"), **asked, agent_id=colleague.id)
    assert Client.objects.get(pk=joe.uuid).agent_id == colleague.id


def test_an_act_asked_before_a_change_does_nothing(desk: Desk, joe: ClientSeat) -> None:
    asked = desk.ask(path_of(joe, "destroy"))
    desk.post(path_of(joe), **{**JOE, "last_name": "Changed"}, sales_funnel_status="new")
    answer = desk.browser.post(f"/admin/{path_of(joe, 'destroy')}", {**asked, "name": "Joe Changed"}, follow=True)
    assert "this has changed since the page was shown" in text_of(answer)
    assert Client.objects.filter(pk=joe.uuid).exists()


@pytest.mark.parametrize("name", ["", "Joe", "Jim Consumer", "Joe Consumer Jr."])
def test_a_client_is_not_destroyed_by_a_slip(desk: Desk, joe: ClientSeat, name: str) -> None:
    assert desk.act(path_of(joe, "destroy"), name=name).status_code == 200
    assert Client.objects.filter(pk=joe.uuid).exists()


def test_a_client_is_destroyed_with_its_files(
    desk: Desk, page: PageSeat, declaration_pages_dir: Path, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    joe = page.submission.client
    with django_capture_on_commit_callbacks(execute=True):
        answer = desk.act(path_of(joe, "destroy"), name=" joe  CONSUMER ")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/clients/client/")
    assert not Client.objects.exists()
    assert [one for one in declaration_pages_dir.rglob("*") if one.is_file()] == []
    entry = AuditEntry.objects.get(action="client.destroy")
    assert (entry.actor, entry.facts) == (desk.actor, {"submissions": 1, "declaration_pages": 1})
    history = text_of(desk.browser.get(f"/admin/{path_of(joe, 'history')}", follow=True))
    assert "client.destroy" in history


# --- who may ----------------------------------------------------------------------------------------


def statuses(desk: Desk, page: PageSeat, colleague: AgentSeat) -> dict[str, int]:
    """What each page answers; those that would change something last."""
    joe = page.submission.client

    def confirm(act: str, **values: Any) -> HttpResponse:
        path = path_of(joe, act)
        return desk.act(path, **values) if desk.get(path).status_code == 200 else desk.post(path, seen="0", **values)

    return {
        "list": desk.get(LIST).status_code,
        "page": desk.get(path_of(joe)).status_code,
        "file": desk.get(file_path(page)).status_code,
        "edit": desk.post(path_of(joe), **JOE, sales_funnel_status="won").status_code,
        "colleagues": desk.get(path_of(joe, "colleagues")).status_code,
        "reassign": confirm("reassign", agent_id=colleague.id).status_code,
        "destroy": confirm("destroy", name="Joe Consumer").status_code,
    }


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ("", (403, 403, 403, 403, 403, 403, 403)),
        ("agents.view_agent agents.change_agent audit.view_auditentry", (403, 403, 403, 403, 403, 403, 403)),
        ("clients.view_declarationpage clients.delete_client", (403, 403, 403, 403, 403, 403, 403)),
        ("clients.view_client", (200, 200, 403, 403, 403, 403, 403)),
        ("clients.view_client clients.view_submission", (200, 200, 403, 403, 403, 403, 403)),
        ("clients.view_client clients.view_declarationpage", (200, 200, 200, 403, 403, 403, 403)),
        ("clients.change_client", (200, 200, 403, 302, 200, 302, 403)),
        ("clients.view_client clients.delete_client", (200, 200, 403, 403, 403, 403, 302)),
    ],
)
def test_each_permission_opens_its_part_and_no_more(
    desk_of: Callable[..., Desk], page: PageSeat, colleague: AgentSeat, permissions: str, expected: tuple[int, ...]
) -> None:
    somebody = desk_of(*permissions.split())
    assert tuple(statuses(somebody, page, colleague).values()) == expected
    if set(expected) == {403}:
        assert looks(somebody) == []


@pytest.mark.parametrize(
    ("permissions", "submission", "file"),
    [
        ("clients.view_client", False, False),
        ("clients.view_client clients.view_submission", True, False),
        ("clients.view_client clients.view_declarationpage", False, False),
        ("clients.view_client clients.view_submission clients.view_declarationpage", True, True),
    ],
)
def test_a_page_shows_what_its_looker_may_see(
    desk_of: Callable[..., Desk], page: PageSeat, permissions: str, submission: bool, file: bool
) -> None:
    shown = text_of(desk_of(*permissions.split()).get(path_of(page.submission.client)))
    assert ("2020 Honda Civic" in shown, "declarations.pdf" in shown) == (submission, file)


def test_strangers_are_sent_to_the_login(page: PageSeat) -> None:
    for path in (LIST, path_of(page.submission.client), file_path(page)):
        answer = WebClient().get(f"/admin/{path}")
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")
