"""The docs page in a real browser."""

import shutil
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.browser
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip


REDOCS_OWN_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
def test_the_page_renders_every_call_without_any_outside_host(live_server: Any, width: int) -> None:
    answered: list[str] = []
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("response", lambda response: answered.append(response.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"{live_server.url}/docs/")
        page.locator("h2", has_text="Create an agency with its owner").wait_for()
        page.get_by_role("tab", name="curl").first.click()
        assert page.get_by_text("curl -X GET").first.is_visible()
        browser.close()
    assert [url for url in answered if not url.startswith((live_server.url, "data:", "blob:"))] == []
    # The policy stops it before anything leaves the browser.
    assert [text for text in complaints if REDOCS_OWN_LOGO not in text or "Content Security Policy" not in text] == []
