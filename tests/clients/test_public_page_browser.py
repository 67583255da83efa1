"""The public page as a consumer sees it: on a phone and at a desk, with JavaScript and without, and for everybody."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from agencies.models import Agency
from clients.models import Submission
from clients.public import guards
from tests.answers import data
from tests.browser import Visit, browser_window
from tests.clients.conftest import PDF
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.pictures import picture, upload

pytestmark = pytest.mark.browser

WIDTHS = pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["JavaScript", "no JavaScript"])
Look = Callable[[Visit, str], None]
AXE = Axe()
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""What Chromium says on its console of an answer that is meant."""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playwright types faster than anybody."""
    monkeypatch.setattr(guards, "LEAST_FILLING", guards.LEAST_FILLING * 0)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "my policy.pdf"
    path.write_bytes(PDF)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "保険.png"
    path.write_bytes(picture())
    return path


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Judges a state of the page: nothing that axe finds, nothing wider than the window. Leaves a picture of it."""

    def judge(visit: Visit, name: str) -> None:
        visit.page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = AXE.run(visit.page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"

    return judge


def assert_calm(visit: Visit, server: str) -> None:
    """Nothing asked of other hosts, nothing stopped by the policy, no script that failed."""
    assert visit.outside(server) == []
    assert [text for text in visit.complaints if not REFUSED.match(text)] == []


def fill(page: Page, **changes: str) -> None:
    values = {"First name": "Joe", "Last name": "Consumer", "E-mail": "joe@home.example", "Phone": "(212) 555-0123"}
    for label, value in {**values, **changes}.items():
        page.get_by_label(label).fill(value)


def begin(page: Page, server: str, agent: AgentSeat) -> None:
    page.goto(f"{server}/{agent.slug}")
    fill(page)
    page.get_by_label("Auto").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Your insurance, Joe")).to_be_visible()


def answer_questions(page: Page) -> None:
    page.get_by_label("How many people drive your vehicles?").fill("2")
    page.get_by_label("Year, make and model of each vehicle").fill("2020 Honda Civic")
    page.get_by_label("Commuting").check()
    page.get_by_role("group", name="Any accidents or tickets").get_by_label("No", exact=True).check()


def brand(api: Api, agency: AgencySeat, agent: AgentSeat, color: str) -> None:
    """A logo, this colour, and a picture and number of the agent's."""
    token = agency.owner.token
    logo = upload(picture(color="darkcyan", size=(240, 80)))
    assert api.call("PATCH", agency.path, token=token, form={"logo": logo, "color_code": color}).status_code == 200
    form = {"profile_picture": upload(picture(color="tan", size=(90, 90))), "phone_number": "(212) 555-0199"}
    path = f"{agency.path}/agents/{agent.id}"
    assert api.call("PATCH", path, token=token, form=form).status_code == 200


# --- from the beginning to the end ----------------------------------------------------------------------


@WIDTHS
@SCRIPTS
def test_a_consumer_sends_everything_and_the_agent_sees_it(
    api: Api, live_server: Any, asking: AgentSeat, look: Look, policy: Path, photo: Path, width: int, scripts: bool
) -> None:
    def judged(name: str) -> None:
        if scripts:
            look(visit, name)

    with browser_window(width, scripts=scripts) as visit:
        page = visit.page
        page.goto(f"{live_server.url}/{asking.slug}")
        judged("empty")
        begin(page, live_server.url, asking)
        judged("begun")
        answer_questions(page)
        page.get_by_label("Add files").set_input_files([policy, photo])
        if not scripts:
            page.get_by_role("button", name="Upload").click()
        expect(page.locator("#kept li")).to_have_count(2)
        expect(page.get_by_label("How many people drive your vehicles?")).to_have_value("2")
        judged("uploaded")
        page.get_by_role("button", name="Remove 保険.png").click()
        expect(page.get_by_role("status").filter(has_text="The file was removed.")).to_be_visible()
        page.get_by_role("button", name="Save for later").click()
        expect(page.get_by_role("status").filter(has_text="Your changes are saved.")).to_be_visible()
        link = page.get_by_label("Your private link").input_value()
        page.goto("about:blank")
        page.goto(link)
        expect(page.get_by_label("Year, make and model of each vehicle")).to_have_value("2020 Honda Civic")
        page.get_by_role("button", name="Send to Ann").click()
        expect(page.get_by_role("heading", name="Thank you, Joe")).to_be_visible()
        judged("finished")
        page.goto(link)
        expect(page.get_by_role("heading", name="Thank you, Joe")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)
    assert_calm(visit, live_server.url)
    url = f"/v1/agents/{asking.id}/clients?include=submissions.declaration_pages"
    [client] = data(api.get(url, token=asking.token))
    assert (client["last_name"], client["email"]) == ("Consumer", "joe@home.example")
    [sent] = client["submissions"]
    kept = {"drivers": 2, "vehicles": "2020 Honda Civic", "use": ["Commuting"], "incidents": False}
    assert (sent["status"], sent["answers"]) == ("complete", {"auto": kept})
    [kept_page] = sent["declaration_pages"]
    assert (kept_page["filename"], kept_page["size"]) == ("my policy.pdf", len(PDF))


# --- errors -------------------------------------------------------------------------------------------


@WIDTHS
@SCRIPTS
def test_what_is_wrong_is_shown_at_once_and_leads_to_its_field(
    live_server: Any, asking: AgentSeat, look: Look, width: int, scripts: bool
) -> None:
    with browser_window(width, scripts=scripts) as visit:
        page = visit.page
        page.goto(f"{live_server.url}/{asking.slug}")
        fill(page, **{"First name": "", "E-mail": "joe@home"})
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("#summary")).to_be_focused()
        expect(page).to_have_title(re.compile("^Error: "))
        expect(page.get_by_label("E-mail")).to_have_value("joe@home")
        if scripts:
            look(visit, "faults-of-the-form")
        page.get_by_role("link", name="E-mail").click()
        expect(page.get_by_label("E-mail")).to_be_focused()
        expect(page.get_by_label("E-mail")).to_have_accessible_description(
            "Enter an e-mail address like name@example.com."
        )
        page.get_by_role("link", name="What would you like to insure?").click()
        expect(page.get_by_label("Auto")).to_be_focused()
        fill(page)
        page.get_by_label("Auto").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("How many people drive your vehicles?").fill("two")
        page.get_by_role("button", name="Send to Ann").click()
        expect(page.locator("#summary")).to_be_focused()
        if scripts:
            look(visit, "faults-of-answers")
        page.get_by_role("link", name="How many people drive your vehicles?").click()
        expect(page.get_by_label("How many people drive your vehicles?")).to_be_focused()
    assert_calm(visit, live_server.url)


