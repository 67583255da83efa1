"""What a consumer's private link opens: kinds of insurance, additional questions, files, and the end (contract §9)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent
from api import credentials
from audit.models import AuditEntry
from clients.models import LINK_LIFETIME, DeclarationPage, Question, QuestionSet, Submission
from clients.public import guards
from clients.services import declaration_pages as services
from tests.answers import data
from tests.clients.conftest import PDF, begin, new_client, new_submission, upload
from tests.clients.visitor import Visitor
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.pictures import picture

AUTO = {
    "auto__drivers": "2",
    "auto__vehicles": "2020 Honda Civic\r\n2015 Ford Escape",
    "auto__use": ["Commuting", "Business"],
    "auto__incidents": "false",
}
KEPT = {"drivers": 2, "vehicles": "2020 Honda Civic\r\n2015 Ford Escape", "use": ["Commuting", "Business"]}
PNG = picture("PNG")


@pytest.fixture
def here(visitor: Visitor, agent: AgentSeat) -> Visitor:
    """A consumer who has begun, at the agent's who asks no additional questions."""
    return begin(visitor, agent, insurance_types=["auto"])


@pytest.fixture
def asked(visitor: Visitor, asking: AgentSeat) -> Visitor:
    """The same, at one who does."""
    return begin(visitor, asking, insurance_types=["auto"])


def submission() -> Submission:
    return Submission.objects.get()


def files() -> list[str]:
    return list(DeclarationPage.objects.order_by("id").values_list("filename", flat=True))


def stored(directory: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in directory.rglob("*") if path.is_file())


# --- the link -----------------------------------------------------------------------------------------


def test_the_link_is_shown_and_comes_back_to_the_same(here: Visitor) -> None:
    link = here.path.partition("?")[0]
    assert f'value="http://testserver{link}" readonly' in here.text
    assert here.open(link).status_code == 200
    assert here.form.values["insurance_types"] == ["auto"]
    assert Visitor().open(link).status_code == 200  # on another device


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "<bdi>joe@home.example</bdi> or <bdi>(212) 555-0123</bdi>."),
        ({"email": ""}, " <bdi>(212) 555-0123</bdi>."),
        ({"phone_number": ""}, " <bdi>joe@home.example</bdi>."),
    ],
)
def test_it_says_how_the_consumer_will_be_reached(
    visitor: Visitor, agent: AgentSeat, changes: dict[str, str], told: str
) -> None:
    begin(visitor, agent, **changes)
    assert told in visitor.text
    visitor.send("finish")
    assert told in visitor.text


def test_the_page_is_nobody_elses_to_keep_or_find(here: Visitor) -> None:
    assert here.answer.headers["Cache-Control"] == "no-store"
    assert here.answer.headers["X-Robots-Tag"] == "noindex"
    assert here.answer.headers["Referrer-Policy"] == "same-origin"


def test_the_secret_is_kept_as_a_digest_only(here: Visitor) -> None:
    secret = here.path.rpartition("/")[2]
    assert credentials.kind_of(secret) == credentials.CONSUMER_LINK
    assert bytes(submission().resume_digest or b"") == credentials.digest(secret)


