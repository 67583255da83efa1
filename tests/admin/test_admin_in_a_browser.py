"""The admin as a person sees it: acts from the login to their end, in a real browser."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from agencies.models import Agency
from agents.models import Agent
from clients.models import Client, Question, QuestionSet
from clients.services.clients import create_client
from clients.services.declaration_pages import add_declaration_page
from clients.services.submissions import complete_submission, start_submission
from tests.browser import browser_window
from tests.clients.conftest import PDF, upload
from tests.conftest import COMMAND_LINE
from tests.factories import AgencyFactory, AgentFactory

pytestmark = pytest.mark.browser


WIDTHS = pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])


@pytest.fixture(autouse=True)
def _person(transactional_db: None) -> None:
    User.objects.create_superuser("person", password="a long enough password")


def log_in(page: Page, url: str) -> None:
    """Begins at this page, which the login leads to."""
    page.goto(url)
    page.get_by_label("Username").fill("person")
    page.get_by_label("Password").fill("a long enough password")
    page.get_by_role("button", name="Log in").click()


def choose(page: Page, act: str, width: int) -> None:
    """On a phone the acts are behind a button."""
    if width < 1024:
        page.get_by_text("more_horiz").click()
    page.get_by_role("link", name=act, exact=True).click()


@WIDTHS
def test_an_administrator_finds_an_agency_and_deactivates_it(live_server: Any, width: int) -> None:
    agency = AgencyFactory(name="Harbour Insurance")
    AgentFactory(agency=agency)
    AgencyFactory(name="Elsewhere")
    with browser_window(width) as visit:
        page = visit.page
        log_in(page, f"{live_server.url}/admin/agencies/agency/?q=harbour")
        page.get_by_role("link", name="Harbour Insurance").click()
        choose(page, "Deactivate", width)
        page.get_by_role("link", name="Cancel").click()
        choose(page, "Deactivate", width)
        expect(page.get_by_role("heading", name="Deactivate: Harbour Insurance")).to_be_visible()
        page.get_by_role("button", name="Deactivate").click()
        expect(page.get_by_text("Done: deactivate.")).to_be_visible()
        database_says = Agency.objects.filter(deactivated_at__isnull=False)
    assert [one.name for one in database_says] == ["Harbour Insurance"]
    assert visit.outside(live_server.url) == []
    assert visit.complaints == []


@pytest.fixture
def joe(transactional_db: None) -> Client:
    """Who sent a submission with answers and a declaration page."""
    asked = QuestionSet.objects.create(insurance_type="auto", version=7)
    Question.objects.create(question_set=asked, position=1, key="drivers", label="How many drivers?", kind="number")
    Question.objects.create(
        question_set=asked, position=2, key="use", label="What for?", kind="choices", options=["Business", "Pleasure"]
    )
    agent = AgentFactory(agency__name="Harbour Insurance", last_name="Reed", additional_questions_enabled=True)
    AgentFactory(agency=agent.agency, first_name="Carl", last_name="Colleague")
    values = {"first_name": "Joe", "last_name": "Consumer", "email": "joe@home.example"}
    joe = create_client(actor=COMMAND_LINE, agency_id=agent.agency_id, agent_id=agent.pk, values=values)
    sent = {"insurance_types": ["auto"], "answers": {"auto": {"drivers": 2, "use": ["Pleasure"]}}}
    submission = start_submission(actor=COMMAND_LINE, client=joe, values=sent)
    add_declaration_page(actor=COMMAND_LINE, submission=submission, upload=upload())
    complete_submission(actor=COMMAND_LINE, submission=submission)
    return joe


@WIDTHS
def test_an_administrator_looks_into_a_clients_submission_reassigns_and_destroys_it(
    live_server: Any, joe: Client, width: int
) -> None:
    with browser_window(width) as visit:
        page = visit.page
        log_in(page, f"{live_server.url}/admin/clients/client/")
        page.get_by_placeholder("Name, e-mail address, phone or id").fill("joe consumer")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Joe Consumer").click()
        expect(page.get_by_text("How many drivers?")).to_be_visible()
        expect(page.get_by_text("Pleasure")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="declarations.pdf").click()
        assert download.value.suggested_filename == "declarations.pdf"
        assert download.value.path().read_bytes() == PDF
        choose(page, "Reassign", width)
        page.locator(".select2-selection").click()
        page.locator(".select2-search__field").fill("coll")
        page.get_by_role("option", name="Carl Colleague").click()
        page.get_by_role("button", name="Reassign").click()
        expect(page.get_by_text("Done: reassign.")).to_be_visible()
        expect(page.get_by_text("Carl Colleague")).to_be_visible()
        choose(page, "Destroy", width)
        page.get_by_label("Name").fill("Jim")
        page.get_by_role("button", name="Destroy").click()
        expect(page.get_by_text("This is not the client's name.")).to_be_visible()
        page.get_by_label("Name").fill("Joe Consumer")
        page.get_by_role("button", name="Destroy").click()
        expect(page.get_by_text("Done: the client was destroyed.")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not Client.objects.exists()
    assert visit.outside(live_server.url) == []
    assert visit.complaints == []


@WIDTHS
def test_an_administrator_narrows_the_list_to_an_agent(live_server: Any, joe: Client, width: int) -> None:
    carl = Agent.objects.get(first_name="Carl")
    jane = {"first_name": "Jane", "last_name": "Elsewhere", "email": "jane@home.example"}
    create_client(actor=COMMAND_LINE, agency_id=carl.agency_id, agent_id=carl.pk, values=jane)
    with browser_window(width) as visit:
        page = visit.page
        log_in(page, f"{live_server.url}/admin/clients/client/")
        expect(page.get_by_role("link", name="Jane Elsewhere")).to_be_visible()
        page.get_by_text("Filters").first.click()
        page.locator(".select2-selection").nth(1).click()
        page.get_by_role("option", name="Ann Reed").click()
        page.get_by_role("button", name="Apply Filters").click()
        expect(page.get_by_role("link", name="Joe Consumer")).to_be_visible()
        expect(page.get_by_role("link", name="Jane Elsewhere")).to_have_count(0)
    assert visit.outside(live_server.url) == []
    assert visit.complaints == []


@WIDTHS
def test_an_administrator_publishes_the_next_version_of_the_questions(
    live_server: Any, joe: Client, width: int
) -> None:
    newest = QuestionSet.objects.get(insurance_type="auto", version=7)
    with browser_window(width) as visit:
        page = visit.page
        log_in(page, f"{live_server.url}/admin/clients/questionset/{newest.pk}/change/")
        page.locator("[name=questions-0-label]").fill("How many people drive?")
        page.get_by_text("Add another Question").click()
        page.locator("[name=questions-2-label]").fill("Any accidents?")
        page.locator("[name=questions-2-key]").fill("accidents")
        page.locator("[name=questions-2-kind]").select_option("Yes or no")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Published: auto questions, version 8.")).to_be_visible()
        expect(page.get_by_text("Any accidents?")).to_be_visible()
    published = QuestionSet.objects.get(insurance_type="auto", version=8)
    assert [one.label for one in published.questions.all()] == ["How many people drive?", "What for?", "Any accidents?"]
    assert [one.label for one in newest.questions.all()] == ["How many drivers?", "What for?"]
    assert visit.outside(live_server.url) == []
    assert visit.complaints == []