@WIDTHS
def test_refusals_are_pages_too(
    api: Api, live_server: Any, partner: PartnerSeat, agent: AgentSeat, deactivated_agent: AgentSeat, settings: Any,
    look: Look, width: int,
) -> None:  # fmt: skip
    settings.RATE_LIMIT_PUBLIC_START = "1/h"
    with browser_window(width) as visit:
        page = visit.page
        page.goto(f"{live_server.url}/nobody-at-all")
        expect(page.get_by_role("heading", name="This page is not available")).to_be_visible()
        look(visit, "nobody")
        page.goto(f"{live_server.url}/{deactivated_agent.slug}")
        expect(page.get_by_text("Dan Agent no longer takes requests here.")).to_be_visible()
        look(visit, "deactivated")
        begin(page, live_server.url, agent)
        page.goto(f"{live_server.url}/{agent.slug}")
        fill(page)
        page.get_by_label("Home").check()
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("#summary")).to_contain_text("Too many requests")
        expect(page.get_by_label("First name")).to_have_value("Joe")
        look(visit, "too-often")
        settings.RATE_LIMIT_ADDRESS = "1/m"
        for _ in range(2):
            page.goto(f"{live_server.url}/nobody-at-all")
        expect(page.get_by_role("heading", name="Too many requests")).to_be_visible()
        look(visit, "searching")
        page.context.clear_cookies()
        page.goto(f"{live_server.url}/{agent.slug}")
        page.context.clear_cookies()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("Allow cookies for this site")).to_be_visible()
        look(visit, "cookies")
    assert_calm(visit, live_server.url)


# --- colours ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("color", ["FFFFE0", "0A0A12", "FF0000"])
@WIDTHS
def test_whatever_the_colour_everything_can_be_read(
    api: Api, live_server: Any, agency: AgencySeat, asking: AgentSeat, look: Look, width: int, color: str
) -> None:
    brand(api, agency, asking, color)
    with browser_window(width) as visit:
        begin(visit.page, live_server.url, asking)
        visit.page.get_by_label("Home").hover()
        look(visit, f"link-{color}")
        visit.page.goto(f"{live_server.url}/{asking.slug}")
        assert visit.page.get_by_role("img", name=agency.name).evaluate("image => image.naturalWidth") == 240
        visit.page.get_by_label("Auto").check()
        visit.page.get_by_role("button", name="Continue").hover()
        look(visit, f"form-{color}")
    assert_calm(visit, live_server.url)


def test_names_in_any_script_stand_as_they_are_written(live_server: Any, agent: AgentSeat, look: Look) -> None:
    Agency.objects.update(name="تأمين الميناء")
    with browser_window(320) as visit:
        page = visit.page
        page.goto(f"{live_server.url}/{agent.slug}")
        fill(page, **{"First name": "فاطمة", "Last name": "Ã" * 60})
        assert page.get_by_label("First name").evaluate("field => getComputedStyle(field).direction") == "rtl"
        page.get_by_label("Life").check()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="فاطمة")).to_be_visible()
        look(visit, "scripts")
    assert_calm(visit, live_server.url)


