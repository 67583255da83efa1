"""A real browser, and what it saw."""

import atexit
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from playwright.sync_api import Browser, Page, sync_playwright

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
    """Of a browser that knows nothing of windows before. Where not `scripts`, it has JavaScript turned off."""
    with (
        _browser().new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts) as unknowing,
        unknowing.new_page() as page,
    ):
        visit = Visit(page)
        page.on("response", lambda response: visit.answered.append(response.url))
        page.on("console", lambda message: visit.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        yield visit


@cache
def _browser() -> Browser:
    """For the whole run, with which it ends: it takes longer to start than most tests."""
    # Playwright keeps an event loop in this thread, in which Django would refuse to ask its database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
