"""The docs page in a real browser."""

from typing import Any

import pytest

from tests.browser import browser_window

pytestmark = pytest.mark.browser


REDOCS_OWN_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
def test_the_page_renders_every_call_without_any_outside_host(live_server: Any, width: int) -> None:
    with browser_window(width) as visit:
        visit.page.goto(f"{live_server.url}/docs/")
        visit.page.locator("h2", has_text="Create an agency with its owner").wait_for()
        visit.page.locator("h2", has_text="client.sales-funnel-status-change").wait_for()  # what receivers get
        visit.page.get_by_role("tab", name="curl").first.click()
        assert visit.page.get_by_text("curl -X GET").first.is_visible()
    assert visit.outside(live_server.url) == []
    # The policy stops it before anything leaves the browser.
    unexpected = [
        text for text in visit.complaints if REDOCS_OWN_LOGO not in text or "Content Security Policy" not in text
    ]
    assert unexpected == []
