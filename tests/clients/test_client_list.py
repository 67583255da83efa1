"""An agent's list of clients: searched, filtered, sorted, filled, and what that costs."""

import unicodedata
from heapq import nlargest
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.db.models import TextField, Value
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from clients import serializers
from clients.models import Client
from clients.search import Entries, Kind, entries, fold, query_of_words
from clients.services.declaration_pages import MAX_PAGES
from clients.services.submissions import MAX_SUBMISSIONS
from tests.answers import data, faults
from tests.clients.conftest import ClientSeat, PageSeat, begin, new_client, new_page, new_submission
from tests.clients.visitor import Visitor
from tests.conftest import AgentSeat, Api
from tests.described import assert_as_described
from tests.factories import clients_of_agent
from tests.scans import plan_of, scans_counted

ANN = {"first_name": "José", "last_name": "Álvarez", "email": "jose@casa.example", "phone_number": "(212) 555-0123"}
BOB = {"first_name": "Bob", "last_name": "O'Brien", "email": "bob.brien@work.example", "phone_number": ""}
WEI = {"first_name": "小明", "last_name": "王", "email": "", "phone_number": "+44 20 7946 0018"}


@pytest.fixture
def three(api: Api, agent: AgentSeat, colleague: AgentSeat) -> dict[str, str]:
    """The agent's clients by their uuid; its colleague has the same ones."""
    for client in (ANN, BOB, WEI):
        new_client(api, colleague, **client)
    return {new_client(api, agent, **one).uuid: one["first_name"] for one in (ANN, BOB, WEI)}


def listed(api: Api, agent: AgentSeat, **query: Any) -> list[str]:
    """The first names of what is found, in its order."""
    answer = api.get(f"/v1/agents/{agent.id}/clients?{urlencode(query, doseq=True)}", token=agent.token)
    assert answer.status_code == 200, answer.content
    found = [one["first_name"] for one in answer.json()["data"]]
    assert answer.json()["meta"]["total"] == len(found)
    return found


# --- found ------------------------------------------------------------------------------------------


SEARCHES = {
    "jose": ["José"],
    "JOSÉ álv": ["José"],
    "alvarez jo": ["José"],
    "o'brien": ["Bob"],
    "brien": ["Bob"],
    "work": ["Bob"],
    "bob.brien@work.example": ["Bob"],
    "0123": ["José"],
    "212 555": ["José"],
    "(212) 555-0123": ["José"],
    "王小明": [],
    "王": ["小明"],
    "明": ["小明"],
    "7946": ["小明"],
    "lvarez": [],
    "jose bob": [],
    "' | !": [],
    "example": ["José", "Bob"],
    "": ["José", "Bob", "小明"],
    "   ": ["José", "Bob", "小明"],
}


def test_search_finds_by_how_words_begin(api: Api, agent: AgentSeat, three: dict[str, str]) -> None:
    assert {text: listed(api, agent, search=text) for text in SEARCHES} == SEARCHES


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"filterByEmail": "JOSE@casa.example"}, ["José"]),
    ({"filterByEmail": "jose@casa"}, []),
    ({"filterByName": "alv"}, ["José"]),
    ({"filterByName": "jose alvarez"}, ["José"]),
    ({"filterByName": "casa"}, []),
    ({"filterByPhone": "+1 212-555-0123"}, ["José"]),
    ({"filterByPhone": "2125550123"}, ["José"]),
    ({"filterByPhone": "0123"}, []),
    ({"filterByPhone": "no number"}, []),
    ({"filterByPhone": "+442079460018"}, ["小明"]),
    ({"filterByName": "bob", "filterByEmail": "bob.brien@work.example"}, ["Bob"]),
    ({"filterByName": "bob", "search": "jose"}, []),
    ({"salesFunnelStatus": "new"}, ["José", "Bob", "小明"]),
    ({"salesFunnelStatus": ["won", "lost"]}, []),
    ({"salesFunnelStatus": ["won", "new"], "search": "bob"}, ["Bob"]),
    ({"salesFunnelStatus": ["won", ""]}, []),
    (
        dict.fromkeys(("salesFunnelStatus", "search", "createdAfter", "sort", "include", "page"), ""),
        ["José", "Bob", "小明"],
    ),
    ({"createdAfter": "2020-01-01T00:00:00Z"}, ["José", "Bob", "小明"]),
    ({"createdBefore": "2020-01-01T00:00:00Z"}, []),
    ({"updatedAfter": "2999-01-01T00:00:00+02:00"}, []),
    ({"createdBefore": "0001-01-01T00:00:00+23:00"}, []),
    ({"createdAfter": "9999-12-31T23:59:59-23:00"}, []),
]