@pytest.mark.parametrize("secret", ["x", "agency_csl_" + "0" * 36, "%00", "%F0%9F%98%80", "x" * 3000])
def test_any_other_link_opens_nothing(here: Visitor, agent: AgentSeat, secret: str) -> None:
    answer = here.open(f"/{agent.slug}/s/{secret}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_nor_does_a_token_of_the_api_or_a_link_with_a_typing_mistake(here: Visitor, agent: AgentSeat) -> None:
    for secret in (agent.token, here.path.rpartition("/")[2].swapcase()):
        with CaptureQueriesContext(connection) as captured:
            assert here.open(f"/{agent.slug}/s/{secret}").status_code == 404
        assert len(captured) == 0


def test_a_link_lives_30_days(here: Visitor) -> None:
    expires = submission().created_at + LINK_LIFETIME
    assert f"{expires:%B} {expires.year}" in here.text
    for age, status in ((timedelta(days=30, minutes=-1), 200), (timedelta(days=30, minutes=1), 404)):
        Submission.objects.update(created_at=timezone.now() - age)
        assert here.open(here.path).status_code == status
    assert "links work for 30 days" in here.text


@pytest.mark.parametrize("path", ["agent", "agency"])
def test_and_as_long_as_the_agent_works_there(
    api: Api, here: Visitor, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, path: str
) -> None:
    gone = {"agent": f"/v1/agents/{agent.id}", "agency": agency.path}[path]
    form = here.form.values
    assert api.delete(gone, token=partner.token).status_code == 204
    for answer in (here.open(here.path), here.post({**form, "insurance_types": ["life"]})):
        assert answer.status_code == 404
        assert "Ann Agent no longer takes requests here." in here.text
    assert submission().insurance_types == ["auto"]


def test_it_goes_on_under_the_new_agent(api: Api, here: Visitor, agent: AgentSeat, colleague: AgentSeat) -> None:
    path = f"/v1/agents/{agent.id}/clients/{submission().client_id}/reassign"
    assert api.post(path, token=agent.token, json={"agent_id": colleague.id}).status_code == 200
    here.send("save", insurance_types=["life"])
    assert here.path.startswith(f"/{colleague.slug}/s/")
    assert "Carl Agent" in here.text
    assert submission().insurance_types == ["life"]


def test_it_goes_on_under_the_agents_new_slug(here: Visitor, agent: AgentSeat) -> None:
    Agent.objects.filter(pk=agent.id).update(slug="ann-agent-renamed")
    assert here.open(here.path).status_code == 200
    assert here.path.startswith("/ann-agent-renamed/s/")


def test_of_a_client_that_was_destroyed_nothing_is_left(api: Api, here: Visitor, agent: AgentSeat) -> None:
    path = f"/v1/agents/{agent.id}/clients/{submission().client_id}/destroy"
    assert api.post(path, token=agent.token).status_code == 204
    assert here.open(here.path).status_code == 404


def test_a_submission_that_the_agent_began_has_no_link(api: Api, agent: AgentSeat) -> None:
    new_submission(api, new_client(api, agent))
    assert submission().resume_digest is None


def test_what_the_page_costs(asked: Visitor) -> None:
    asked.send("upload", files=upload())
    with CaptureQueriesContext(connection) as captured:
        asked.open(asked.path)
    assert len(captured) == 4  # the submission with whose it is; its question sets, their questions; its files
    asked.send("finish", **AUTO)
    with CaptureQueriesContext(connection) as captured:
        asked.open(asked.path)
    assert len(captured) == 4


# --- kinds of insurance and questions -------------------------------------------------------------------


def test_kinds_are_changed(here: Visitor) -> None:
    here.send("save", insurance_types=["life", "home"])
    assert "Your changes are saved." in here.text
    assert here.form.values["insurance_types"] == ["home", "life"]
    assert submission().insurance_types == ["home", "life"]
    here.send("save", insurance_types=["boat"])
    assert here.answer.status_code == 422
    assert submission().insurance_types == ["home", "life"]


def test_questions_are_asked_where_the_agent_asks_them(here: Visitor) -> None:
    assert not [name for name in here.form.values if name.startswith("auto.")]
    assert "How many people drive" not in here.text


def test_answers_are_kept_and_shown_again(asked: Visitor) -> None:
    assert "How many people drive your vehicles?" in asked.text
    asked.send("save", **AUTO)
    assert submission().answers == {"auto": {**KEPT, "incidents": False}}
    values = asked.form.values
    assert {name: values[name.replace("__", ".")] for name in AUTO} == {
        name: value if isinstance(value, list) else [value] for name, value in AUTO.items()
    }


def test_each_kind_of_question_is_asked_and_answered(asked: Visitor) -> None:
    made = QuestionSet.objects.create(insurance_type="other", version=2)
    few, many = ["One", "Two"], [f"Option {number}" for number in range(30)]
    for kind, options in {**{one: [] for one in Question.Kind}, "choice": few, "choices": many}.items():
        made.questions.create(key=kind, label=f"Ask {kind}", kind=kind, options=options, help_text="Like so.")
    made.questions.create(key="long_choice", label="Ask a long choice", kind="choice", options=many)
    asked.send("save", insurance_types=["other"])
    answers = {
        "text": "文字", "long_text": "a\r\nb", "number": "$1,250", "date": "1985-04-23", "yes_no": "true",
        "choice": "Two", "choices": ["Option 3", "Option 28"], "long_choice": "Option 29",
    }  # fmt: skip
    asked.send("save", **{f"other__{name}": value for name, value in answers.items()})
    assert asked.faults == []
    assert submission().answers == {"other": {**answers, "number": 1250, "yes_no": True}}
    assert asked.text.count("Like so.") == 7
    before = AuditEntry.objects.count()
    asked.send("save")  # as the page shows them
    assert submission().answers == {"other": {**answers, "number": 1250, "yes_no": True}}
    assert AuditEntry.objects.count() == before
    asked.send("finish")
    for shown in ("文字", "a<br>b", "1250", "1985-04-23", "Yes", "Option 3, Option 28", "Option 29"):
        assert f">{shown}</dd>" in asked.text


WRONG = {
    "auto__drivers": ("two", "Enter a whole number in digits, for example 2."),
    "auto__vehicles": ("x" * 2001, "Use at most 2000 characters."),
    "auto__use": (["Racing"], "Choose from the options."),
    "auto__incidents": ("perhaps", "Choose yes or no."),
    "home__address": ("x" * 301, "Use at most 300 characters."),
    "home__roof": ("Straw", "Choose one of the options."),
    "life__birth_date": ("23.4.1985", "Enter a date as year-month-day, for example 1985-04-23."),
}


@pytest.mark.parametrize(("name", "typed", "words"), [(name, *one) for name, one in WRONG.items()], ids=list(WRONG))
def test_a_wrong_answer_is_told_beside_its_question_and_what_was_typed_stays(
    asked: Visitor, name: str, typed: Any, words: str
) -> None:
    asked.send("save", insurance_types=["auto", "home", "life"])
    asked.send("save", **{**AUTO, name: typed})
    assert asked.answer.status_code == 422
    [fault] = asked.faults
    assert fault.endswith(f" – {words}")
    values = asked.form.values
    if not isinstance(typed, list) and typed not in ("perhaps", "Straw"):  # no option to be chosen again
        assert values[name.replace("__", ".")] == [typed]
    assert all(values[other.replace("__", ".")] for other in AUTO if other != name)
    assert submission().answers == {}


def test_answers_about_a_kind_that_is_taken_out_go_with_it(asked: Visitor) -> None:
    asked.send("save", **AUTO)
    asked.send("save", insurance_types=["home"])
    assert submission().answers == {}
    assert "auto.drivers" not in asked.form.values


def test_whoever_began_is_asked_the_same_questions_when_there_are_new_ones(asked: Visitor) -> None:
    asked.send("save", **AUTO)
    QuestionSet.objects.create(insurance_type="auto", version=2).questions.create(key="new", label="Something new")
    asked.open(asked.path)
    assert "Something new" not in asked.text
    asked.send("finish")
    assert submission().completed_at


def test_the_enter_key_saves(asked: Visitor) -> None:
    asked.send("upload", files=upload())
    assert asked.form.buttons[0] == "act=save"


# --- files --------------------------------------------------------------------------------------------


def test_files_are_uploaded_and_listed(here: Visitor, declaration_pages_dir: Path) -> None:
    here.send("upload", files=[upload(name="Home 保険.pdf"), upload(PNG, "photo.png", "image/png")])
    assert "Your files are uploaded." in here.text
    assert files() == ["Home 保険.pdf", "photo.png"]
    assert stored(declaration_pages_dir) == sorted([PDF, PNG])
    for name in files():
        assert f"<bdi>{name}</bdi>" in here.text
        assert f'aria-label="Remove {name}"' in here.text
    entry = AuditEntry.objects.filter(action="declaration_page.upload").latest("id")
    assert entry.actor == "consumer"


def test_a_file_that_is_refused_is_named_and_the_others_are_kept(asked: Visitor) -> None:
    sent = [upload(b"GIF89a", "moving.gif", "image/gif"), upload(), upload(b"", "empty.pdf")]
    asked.send("upload", files=sent, **AUTO)
    assert asked.answer.status_code == 422
    assert asked.faults == [
        "Add files – moving.gif: This is not a PDF, PNG, JPEG or WebP file that can be opened.",
        "Add files – empty.pdf: The file is empty.",
    ]
    assert files() == ["declarations.pdf"]
    assert "<bdi>declarations.pdf</bdi>" in asked.text
    assert submission().answers["auto"]["drivers"] == 2


def test_a_wrong_answer_does_not_hold_up_a_file(asked: Visitor) -> None:
    asked.send("upload", files=upload(), auto__drivers="two")
    assert len(asked.faults) == 1
    assert files() == ["declarations.pdf"]
    assert asked.form.values["auto.drivers"] == ["two"]


def test_a_file_of_more_than_20_mb_is_refused_and_nothing_typed_is_lost(asked: Visitor, settings: Any) -> None:
    large = upload(PDF + bytes(settings.MAX_DECLARATION_PAGE_BYTES), "large.pdf")
    asked.send("upload", files=[large, upload()], **AUTO)
    assert asked.faults == ["Add files – large.pdf: The file is larger than 20 MB."]
    assert asked.form.values["auto.vehicles"] == [AUTO["auto__vehicles"]]
    assert files() == ["declarations.pdf"]


def test_an_upload_without_a_file_says_that_one_is_to_be_chosen(here: Visitor) -> None:
    here.send("upload")
    assert here.faults == ["Add files – Choose a file first."]


def test_so_many_files_and_no_more(here: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_PAGES", 1)
    here.send("upload", files=[upload(), upload(name="second.pdf")])
    assert here.faults == ["Add files – second.pdf: Not kept: 20 files are the most."]
    assert files() == ["declarations.pdf"]


def test_a_storage_that_is_away_is_told_beside_the_file(
    asked: Visitor, declaration_pages_dir: Path, settings: Any
) -> None:
    declaration_pages_dir.parent.joinpath("declaration-pages").write_bytes(b"in the way")
    asked.send("upload", files=upload(), **AUTO)
    assert asked.faults == ["Add files – declarations.pdf: The file could not be kept just now. Try again in a moment."]
    assert submission().answers["auto"]["drivers"] == 2


@pytest.mark.django_db(transaction=True)
def test_a_file_is_removed(asked: Visitor, declaration_pages_dir: Path) -> None:
    asked.send("upload", files=[upload(), upload(PNG, "photo.png", "image/png")])
    first = DeclarationPage.objects.order_by("id")[0]
    asked.send(f"remove {first.pk}", **AUTO)
    assert "The file was removed." in asked.text
    assert files() == ["photo.png"]
    assert stored(declaration_pages_dir) == [PNG]
    assert submission().answers["auto"]["drivers"] == 2  # what was typed is saved with it


@pytest.mark.parametrize("page_id", ["", "x", "00000000-0000-7000-8000-000000000000"])
def test_removing_what_is_not_there_does_nothing(here: Visitor, page_id: str) -> None:
    here.send("upload", files=upload())
    here.post({**here.form.values, "act": f"remove {page_id}"})
    assert here.answer.status_code == 200
    assert files() == ["declarations.pdf"]


@pytest.mark.parametrize("act", ["", "x", "a\r\nSet-Cookie: b=c", "保険", "save\x00", " remove"])
def test_any_other_act_just_saves(here: Visitor, act: str) -> None:
    here.post({**here.form.values, "insurance_types": ["life"], "act": act})
    assert here.answer.status_code == 200
    assert "Your changes are saved." in here.text
    assert submission().insurance_types == ["life"]


def test_nor_does_removing_somebody_elses(here: Visitor, agent: AgentSeat) -> None:
    here.send("upload", files=upload())
    theirs = DeclarationPage.objects.get()
    other = begin(Visitor(), agent)
    other.post({**other.form.values, "act": f"remove {theirs.pk}"})
    assert other.answer.status_code == 200
    assert files() == ["declarations.pdf"]


# --- the end ------------------------------------------------------------------------------------------


def test_a_finished_submission_is_the_agents_to_see(api: Api, asked: Visitor, asking: AgentSeat) -> None:
    asked.send("upload", files=upload(), **AUTO)
    asked.send("finish")
    assert "Thank you, <bdi>Joe</bdi>" in asked.text
    url = f"/v1/agents/{asking.id}/clients?include=submissions.declaration_pages"
    [client] = data(api.get(url, token=asking.token))
    [sent] = client["submissions"]
    assert sent["status"] == "complete"
    assert sent["answers"] == {"auto": {**KEPT, "incidents": False}}
    [page] = sent["declaration_pages"]
    link = f"/v1/agents/{asking.id}/clients/{client['uuid']}/submission/{sent['uuid']}/declaration-page/{page['uuid']}"
    url = data(api.get(link, token=asking.token))["url"].removeprefix("http://testserver")
    assert b"".join(api.get(url)) == PDF


def test_what_is_still_needed_is_told_and_what_was_typed_is_saved(asked: Visitor) -> None:
    asked.send("finish", auto__drivers="3", auto__vehicles="")
    assert asked.answer.status_code == 422
    assert asked.faults == ["Year, make and model of each vehicle – Answer this question."]
    assert submission().completed_at is None
    assert submission().answers == {"auto": {"drivers": 3}}
    asked.send("finish", auto__vehicles="A van")
    assert submission().completed_at


def test_a_kind_that_is_chosen_at_the_end_comes_with_its_questions(asked: Visitor) -> None:
    asked.send("finish", insurance_types=["auto", "home"], **AUTO)
    assert asked.faults == ["Address of the home – Answer this question."]
    assert asked.form.values["auto.drivers"] == ["2"]
    asked.send("finish", home__address="1 Harbour Street")
    assert submission().completed_at


def test_nothing_to_insure_is_not_sent(here: Visitor) -> None:
    here.send("finish", insurance_types=None)
    assert here.faults == ["What would you like to insure? – Choose at least one kind of insurance."]
    assert submission().completed_at is None


def test_a_file_that_is_refused_holds_up_the_end(here: Visitor) -> None:
    here.send("finish", files=upload(b"no such file", "page.pdf"))
    assert len(here.faults) == 1
    assert submission().completed_at is None


def test_once_sent_it_is_only_read(here: Visitor, declaration_pages_dir: Path) -> None:
    here.send("upload", files=upload())
    form, path = here.form.values, here.path
    here.send("finish")
    page = DeclarationPage.objects.get()
    for act in ("save", "upload", f"remove {page.pk}", "finish"):
        here.path = path
        here.post({**form, "insurance_types": ["life"], "act": act, "files": upload(PNG)})
        assert here.answer.status_code == 200
        assert "Thank you" in here.text
        assert "<form" not in here.text
    assert submission().insurance_types == ["auto"]
    assert files() == ["declarations.pdf"]
    assert here.answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("act", ["save", "upload", "remove", "finish"])
def test_what_is_sent_from_one_window_is_not_changed_from_another(
    here: Visitor, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """Finished between the moment when this request was let in and the moment when it acts."""
    here.send("upload", files=upload())
    page, form, count = DeclarationPage.objects.get(), here.form.values, guards.count_change

    def finished_meanwhile(request: Any) -> Any:
        Submission.objects.update(completed_at=timezone.now())
        return count(request)

    monkeypatch.setattr(guards, "count_change", finished_meanwhile)
    body = {**form, "insurance_types": ["life"], "act": f"{act} {page.pk}", "files": upload(PNG)}
    here.post(body)
    assert "Thank you" in here.text
    assert submission().insurance_types == ["auto"]
    assert files() == ["declarations.pdf"]
