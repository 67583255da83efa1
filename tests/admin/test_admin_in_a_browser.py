"""The admin as a person sees it: one act from the login to its end, in a real browser."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from agencies.models import Agency
from tests.browser import browser_window
from tests.factories import AgencyFactory, AgentFactory

pytestmark = pytest.mark.browser


def choose(page: Page, act: str, width: int) -> None:
    """On a phone the acts are behind a button."""
    if width < 1024:
        page.get_by_text("more_horiz").click()
    page.get_by_role("link", name=act, exact=True).click()


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
def test_an_administrator_finds_an_agency_and_deactivates_it(live_server: Any, width: int) -> None:
    User.objects.create_superuser("person", password="a long enough password")
    agency = AgencyFactory(name="Harbour Insurance")
    AgentFactory(agency=agency)
    AgencyFactory(name="Elsewhere")
    with browser_window(width) as visit:
        page = visit.page
        page.goto(f"{live_server.url}/admin/agencies/agency/?q=harbour")
        page.get_by_label("Username").fill("person")
        page.get_by_label("Password").fill("a long enough password")
        page.get_by_role("button", name="Log in").click()
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