def test_each_filter_finds_what_it_asks_for(api: Api, agent: AgentSeat, three: dict[str, str]) -> None:
    assert [(query, listed(api, agent, **query)) for query, _ in FILTERS] == FILTERS


def test_times_are_told_apart_to_the_microsecond(api: Api, agent: AgentSeat, three: dict[str, str]) -> None:
    middle = Client.objects.get(agent=agent.id, first_name="Bob").created_at
    assert listed(api, agent, createdAfter=middle.isoformat()) == ["小明"]
    assert listed(api, agent, createdBefore=middle.isoformat()) == ["José"]


def test_what_changed_is_found_by_its_new_words_only(api: Api, agent: AgentSeat) -> None:
    client = new_client(api, agent, first_name="Before")
    api.patch(client.path, token=agent.token, json={"first_name": "After", "email": "after@new.example"})
    assert listed(api, agent, search="before") == []
    assert listed(api, agent, search="joe") == []
    assert listed(api, agent, search="after", filterByEmail="after@new.example") == ["After"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"search": "x" * 201}, "search"),
        ({"search": "a\0b"}, "search"),
        ({"filterByEmail": "x" * 255}, "filterByEmail"),
        ({"salesFunnelStatus": "sold"}, "salesFunnelStatus"),
        ({"createdAfter": "yesterday"}, "createdAfter"),
        ({"createdBefore": "2026-13-01T00:00:00Z"}, "createdBefore"),
        ({"sort": "email"}, "sort"),
        ({"sort": "--created_at"}, "sort"),
        ({"include": "agent"}, "include"),
        ({"page": "0"}, "page"),
    ],
    ids=str,
)
def test_a_value_that_is_not_valid_is_named(api: Api, agent: AgentSeat, query: dict[str, str], field: str) -> None:
    answer = api.get(f"/v1/agents/{agent.id}/clients?{urlencode(query)}", token=agent.token)
    assert list(faults(answer)) == [field]


def test_all_of_them_at_once(api: Api, agent: AgentSeat) -> None:
    answer = api.get(f"/v1/agents/{agent.id}/clients?page=x&sort=x&include=x&salesFunnelStatus=x", token=agent.token)
    assert faults(answer).keys() == {"page", "sort", "include", "salesFunnelStatus"}


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30))
def test_no_search_fails_and_none_finds_another_agents_client(
    api: Api, agent: AgentSeat, colleague: AgentSeat, text: str
) -> None:
    clients_of_agent(colleague.id, 1, first_name=text, last_name=text)
    for name in ("search", "filterByName", "filterByPhone"):
        answer = api.get(f"/v1/agents/{agent.id}/clients?{name}={quote(text)}", token=_token(api, agent))
        assert answer.status_code == 200, answer.content
        assert answer.json()["meta"]["total"] == 0 or not text.strip()


def _token(api: Api, agent: AgentSeat) -> str:
    cache.clear()  # many requests: the limit is not what this is about
    return agent.token


@given(first=st.sampled_from(["Zoë", "ana", "Ömer", "李", "O'Neil"]), last=st.text("abcÄß '-", min_size=1, max_size=10))
def test_whoever_has_a_name_is_found_by_it(api: Api, agent: AgentSeat, first: str, last: str) -> None:
    [made] = clients_of_agent(agent.id, 1, first_name=first, last_name=last)
    for text in (first, f"{last} {first}", first[:1].upper()):
        found = api.get(f"/v1/agents/{agent.id}/clients?perPage=100&search={quote(text)}", token=_token(api, agent))
        assert str(made.pk) in {one["uuid"] for one in found.json()["data"]}


# --- names and searches of any length ---------------------------------------------------------------------


LONGEST = [letter * 100 for letter in "㌖ﷺ㈝가王x"]
"""Names: letters that folding makes the most bytes, letters and words of, and others."""
LONGEST += ["".join(map(chr, range(first, first + 100))) for first in (0x3300, 0xFC00, 0xAC00, 0x4E00, 0x20000)]
"""Each letter another, so that no two words are the same."""
LONGEST_EMAIL = ".".join(["j@" + "㌖" * 61, "㌖" * 61, "ﷺ" * 61, "㌖" * 61])
FOLDED = filter(unicodedata.decomposition, map(chr, range(1, 0x110000)))
LONG = nlargest(300, FOLDED, key=lambda letter: len(fold(letter).encode()))
"""Letters, those first of which folding makes most."""


