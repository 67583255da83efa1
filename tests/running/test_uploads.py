"""Uploads over real connections to gunicorn: cut off at any point they leave nothing, and no size fills the memory."""

import json
import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection

from clients.models import DeclarationPage
from tests.clients.conftest import PDF, SubmissionSeat, new_client, new_submission
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.pictures import picture

from .conftest import Serve, Server, migrated_database_url, wait_for
from .uploading import MB, assert_memory_is_flat, measures_memory, most_memory, uploaded

pytestmark = pytest.mark.django_db(transaction=True)
FILE = PDF + bytes(5 * MB)
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="page.pdf"\r\n\r\n'
BODY = HEAD + FILE + b"\r\n--b--\r\n"
JSON = "application/json"


@pytest.fixture
def submission(api: Api, agent: AgentSeat) -> SubmissionSeat:
    return new_submission(api, new_client(api, agent))


@pytest.fixture(scope="module")
def on_its_way(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where servers put what has come of a file."""
    return tmp_path_factory.mktemp("on-its-way")


@pytest.fixture(scope="module")
def one_server(serve_once: Serve, on_its_way: Path) -> Server:
    return serve_once(migrated_database_url(), os.environ["REDIS_URL"], TMPDIR=str(on_its_way))


@pytest.fixture
def server(one_server: Server) -> Iterator[Server]:
    """The one that all share, with no file in it."""
    yield one_server
    for path in kept(one_server):
        path.unlink()


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def kept(server: Server) -> list[Path]:
    return files_in(server.directory / "media")


@contextmanager
def sent(server: Server, submission: SubmissionSeat, body: bytes, *, length: int) -> Iterator[socket.socket]:
    """An upload that says it has so many bytes."""
    head = (
        f"POST {submission.path}/declaration-pages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n"
        f"Authorization: Bearer {submission.client.agent.token}\r\nIdempotency-Key: k\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60) as caller:
        caller.sendall(head.encode() + body)
        yield caller


def assert_nothing_is_left(server: Server, on_its_way: Path) -> None:
    wait_for(lambda: not files_in(on_its_way))
    assert not DeclarationPage.objects.exists()
    assert kept(server) == []


@pytest.mark.parametrize("cut", [len(HEAD) + MB, len(BODY) - 6], ids=["in the file", "in the last boundary"])
def test_a_caller_who_stops_midway_leaves_nothing(
    server: Server, submission: SubmissionSeat, on_its_way: Path, cut: int
) -> None:
    with sent(server, submission, BODY[:cut], length=len(BODY)) as caller:
        wait_for(lambda: files_in(on_its_way))
        caller.shutdown(socket.SHUT_WR)
        answer = caller.recv(10_000)
    assert answer.startswith((b"HTTP/1.1 422", b"HTTP/1.1 400")) or answer == b""
    assert_nothing_is_left(server, on_its_way)


def test_a_caller_who_is_cut_off_leaves_nothing(server: Server, submission: SubmissionSeat, on_its_way: Path) -> None:
    log = server.directory / "output"
    before = len(log.read_text())
    with sent(server, submission, BODY[: len(HEAD) + MB], length=len(BODY)) as caller:
        wait_for(lambda: files_in(on_its_way))
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, and not an end
    assert_nothing_is_left(server, on_its_way)
    assert "request_failed" not in log.read_text()[before:]
    assert uploaded(server, submission, FILE).status_code == 201
    wait_for(lambda: not files_in(on_its_way))


WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()
"""


def test_no_transaction_stands_open_while_a_body_comes(
    server: Server, submission: SubmissionSeat, on_its_way: Path
) -> None:
    """PostgreSQL ends one after half a minute: with an Idempotency-Key, no slower upload would ever be taken."""
    with sent(server, submission, BODY[: len(HEAD) + MB], length=len(BODY)) as caller, connection.cursor() as cursor:
        wait_for(lambda: files_in(on_its_way))
        cursor.execute(WAITING)
        assert cursor.fetchone() == (0,)
        caller.sendall(BODY[len(HEAD) + MB :])
        assert caller.recv(10_000).startswith(b"HTTP/1.1 201")


def test_no_transaction_stands_open_while_a_storage_takes_its_time(server: Server, submission: SubmissionSeat) -> None:
    page = uploaded(server, submission, PDF).json()["data"]
    client, token = submission.client.path, submission.client.agent.token
    link = f"{client}/submission/{submission.uuid}/declaration-page/{page['uuid']}"
    url = server.get(link, authorization=f"Bearer {token}").json()["data"]["url"]
    [file] = kept(server)
    file.unlink()
    os.mkfifo(file)  # opened by whoever reads once somebody writes
    with ThreadPoolExecutor(1) as callers, connection.cursor() as cursor:
        answer = callers.submit(requests.get, url, timeout=60)
        time.sleep(1)
        cursor.execute(WAITING)
        waiting = cursor.fetchone()
        file.open("wb").close()
        assert (answer.result().status_code, waiting) == (503, (0,))
    file.unlink()


def test_a_caller_who_stalls_is_hung_up_on(serve: Serve, submission: SubmissionSeat, on_its_way: Path) -> None:
    """Each of them would hold a thread for ever."""
    where = {"TMPDIR": str(on_its_way), "WEB_THREADS": "1", "WEB_STALL_SECONDS": "1"}
    server = serve(migrated_database_url(), os.environ["REDIS_URL"], **where)
    for body in (BODY[: len(HEAD) + MB], b""):
        with sent(server, submission, body, length=len(BODY)) as caller:
            assert caller.recv(10_000).startswith(b"HTTP/1.1 400")
            assert_nothing_is_left(server, on_its_way)
    assert server.get("/healthz").status_code == 200


def in_pieces(body: bytes) -> Iterator[bytes]:
    """So requests sends it chunked, as many clients do with whatever they do not know the length of."""
    for start in range(0, len(body), MB):
        yield body[start : start + MB]


def chunked(server: Server, path: str, body: bytes, content_type: str, token: str = "") -> requests.Response:
    headers = {"Content-Type": content_type, "Idempotency-Key": path} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    return requests.post(f"{server.url}{path}", in_pieces(body), headers=headers, timeout=60)


def test_a_body_that_comes_in_chunks_is_as_good_as_any(
    server: Server, partner: PartnerSeat, submission: SubmissionSeat, on_its_way: Path
) -> None:
    token, path = submission.client.agent.token, f"{submission.path}/declaration-pages"
    for replayed in (False, True):
        answer = chunked(server, path, BODY, "multipart/form-data; boundary=b", token)
        assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (201, replayed)
    assert answer.json()["data"]["size"] == len(FILE)
    assert [file.stat().st_size for file in kept(server)] == [len(FILE)]
    wait_for(lambda: not files_in(on_its_way))
    answer = chunked(server, f"{submission.client.path}/submissions", b'{"insurance_types": ["auto"]}', JSON, token)
    assert (answer.status_code, answer.json()["data"]["insurance_types"]) == (201, ["auto"])
    grant = {"grant_type": "client_credentials", "client_id": partner.row.client_id, "client_secret": partner.secret}
    answer = chunked(server, "/oauth/token", json.dumps(grant).encode(), JSON)
    assert answer.json()["token_type"] == "bearer"


@pytest.mark.parametrize(("path", "most", "token"), [("/v1/client", MB, "ours"), ("/oauth/token", 16_384, "")])
def test_a_body_in_chunks_is_bounded_as_any(
    server: Server, submission: SubmissionSeat, path: str, most: int, token: str
) -> None:
    token = token and submission.client.agent.token
    answers = [
        chunked(server, path, b" " * length, JSON, token).status_code for length in (most, most + 1, most + 2 * MB)
    ]
    assert answers == [400, 413, 413]


@pytest.mark.parametrize("chunks", [b"5\r\n{}", b"x\r\n{}\r\n0\r\n\r\n", b"2\r\n{}...", b"-1\r\n{}\r\n0\r\n\r\n"])
@pytest.mark.parametrize("path", ["/v1/client", "/oauth/token"])
def test_chunks_that_are_none_are_400(server: Server, submission: SubmissionSeat, path: str, chunks: bytes) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nContent-Type: {JSON}\r\n" + (
        f"Authorization: Bearer {submission.client.agent.token}\r\n" if path == "/v1/client" else ""
    )
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60) as caller:
        caller.sendall(f"{head}\r\n".encode() + chunks)
        caller.shutdown(socket.SHUT_WR)
        assert caller.recv(10_000).startswith(b"HTTP/1.1 400")
    assert server.get("/healthz").status_code == 200