# --- what JavaScript adds -------------------------------------------------------------------------------


@WIDTHS
def test_an_upload_shows_its_progress_and_what_goes_wrong(
    live_server: Any, asking: AgentSeat, tmp_path: Path, policy: Path, look: Look, settings: Any, width: int
) -> None:
    large, note, slow = tmp_path / "large.pdf", tmp_path / "note.txt", tmp_path / "slow.pdf"
    large.write_bytes(PDF + bytes(settings.MAX_DECLARATION_PAGE_BYTES))
    note.write_text("no declaration page")
    slow.write_bytes(PDF + bytes(400_000))
    with browser_window(width) as visit:
        page = visit.page
        begin(page, live_server.url, asking)
        page.get_by_label("How many people drive your vehicles?").fill("2")
        line = page.context.new_cdp_session(page)
        line.send("Network.enable")
        throttled = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 150_000}
        line.send("Network.emulateNetworkConditions", throttled)
        page.get_by_label("Add files").set_input_files([slow, large, note])
        bar = page.get_by_role("progressbar", name="Upload of slow.pdf")
        expect(bar).to_be_visible()
        page.wait_for_function(
            "() => { const bar = document.querySelector('progress'); return bar.value > 0.1 && bar.value < 1 }"
        )
        look(visit, "uploading")
        page.get_by_role("button", name="Send to Ann").click()
        expect(page.locator("#upload-status")).to_have_text("Wait until your files are uploaded, then press again.")
        expect(page.locator("#kept")).to_contain_text("slow.pdf")
        rows = page.locator("#uploads li")
        expect(rows).to_have_count(2)
        expect(rows.filter(has_text="large.pdf")).to_contain_text("The file is larger than 20 MB.")
        expect(rows.filter(has_text="note.txt")).to_contain_text("This is not a PDF, PNG, JPEG or WebP file")
        expect(page.locator("#upload-status")).to_have_text(re.compile("^note.txt: This is not a PDF"))
        look(visit, "failed")
        page.get_by_role("button", name="Dismiss: note.txt").click()
        page.get_by_role("button", name="Dismiss: large.pdf").click()
        expect(page.locator("#uploads")).to_be_hidden()
        line.send("Network.emulateNetworkConditions", {**throttled, "offline": True})
        page.get_by_label("Add files").set_input_files(policy)
        expect(rows).to_contain_text("The connection was lost.")
        line.send("Network.emulateNetworkConditions", throttled)
        page.get_by_role("button", name="Try again: my policy.pdf").click()
        expect(page.locator("#kept li")).to_have_count(2)
        expect(page.locator("#upload-status")).to_have_text("my policy.pdf is uploaded.")
        expect(page.get_by_label("How many people drive your vehicles?")).to_have_value("2")
    assert Submission.objects.get().answers == {"auto": {"drivers": 2}}
    assert visit.outside(live_server.url) == []
    meant = re.compile(r"Failed to load resource: (net::ERR_INTERNET_DISCONNECTED|.* status of 422)")
    assert [text for text in visit.complaints if not meant.match(text)] == []


def test_the_private_link_is_copied_at_a_press(live_server: Any, agent: AgentSeat) -> None:
    with browser_window(390) as visit:
        page = visit.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        begin(page, live_server.url, agent)
        page.get_by_role("button", name="Copy").click()
        expect(page.locator("#copy-status")).to_have_text("Copied.")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.get_by_label("Your private link").input_value() == page.url.partition("?")[0]
    assert_calm(visit, live_server.url)


def test_two_presses_are_one(live_server: Any, agent: AgentSeat) -> None:
    with browser_window(390) as visit:
        page = visit.page
        page.goto(f"{live_server.url}/{agent.slug}")
        fill(page)
        page.get_by_label("Auto").check()
        page.get_by_role("button", name="Continue").dblclick()
        expect(page.get_by_role("heading", name="Your insurance, Joe")).to_be_visible()
    assert Submission.objects.count() == 1


@SCRIPTS
def test_it_can_be_done_by_the_keyboard_alone(live_server: Any, agent: AgentSeat, scripts: bool) -> None:
    with browser_window(1280, scripts=scripts) as visit:
        page, keys = visit.page, visit.page.keyboard
        page.goto(f"{live_server.url}/{agent.slug}")
        keys.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
        keys.press("Enter")
        for value in ("Joe", "Consumer", "joe@home.example", ""):
            keys.press("Tab")
            keys.insert_text(value)
        keys.press("Tab")
        keys.press("Space")
        for _ in range(7):
            keys.press("Tab")
        expect(page.get_by_role("button", name="Continue")).to_be_focused()
        keys.press("Enter")
        expect(page.get_by_role("heading", name="Your insurance, Joe")).to_be_visible()
    assert Submission.objects.get().insurance_types == ["auto"]
