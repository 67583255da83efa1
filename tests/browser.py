"""A real browser, and what it saw."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip


@dataclass(frozen=True)
class Visit:
    """One window of `width` pixels."""

    page: Page
    answered: list[str] = field(default_factory=list)
    """The address of every answer that reached the browser."""
    complaints: list[str] = field(default_factory=list)
    """Errors on its console: scripts that failed, what the Content-Security-Policy stopped."""

    def outside(self, server: str) -> list[str]:
        """Answers of other hosts than the server."""
        return [url for url in self.answered if not url.startswith((server, "data:", "blob:"))]


@contextmanager
def browser_window(width: int, *, scripts: bool = True) -> Iterator[Visit]:
    """Where not `scripts`, the browser has JavaScript turned off."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        visit = Visit(browser.new_page(viewport={"width": width, "height": 900}, java_script_enabled=scripts))
        visit.page.on("response", lambda response: visit.answered.append(response.url))
        visit.page.on(
            "console", lambda message: visit.complaints.append(message.text) if message.type == "error" else None
        )
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        yield visit
        browser.close()
