"""A consumer at a browser without JavaScript: reads the form that a page shows, and sends it with what was changed."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

from django.http import HttpResponse

from tests.web import WebClient

NOT_SENT = {"submit", "button", "file"}


@dataclass
class Form(HTMLParser):
    """The one form of a page, with the values that it would send."""

    values: dict[str, list[str]] = field(default_factory=dict)
    action: str = ""
    buttons: list[str] = field(default_factory=list)
    """`name=value` of each, in their order: the first is what the Enter key presses."""
    _open: tuple[str, str] = ("", "")
    """The element that has its value inside, and its name."""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        facts = dict(pairs)
        name, kind = facts.get("name") or "", facts.get("type") or "text"
        if tag == "form":
            self.action = facts["action"] or ""
        elif tag == "button" and name:
            self.buttons.append(f"{name}={facts['value']}")
        elif tag == "input" and name and kind not in NOT_SENT:
            if kind not in ("checkbox", "radio") or "checked" in facts:
                self.values.setdefault(name, []).append(facts.get("value") or "")
        elif tag == "textarea":
            self._open = tag, name
            self.values[name] = [""]
        elif tag == "select":
            self._open = tag, name
        elif tag == "option" and "selected" in facts:
            self.values[self._open[1]] = [facts.get("value") or ""]

    def handle_data(self, data: str) -> None:
        if self._open[0] == "textarea":
            [before] = self.values[self._open[1]]
            self.values[self._open[1]] = [before + (data if before else data.lstrip("\r\n"))]

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open[0]:
            self._open = "", ""


@dataclass
class Visitor:
    """Where a consumer is: the last answer, after any redirects."""

    address: str = "127.0.0.1"
    browser: WebClient = field(
        default_factory=lambda: WebClient(enforce_csrf_checks=True, raise_request_exception=False)
    )
    path: str = ""
    answer: Any = None

    def open(self, path: str) -> HttpResponse:
        """Goes there."""
        self.path = path
        return self._arrive(self.browser.get(path, REMOTE_ADDR=self.address, headers={"accept": "text/html"}))

    def send(self, act: str | None = None, **changes: Any) -> HttpResponse:
        """Fills in the form, with `.` in names written `__`, and presses the button; a list is several values, None
        an empty field."""
        form = self.form
        values: dict[str, Any] = dict(form.values)
        for name, value in changes.items():
            values[name.replace("__", ".")] = [] if value is None else value if isinstance(value, list) else [value]
        if act:
            assert f"act={act}" in form.buttons
            values["act"] = [act]
        self.path = urljoin(self.path, form.action)
        return self.post(values)

    def post(self, values: dict[str, Any]) -> HttpResponse:
        return self._arrive(
            self.browser.post(self.path, values, REMOTE_ADDR=self.address, headers={"accept": "text/html"})
        )

    @property
    def form(self) -> Form:
        form = Form()
        form.feed(self.text)
        return form

    @property
    def text(self) -> str:
        return self.answer.content.decode()

    @property
    def faults(self) -> list[str]:
        """What the page says is wrong, as its summary tells it."""
        found = re.search(r'id="summary".*?</div>', self.text, re.DOTALL)
        return [re.sub(r"<[^>]+>", "", one) for one in re.findall(r"<li>(.*?)</li>", found[0])] if found else []

    def _arrive(self, answer: Any) -> HttpResponse:
        self.answer = answer
        if answer.status_code in (301, 302, 303):
            return self.open(answer.headers["Location"].partition("#")[0])
        return answer
