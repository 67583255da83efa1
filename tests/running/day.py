"""A day of a running service, with values that are told apart from all others wherever they turn up."""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from uuid import uuid4

import requests
from reportlab.pdfgen.canvas import Canvas

from tests.clients.visitor import Visitor

MARK = "quix"
"""In each name, word and address of the day, in some case; digits have marks of their own."""
EMAIL = "zerlinda@quixmail.example"
PHONE = "(212) 555-0187"
POLICY = "QUIX-778-9911"
PERSON = {"first_name": "Quixinda", "last_name": "Quixworthy"}
FILE_NAME = "quixworthy-declarations.pdf"
PASSWORD = "Quix-password-7Tz1"
DIGITS = ("5550187", "555-0187", "778-9911", "7789911")
ANSWER = "Quixotic answer"


def declarations() -> bytes:
    """A PDF that a worker reads the policy's number from."""
    buffer = BytesIO()
    canvas = Canvas(buffer, invariant=1)
    for row, line in enumerate(("Quix Mutual Insurance Company", "Personal Auto Policy", f"Policy Number: {POLICY}")):
        canvas.drawString(72, 720 - 24 * row, line)
    canvas.save()
    return buffer.getvalue()


@dataclass
class Day:
    """Who calls, and what came of it so far."""

    url: str
    client_id: str
    client_secret: str
    receiver: str
    """The webhook's address."""
    secrets: list[str] = field(default_factory=list)
    """Everything that opens something."""
    partner: str = ""
    """Its access token."""
    agency_id: int = 0
    agent_id: int = 0
    token: str = ""
    """The agent's, who owns the agency."""
    slug: str = ""
    client: str = ""
    """The path of a client."""
    submission: str = ""
    page: str = ""
    webhook: str = ""

    def call(self, method: str, path: str, *, token: str = "", **facts: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= facts.pop("headers", {})
        return requests.request(method, f"{self.url}{path}", headers=headers, timeout=30, **facts)

    def data(self, method: str, path: str, **facts: Any) -> Any:
        """What a good answer gives."""
        answer = self.call(method, path, **facts)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        return answer.json()["data"] if answer.content else None

    # --- what goes well -------------------------------------------------------------------------------

    def begin(self) -> None:
        """The partner's part."""
        grant = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        self.partner = self.call("POST", "/oauth/token", json=grant).json()["access_token"]
        body = {"agency_name": "Quix Insurance", "email": EMAIL, "referral": "quix-referral", **PERSON}
        key = f"quix-key-{uuid4()}"
        headers = {"Idempotency-Key": key}
        made = self.data("POST", "/v1/agencies", token=self.partner, json=body, headers=headers)
        self.agency_id, self.agent_id, first = made["agency"]["id"], made["agent"]["id"], made["agent"]["access_token"]
        reset = self.data("POST", f"/v1/agents/{self.agent_id}/reset-access-token", token=self.partner)["agent"]
        self.token, self.slug = reset["access_token"], reset["slug"]
        self.secrets += [self.client_secret, self.partner, key, first, self.token]
        rows = [{**PERSON, "email": f"quix{number}@quixmail.example", "phone_number": PHONE} for number in range(3)]
        self.data("POST", f"/v1/agencies/{self.agency_id}/agents/bulk", token=self.partner, json={"agents": rows})
        for query in (f"filterByEmail={EMAIL}", "cursor=first&perPage=1"):
            self.data("GET", f"/v1/agents?{query}", token=self.partner)

    def collect(self) -> None:
        """The agent's part."""
        made = self.data("POST", "/v1/webhooks", token=self.token, json={"url": self.receiver, "events": ["*"]})
        self.webhook = f"/v1/webhooks/{made['uuid']}"
        rotated = self.data("POST", f"{self.webhook}/rotate-secret", token=self.token)
        self.secrets += [made["secret"], rotated["secret"]]
        body = {**PERSON, "email": EMAIL, "phone_number": PHONE}
        client = self.data("POST", "/v1/client", token=self.token, json=body)["uuid"]
        self.client = f"/v1/agents/{self.agent_id}/clients/{client}"
        begun = {"insurance_types": ["auto"], "answers": {}}
        submission = self.data("POST", f"{self.client}/submissions", token=self.token, json=begun)["uuid"]
        self.submission = f"{self.client}/submissions/{submission}"
        page = self.upload()["uuid"]
        self.page = f"{self.submission}/declaration-pages/{page}"
        self.data("PATCH", self.page, token=self.token, json={"policy_number": POLICY, "carrier": "Quix Mutual"})
        link = self.link()
        assert requests.get(link, timeout=30).content == declarations()
        self.secrets.append(link.rpartition("/")[2])
        words = {"search": "quixw", "filterByName": "quixinda", "filterByEmail": EMAIL, "filterByPhone": PHONE}
        for name, word in words.items():
            path = f"/v1/agents/{self.agent_id}/clients"
            found = self.data("GET", path, token=self.token, params={name: word, "sort": "last_name", "cursor": ""})
            assert [one["uuid"] for one in found] == [client]

    def upload(self, content: bytes | None = None, **headers: str) -> Any:
        files = {"file": (FILE_NAME, content or declarations(), "application/pdf")}
        path = f"{self.submission}/declaration-pages"
        return self.data("POST", path, token=self.token, files=files, headers=headers)

    def link(self) -> str:
        """To the file of the declaration page."""
        submission, page = (path.rpartition("/")[2] for path in (self.submission, self.page))
        path = f"{self.client}/submission/{submission}/declaration-page/{page}"
        return self.data("GET", path, token=self.token)["url"]

    def change(self, **headers: str) -> None:
        """One event."""
        name = f"Quixinda{uuid4().hex[:6]}"
        self.data("PATCH", self.client, token=self.token, json={"first_name": name}, headers=headers)


class Browser:
    """A real one's way to the service, for a Visitor."""

    def __init__(self, url: str) -> None:
        self._url, self.session = url, requests.Session()

    def get(self, path: str, *, headers: dict[str, str], **_: Any) -> requests.Response:
        return self.session.get(f"{self._url}{path}", headers=headers, allow_redirects=False, timeout=30)

    def post(self, path: str, values: dict[str, Any], *, headers: dict[str, str], **_: Any) -> requests.Response:
        """As multipart, which it must be where there is a file."""
        sent = [(name, one) for name, given in values.items() for one in given]
        files = [(name, one if isinstance(one, tuple) else (None, one)) for name, one in sent]
        return self.session.post(f"{self._url}{path}", files=files, headers=headers, allow_redirects=False, timeout=30)


def visitor(url: str) -> Visitor:
    return Visitor(browser=Browser(url))  # type: ignore[arg-type]
