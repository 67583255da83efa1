"""Declaration pages of 1, 5 and 20 MB, uploaded and downloaded over HTTP: how fast, and what memory the server takes.

Nothing of a file is kept in memory, so the peak is the same whatever the size.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import orjson

from bench import contest

MB = 1024 * 1024
SIZES = (1, 5, 20)
"""MB; the last is the most that is taken."""
WARM_UP_ROUNDS = 2
ROUNDS = 9
MOST_TIMES = 1.1
BOUNDARY = "bench-boundary"


@dataclass
class Act:
    """What is done to a server with a file of each size, once a round."""

    name: str
    server: contest.Server
    do: Callable[[int], object]
    rates: dict[int, list[float]] = field(default_factory=lambda: {size: [] for size in SIZES})
    """MB a second."""
    peaks: dict[int, list[float]] = field(default_factory=lambda: {size: [] for size in SIZES})
    """MB of memory that the server had at the most."""

    def measure(self, size: int) -> None:
        self.server.forget_peak()
        start = time.perf_counter()
        self.do(size)
        self.rates[size].append(size / (time.perf_counter() - start))
        self.peaks[size].append(self.server.peak() / MB)


class Uploader:
    """An agent who uploads to one submission, downloads what it uploaded last, and removes it."""

    def __init__(self, server: contest.Server) -> None:
        self.server = server
        self.client_path, self.submission_id, self.token = _submission()
        self.page_id = ""

    def upload(self, size: int) -> None:
        path = f"{self.client_path}/submissions/{self.submission_id}/declaration-pages"
        self.page_id = orjson.loads(_call(self.server, "POST", path, BODIES[size], self.token))["data"]["uuid"]

    def download(self, size: int) -> None:
        path = f"{self.client_path}/submission/{self.submission_id}/declaration-page/{self.page_id}"
        link = orjson.loads(_call(self.server, "GET", path, token=self.token))["data"]["url"]
        assert len(_call(self.server, "GET", urlsplit(link).path)) == size * MB

    def remove(self) -> None:
        path = f"{self.client_path}/submissions/{self.submission_id}/declaration-pages/{self.page_id}"
        _call(self.server, "DELETE", path, token=self.token)


def main(data_dir: Path) -> None:
    print("\nDeclaration pages, uploaded and downloaded.")
    if not Path("/proc/self/clear_refs").exists():
        print("Measured on Linux alone, which tells how much memory a process had at the most.")
        return
    ours = contest.Contender("this code", "config.wsgi", load={"RATE_LIMIT_CREDENTIAL": "100000000/m"})
    bare = contest.Contender("floor", "bench.uploads_floor")
    with contest.served(ours) as server, contest.served(bare) as floor:
        agent = Uploader(server)
        upload = Act("upload", server, agent.upload)
        least = Act("upload, floor: writes and hashes", floor, lambda size: _call(floor, "POST", "/", BODIES[size]))
        download = Act("download, by a link asked for", server, agent.download)
        for _ in range(WARM_UP_ROUNDS + ROUNDS):
            for size in SIZES:
                for act in (upload, least, download):
                    act.measure(size)
                agent.remove()
    _tell(upload, least, download)
    largest = SIZES[-1]
    shares = [mine / theirs for mine, theirs in zip(upload.rates[largest], least.rates[largest], strict=True)]
    print(f"  upload : floor, {largest} MB = {_median(shares):.2f}")


def _tell(*acts: Act) -> None:
    print(f"\nOne at a time, MB a second; the server's memory at its highest: medians of {ROUNDS} rounds")
    for act in acts:
        for size in SIZES:
            rate, peak = (_median(of[size]) for of in (act.rates, act.peaks))
            print(f"  {act.name:<34} {size:>3} MB {rate:>8.1f} MB/s   {peak:>7.1f} MB")
        grown = _median(act.peaks[SIZES[-1]]) / _median(act.peaks[SIZES[0]])
        print(f"    memory, {SIZES[-1]} MB : {SIZES[0]} MB = {grown:.2f}   (aim: {MOST_TIMES:g})")


def _median(measured: list[float]) -> float:
    return statistics.median(measured[WARM_UP_ROUNDS:])


def _body(size: int) -> bytes:
    """A form with a file of so many MB."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="page.pdf"\r\n'
    file = b"%PDF-1.7\n".ljust(size * MB, b"x")
    return f"{head}Content-Type: application/pdf\r\n\r\n".encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()


BODIES = {size: _body(size) for size in SIZES}


def _call(server: contest.Server, method: str, path: str, body: bytes = b"", token: str = "") -> bytes:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body:
        headers |= {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Idempotency-Key": uuid4().hex}
    caller = HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    caller.request(method, path, body or None, headers)
    answer = caller.getresponse()
    content = answer.read()
    caller.close()
    assert answer.status < 300, content
    return content


def _submission() -> tuple[str, str, str]:
    """Of a new client: the client's path, the submission's id, the agent's token."""
    from agencies.models import Agency
    from agents.models import Agent, AgentToken
    from api import credentials
    from api.principals import Administrator
    from clients.services import clients, submissions

    actor = Administrator(user_id=None)
    agency = Agency.objects.create(name="Uploads")
    agent = Agent.objects.create(
        agency=agency, first_name="A", last_name="B", email="a@uploads.example", slug="a-b-uploads"
    )
    token = credentials.generate(credentials.AGENT_TOKEN)
    AgentToken.objects.create(agent=agent, digest=credentials.digest(token))
    values = {"first_name": "Ann", "last_name": "Reed", "email": "ann@bench.example"}
    client = clients.create_client(actor=actor, agency_id=agency.pk, agent_id=agent.pk, values=values)
    submission = submissions.start_submission(actor=actor, client=client, values={})
    return f"/v1/agents/{agent.pk}/clients/{client.pk}", str(submission.pk), token