@pytest.mark.parametrize("length", [len(BODY) - MB, len(HEAD) - 2, 0], ids=["less", "less than a header", "nothing"])
def test_a_length_that_is_a_lie_leaves_nothing(
    server: Server, submission: SubmissionSeat, on_its_way: Path, length: int
) -> None:
    """What comes after it is taken for another call, and is none."""
    with sent(server, submission, BODY[: length + 100], length=length) as caller:
        assert caller.recv(10_000).startswith(b"HTTP/1.1 4")
    assert_nothing_is_left(server, on_its_way)


@pytest.mark.parametrize("length", ["-1", "+5", "5, 6", "five", "1e3"])
def test_a_length_that_is_none_is_400(server: Server, submission: SubmissionSeat, length: Any) -> None:
    with sent(server, submission, b"", length=length) as caller:
        assert caller.recv(10_000).startswith(b"HTTP/1.1 400")


def test_a_server_that_is_killed_midway_leaves_nothing_and_takes_it_again(
    server: Server, submission: SubmissionSeat, on_its_way: Path
) -> None:
    with sent(server, submission, BODY[: len(HEAD) + MB], length=len(BODY)):
        wait_for(lambda: files_in(on_its_way))
        os.kill(server.worker, signal.SIGKILL)
    assert not DeclarationPage.objects.exists()
    assert kept(server) == []
    again = wait_for(lambda: uploaded(server, submission, FILE))
    assert isinstance(again, requests.Response)
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)
    assert [path.stat().st_size for path in kept(server)] == [len(FILE)]


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data; boundary*=a; boundary*0=b", "multipart/form-data; boundary*=nope''b", "a/b; c*=d; c*1=e"],
)
def test_a_content_type_that_python_cannot_read_is_415(
    server: Server, submission: SubmissionSeat, content_type: str
) -> None:
    headers = {"Authorization": f"Bearer {submission.client.agent.token}", "Content-Type": content_type}
    answer = requests.post(f"{server.url}{submission.path}/declaration-pages", HEAD, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


@measures_memory
def test_the_memory_of_the_server_does_not_grow_with_the_file(serve: Serve, submission: SubmissionSeat) -> None:
    server = serve(migrated_database_url(), os.environ["REDIS_URL"], WEB_THREADS="1")
    assert_memory_is_flat(server, submission)


@measures_memory
def test_many_large_pictures_at_once_take_the_memory_of_one(serve: Serve, agency: AgencySeat) -> None:
    """Of 75 KB each, and of 64 MB when they are opened; a copy or two is made of them."""
    server = serve(migrated_database_url(), os.environ["REDIS_URL"], WEB_THREADS="6")
    large = picture(size=(4096, 4096), color="navy")

    def memory(at_once: int) -> int:
        def send(_: int) -> int:
            headers = {"Authorization": f"Bearer {agency.owner.token}"}
            url = f"{server.url}{agency.path}"
            return requests.patch(url, files={"logo": ("logo.png", large)}, headers=headers, timeout=120).status_code

        most = most_memory(server)
        with ThreadPoolExecutor(at_once) as callers:
            assert list(callers.map(send, range(at_once))) == [200] * at_once
        return most()

    one, six = memory(1), memory(6)
    assert six - one < 64 * MB, (one, six)