def read_back() -> None:
    """As pg_dump writes the words of all clients, and pg_restore reads them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT words::text::tsvector = words FROM clients_client")
        assert {same for (same,) in cursor.fetchall()} == {True}


def assert_found_by_its_names(api: Api, agent: AgentSeat, client: dict[str, str]) -> None:
    first, last = client["first_name"], client["last_name"]
    for text in (first, last, f"{first} {last}"[:200], f"{last} {first}"[:200], first[:3], last[:60]):
        for parameter in ("search", "filterByName"):
            assert listed(api, agent, **{parameter: text}) == [first], (parameter, text)


@pytest.mark.parametrize("name", LONGEST, ids=lambda name: f"{name[0]!a}-{name[-1]!a}")
def test_the_longest_names_are_found_changed_given_away_and_destroyed(
    api: Api, agent: AgentSeat, colleague: AgentSeat, admin_agent: AgentSeat, name: str
) -> None:
    client = new_client(api, agent, first_name=name, last_name=name[::-1], email=LONGEST_EMAIL)
    read_back()
    assert_found_by_its_names(api, agent, {"first_name": name, "last_name": name[::-1]})
    new_submission(api, client)
    changed = api.patch(client.path, token=agent.token, json={"last_name": f"{name[1:]}y"})
    assert changed.status_code == 200
    read_back()
    path = f"{client.path}/reassign"
    given = api.post(path, token=admin_agent.token, json={"agent_id": colleague.id})
    assert given.status_code == 200
    read_back()
    assert_found_by_its_names(api, colleague, data(given))
    gone = api.post(f"/v1/agents/{colleague.id}/clients/{client.uuid}/destroy", token=colleague.token)
    assert gone.status_code == 204


@pytest.mark.parametrize("name", LONGEST, ids=lambda name: f"{name[0]!a}-{name[-1]!a}")
def test_the_longest_names_from_the_public_page_are_found(
    api: Api, agent: AgentSeat, visitor: Visitor, name: str
) -> None:
    begin(visitor, agent, first_name=name, last_name="x", email="j@h.co", phone_number="")
    assert visitor.path != f"/{agent.slug}"
    read_back()
    assert_found_by_its_names(api, agent, {"first_name": name, "last_name": "x"})


@pytest.mark.parametrize("parameter", ["search", "filterByName", "filterByEmail", "filterByPhone"])
@pytest.mark.parametrize("letter", "㌖ﷺ㈝가王ΐ\N{MATHEMATICAL FRAKTUR SMALL A}x'\\")
def test_the_longest_searches_find_nothing_and_do_not_fail(
    api: Api, agent: AgentSeat, parameter: str, letter: str
) -> None:
    longest = {"filterByEmail": 254, "filterByPhone": 40}.get(parameter, 200)
    assert listed(api, agent, **{parameter: letter * longest}) == []


LETTER = st.characters(min_codepoint=1, exclude_categories=["Cs"]) | st.sampled_from(LONG)


@given(first=st.text(LETTER, max_size=100), last=st.text(LETTER, max_size=100), email=st.text(LETTER, max_size=254))
def test_whatever_its_name_a_client_is_found_by_it_and_its_words_are_readable(
    agent: AgentSeat, first: str, last: str, email: str
) -> None:
    Client.objects.all().delete()
    [made] = clients_of_agent(agent.id, 1, first_name=first, last_name=last, email=email)
    read_back()
    for kind, text in ((Kind.NAME, f"{last} {first}"), (Kind.ANY, f"{first} {last}"), (Kind.ANY, email)):
        if query := query_of_words(agent.id, kind, text):
            assert Client.objects.filter(words__finds=query, pk=made.pk).exists()


def test_no_client_has_more_words_than_a_quarter_of_what_can_be_read() -> None:
    """Where no two of its letters are the same, and so no two of its words."""
    names = {"first_name": "".join(LONG[:200:2]), "last_name": "".join(LONG[1:200:2])}
    made = entries(agent_id=2**63 - 1, email="".join(LONG[:254]), phone_number="+442079460018", **names)
    written = [len(entry.encode()) for entry in made.source_expressions[0].value]
    assert sum(written) < 2**20 / 4
    assert max(written) < 2**11


def too_many() -> list[str]:
    """What such a name made once: a lexeme for each end of it, more bytes together than PostgreSQL can read."""
    word = fold("㌖" * 100)
    return sorted(f"{kind}{word[start:]}" for kind in "an" for start in range(len(word)))


def test_words_that_could_not_be_read_are_not_written(client_seat: ClientSeat) -> None:
    with pytest.raises(DatabaseError):
        Client.objects.update(words=Entries(Value(too_many(), ArrayField(TextField()))))


def test_a_client_whose_words_cannot_be_read_is_shown_changed_and_destroyed(api: Api, agent: AgentSeat) -> None:
    client, other = new_client(api, agent), new_client(api, agent)
    for one in (client, other):
        spoil(one)
    token, submission = agent.token, new_submission(api, other)
    assert api.patch(submission.path, token=token, json={"insurance_types": ["home"]}).status_code == 200
    assert api.get(client.path, token=token).status_code == 200
    assert api.patch(client.path, token=token, json={"first_name": "Ann"}).status_code == 200
    assert api.post(f"{other.path}/destroy", token=token).status_code == 204
    read_back()


def test_a_migration_mends_such_words(api: Api, agent: AgentSeat) -> None:
    client, _ = new_client(api, agent, first_name="㌖" * 90), new_client(api, agent)
    spoil(client)
    import_module("clients.migrations.0009_readable_words").write_anew(apps, None)
    read_back()
    assert listed(api, agent, search="㌖" * 90) == ["㌖" * 90]
    assert listed(api, agent, search="joe") == ["㌖" * 90, "Joe"]


def spoil(client: ClientSeat) -> None:
    sql = "UPDATE clients_client SET words = array_to_tsvector(%s) WHERE id = %s RETURNING length(words)"
    with connection.cursor() as cursor:
        cursor.execute(sql, [too_many(), client.uuid])
        assert cursor.fetchone() == (1_200,)  # which the runbook goes by
    with pytest.raises(DatabaseError), transaction.atomic():
        read_back()


# --- in order ----------------------------------------------------------------------------------------


ORDERS = {
    "created_at": ["José", "Bob", "小明"],
    "-created_at": ["小明", "Bob", "José"],
    "last_name": ["José", "Bob", "小明"],
    "-last_name": ["小明", "Bob", "José"],
    "updated_at": ["Bob", "小明", "José"],
    "-updated_at": ["José", "小明", "Bob"],
}


def test_each_sort_puts_the_clients_in_its_order(api: Api, agent: AgentSeat, three: dict[str, str]) -> None:
    uuid = next(uuid for uuid, name in three.items() if name == "José")
    api.patch(f"/v1/agents/{agent.id}/clients/{uuid}", token=agent.token, json={"sales_funnel_status": "won"})
    assert {sort: listed(api, agent, sort=sort) for sort in ORDERS} == ORDERS
    assert listed(api, agent, sort="-created_at", search="example") == ["Bob", "José"]


@given(
    per_page=st.integers(1, 7),
    sort=st.sampled_from(["", "last_name", "-last_name"]),
    search=st.sampled_from(["", "made"]),
)
def test_following_the_links_gives_each_client_once(
    api: Api, agent: AgentSeat, colleague: AgentSeat, per_page: int, sort: str, search: str
) -> None:
    Client.objects.all().delete()
    mine = clients_of_agent(agent.id, 9, first_name="Made", last_name="Same")
    clients_of_agent(colleague.id, 3, first_name="Made")
    url: str | None = f"/v1/agents/{agent.id}/clients?perPage={per_page}&sort={sort}&search={search}"
    walked: list[str] = []
    while url:
        body = api.get(url, token=_token(api, agent)).json()
        walked += [one["uuid"] for one in body["data"]]
        url = body["links"]["next"]
    assert sorted(walked) == sorted(str(one.pk) for one in mine)
    assert body["meta"]["total"] == 9


@pytest.mark.parametrize("query", ["", "search=made"])
def test_past_the_end_is_empty(api: Api, agent: AgentSeat, query: str) -> None:
    clients_of_agent(agent.id, 3, first_name="Made")
    body = api.get(f"/v1/agents/{agent.id}/clients?page=7&{query}", token=agent.token).json()
    assert (body["data"], body["meta"]["total"], body["meta"]["from"]) == ([], 3, None)


# --- filled -----------------------------------------------------------------------------------------


def test_related_lists_are_there_where_they_are_asked_for(api: Api, agent: AgentSeat, page: PageSeat) -> None:
    bare = new_client(api, agent, first_name="Bare")
    second = new_submission(api, page.submission.client, insurance_types=["home"])
    url = f"/v1/agents/{agent.id}/clients"
    plain = api.get(url, token=agent.token)
    with_submissions = api.get(f"{url}?include=submissions", token=agent.token)
    full = api.get(f"{url}?include=submissions.declaration_pages", token=agent.token)
    for answer in (plain, with_submissions, full):
        assert_as_described(answer, "listClients")
    assert [one.keys() & {"submissions"} for one in plain.json()["data"]] == [set(), set()]
    first, other = with_submissions.json()["data"]
    assert [one["uuid"] for one in first["submissions"]] == [page.submission.uuid, second.uuid]
    assert "declaration_pages" not in first["submissions"][0]
    assert (other["uuid"], other["submissions"]) == (bare.uuid, [])
    pages = [one["declaration_pages"] for one in full.json()["data"][0]["submissions"]]
    assert [[one["uuid"] for one in each] for each in pages] == [[page.uuid], []]


@pytest.mark.parametrize("cursor", ["", "&cursor=first"])
def test_more_than_one_answer_can_hold_is_refused(
    api: Api, agent: AgentSeat, page: PageSeat, monkeypatch: pytest.MonkeyPatch, cursor: str
) -> None:
    """Two clients, with a submission and two pages each: six rows."""
    new_page(api, page.submission)
    other = new_submission(api, new_client(api, agent))
    for _ in range(2):
        new_page(api, other)

    def asked(most: int, include: str, per_page: int = 2) -> Any:
        monkeypatch.setattr(serializers, "MAX_INCLUDED", most)
        url = f"/v1/agents/{agent.id}/clients?perPage={per_page}&include={include}{cursor}"
        return api.get(url, token=agent.token)

    for most, include in ((5, "submissions.declaration_pages"), (1, "submissions")):
        refused = asked(most, include)
        assert faults(refused) == {"perPage": "too_many_included"}
        assert asked(most + 1, include).status_code == 200
    assert asked(3, "submissions.declaration_pages", per_page=1).status_code == 200


def test_what_one_client_can_have_is_never_refused() -> None:
    assert MAX_SUBMISSIONS * (1 + MAX_PAGES) <= serializers.MAX_INCLUDED


# --- what it costs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "queries"),
    [
        ("", 4),
        ("sort=-last_name&salesFunnelStatus=new", 4),
        ("search=made", 4),
        ("include=submissions", 5),
        ("include=submissions.declaration_pages&search=made", 6),
    ],
)
def test_queries_do_not_grow_with_the_page(api: Api, agent: AgentSeat, query: str, queries: int) -> None:
    """The caller, the agent, how many there are and which are on the page, these."""
    for client in clients_of_agent(agent.id, 12, first_name="Made")[:3]:
        path = f"/v1/agents/{agent.id}/clients/{client.pk}/submissions"
        api.post(path, token=agent.token, json={})
    for per_page in (1, 10):
        with CaptureQueriesContext(connection) as captured:
            answer = api.get(f"/v1/agents/{agent.id}/clients?perPage={per_page}&{query}", token=agent.token)
        assert len(answer.json()["data"]) == per_page
        assert len(captured) == queries


@pytest.mark.usefixtures("new_files")
def test_a_search_reads_one_index_and_not_the_table(api: Api, agent: AgentSeat) -> None:
    """As PostgreSQL counts it, where there is no agent's small list to prefer, in the API's own role."""
    clients_of_agent(agent.id, 3_000)
    queries = "search=made12", "filterByName=made12", "filterByEmail=made12@example.com", "filterByPhone=2125550012"
    for query in queries:
        with scans_counted("clients_client", "client_by_words") as scans:
            assert api.get(f"/v1/agents/{agent.id}/clients?{query}", token=agent.token).status_code == 200
        assert (query, scans) == (query, {"clients_client": 0, "client_by_words": 1})


INDEXES = {
    "sort=created_at": "client_by_created",
    "sort=-updated_at": "client_by_updated",
    "sort=last_name": "client_by_name",
    "": "client_by_agent",
    "salesFunnelStatus=won": "client_by_funnel",
    "createdAfter=2999-01-01T00:00:00Z": "client_by_created",
    "updatedAfter=2999-01-01T00:00:00Z": "client_by_updated",
}


@pytest.mark.usefixtures("new_files")
def test_each_order_and_filter_has_its_index(api: Api, agent: AgentSeat, colleague: AgentSeat) -> None:
    clients_of_agent(agent.id, 300)
    clients_of_agent(agent.id, 30, sales_funnel_status="won")
    clients_of_agent(colleague.id, 4_000)
    clients_of_agent(colleague.id, 400, sales_funnel_status="won")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clients_client")
    for query, index in INDEXES.items():
        with CaptureQueriesContext(connection) as captured:
            api.get(f"/v1/agents/{agent.id}/clients?perPage=1&{query}", token=agent.token)
        plans = [plan_of(one["sql"]) for one in captured if 'FROM "clients_client"' in one["sql"]]
        assert any(f"using {index} " in plan or f"on {index} " in plan for plan in plans), (query, plans)
