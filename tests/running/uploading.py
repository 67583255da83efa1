"""Uploads to a running server, and the memory that it takes for them."""

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from tests.clients.conftest import PDF, SubmissionSeat

from .conftest import Server

MB = 1024 * 1024
measures_memory = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells how much memory a process had at the most"
)


def uploaded(server: Server, submission: SubmissionSeat, content: bytes, *, key: str = "k") -> requests.Response:
    headers = {"Authorization": f"Bearer {submission.client.agent.token}", "Idempotency-Key": key}
    url = f"{server.url}{submission.path}/declaration-pages"
    return requests.post(url, files={"file": ("page.pdf", content)}, headers=headers, timeout=30)


def assert_memory_is_flat(server: Server, submission: SubmissionSeat) -> None:
    """An upload of 20 MB and its download take what those of 1 MB take, give or take 3 MB. Each thread of a server
    takes some for itself, so let it have one."""
    for _ in range(3):
        _carried(server, submission, MB)  # warm
    small, large = _carried(server, submission, MB), _carried(server, submission, 20 * MB)
    assert large - small < 3 * MB, (small, large)


def _carried(server: Server, submission: SubmissionSeat, size: int) -> int:
    """The most memory that the server's worker had while a file of this size went in and came out again."""
    most = most_memory(server)
    made = uploaded(server, submission, PDF + bytes(size - len(PDF)), key=uuid4().hex).json()["data"]
    client, token = submission.client.path, submission.client.agent.token
    link = f"{client}/submission/{submission.uuid}/declaration-page/{made['uuid']}"
    url = server.get(link, authorization=f"Bearer {token}").json()["data"]["url"]
    assert len(requests.get(url, timeout=30).content) == size
    return most()


def most_memory(server: Server) -> Callable[[], int]:
    """Gives the most memory that the server's worker had from now on."""
    process = Path("/proc", str(server.worker))
    (process / "clear_refs").write_text("5")
    return lambda: 1024 * int(re.search(r"VmHWM:\s+(\d+)", (process / "status").read_text())[1])
