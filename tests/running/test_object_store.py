"""Declaration pages in a bucket of a real S3-compatible store: there with their rows and never without, whatever
happens to the store and the line to it."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from api import stores
from clients import tasks
from clients.models import DeclarationPage
from clients.services.declaration_pages import MAX_TRIES
from config.environment import file_storage
from tests.answers import data
from tests.clients.conftest import PDF, PageSeat, SubmissionSeat, new_client, new_page, new_submission, send, upload
from tests.conftest import AgencySeat, AgentSeat, Api
from tests.pictures import picture
from tests.threads import crossed

from .conftest import Serve, migrated_database_url
from .object_store import BUCKET, Line, ObjectStore, running, settings_for
from .test_reading import declarations
from .uploading import assert_memory_is_flat, measures_memory

pytestmark = pytest.mark.django_db(transaction=True)
LARGE = PDF + bytes(20 * 1024 * 1024 - len(PDF))
FAILING = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="session")
def running_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def store(running_store: ObjectStore) -> Iterator[ObjectStore]:
    """With nothing in it."""
    yield running_store
    running_store.clear()


@pytest.fixture
def line(store: ObjectStore) -> Iterator[Line]:
    line = Line(store.port)
    yield line
    line.close()


@pytest.fixture
def submission(api: Api, agent: AgentSeat) -> SubmissionSeat:
    return new_submission(api, new_client(api, agent))


@pytest.fixture
def kept_at(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Files are kept in the store at this port, by the settings that a service would have."""

    def keep(port: int) -> None:
        for name, value in settings_for(port).items():
            monkeypatch.setenv(name, value)
        here = {
            kind: file_storage(kind.replace("_", "-"), Path("/nowhere")) for kind in ("pictures", "declaration_pages")
        }
        settings.STORAGES = {**settings.STORAGES, **here}

    return keep


@pytest.fixture
def in_bucket(kept_at: Callable[[int], None], line: Line) -> None:
    kept_at(line.port)


def linked(api: Api, page: PageSeat) -> str:
    link = data(api.get(page.link_path, token=page.submission.client.agent.token))["url"]
    return link.removeprefix("http://testserver")


def row() -> DeclarationPage:
    return DeclarationPage.objects.get()


@pytest.mark.usefixtures("in_bucket")
@pytest.mark.parametrize("content", [PDF, LARGE], ids=["small", "large"])
def test_uploaded_downloaded_and_destroyed(
    api: Api, submission: SubmissionSeat, store: ObjectStore, content: bytes
) -> None:
    page = new_page(api, submission, content)
    [name] = store.objects()
    assert name == f"declaration-pages/{row().stored_name}"
    assert store.content(name) == content
    answer = api.get(linked(api, page))
    assert b"".join(answer) == content
    assert answer.headers["Content-Length"] == str(len(content))
    client = page.submission.client
    assert api.post(f"{client.path}/destroy", token=client.agent.token).status_code == 204
    assert store.objects() == {}


@pytest.mark.usefixtures("in_bucket")
def test_a_name_that_is_taken_is_not_written_over(
    api: Api, submission: SubmissionSeat, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "uuid4", lambda: UUID(int=1))
    first, second = new_page(api, submission, PDF + b"first"), new_page(api, submission, PDF + b"second")
    assert len(store.objects()) == 2
    for page, ending in ((first, b"first"), (second, b"second")):
        assert b"".join(api.get(linked(api, page))) == PDF + ending


@pytest.mark.usefixtures("in_bucket")
@pytest.mark.parametrize("content", [PDF * 1_000, LARGE], ids=["small", "large"])
def test_an_upload_that_is_cut_off_on_its_way_leaves_nothing(
    api: Api, submission: SubmissionSeat, store: ObjectStore, line: Line, content: bytes
) -> None:
    line.cut_after = len(content) // 2
    answer = send(api, submission, upload(content))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert not DeclarationPage.objects.exists()
    assert store.objects() == {}
    line.cut_after = None
    assert send(api, submission, upload(content)).status_code == 201
    assert list(store.objects().values()) == [len(content)]


@pytest.mark.usefixtures("in_bucket")
@pytest.mark.parametrize("content", [PDF, LARGE], ids=["small", "large"])
def test_a_deadlock_is_outlived_and_the_file_stored_once(
    submission: SubmissionSeat, store: ObjectStore, content: bytes
) -> None:
    answer = crossed(lambda: send(Api(), submission, upload(content)), "clients_submission", submission.uuid)
    assert answer.status_code == 201
    [name] = store.objects()
    assert name == f"declaration-pages/{row().stored_name}"
    assert store.content(name) == content


@pytest.mark.usefixtures("in_bucket")
def test_a_store_that_fails_is_503_and_nothing_is_lost(
    api: Api, submission: SubmissionSeat, store: ObjectStore, line: Line
) -> None:
    page = new_page(api, submission)
    link = linked(api, page)
    line.says = FAILING
    assert send(api, submission, upload()).status_code == 503
    answer = api.get(link)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    line.says = None
    assert b"".join(api.get(link)) == PDF
    assert len(store.objects()) == DeclarationPage.objects.count() == 1


def test_a_store_that_is_away_is_503(api: Api, submission: SubmissionSeat, kept_at: Callable[[int], None]) -> None:
    kept_at(1)
    assert send(api, submission, upload()).status_code == 503
    assert not DeclarationPage.objects.exists()


@pytest.mark.usefixtures("in_bucket")
def test_what_a_failing_store_did_not_give_up_is_swept_when_it_is_well(
    api: Api, submission: SubmissionSeat, store: ObjectStore, line: Line
) -> None:
    kept = new_page(api, submission)
    destroyed = new_page(api, new_submission(api, new_client(api, submission.client.agent)))
    moved = {}
    for one in DeclarationPage.objects.all():
        name = f"2026-01-01/{one.stored_name.partition('/')[2]}"
        store.put(f"declaration-pages/{name}", PDF)
        store.client.delete_object(Bucket=BUCKET, Key=f"declaration-pages/{one.stored_name}")
        DeclarationPage.objects.filter(pk=one.pk).update(stored_name=name)
        moved[str(one.pk)] = f"declaration-pages/{name}"
    on_its_way, picture = f"declaration-pages/{datetime.now(UTC):%Y-%m-%d}/x.pdf", "pictures/2026-01-01/x.png"
    store.put(on_its_way, PDF)
    store.put(picture, b"x")

    line.says = FAILING
    client = destroyed.submission.client
    assert api.post(f"{client.path}/destroy", token=client.agent.token).status_code == 204
    assert store.objects().keys() == {*moved.values(), on_its_way, picture}
    line.says = None
    tasks.sweep_orphans()
    assert store.objects().keys() == {moved[kept.uuid], on_its_way, picture}


@pytest.mark.usefixtures("in_bucket")
def test_a_page_that_a_failing_store_does_not_give_is_read_when_it_is_well(
    api: Api, submission: SubmissionSeat, line: Line
) -> None:
    """However long that takes: it says nothing of the page."""
    new_page(api, submission, declarations())
    line.says = FAILING
    for _ in range(MAX_TRIES + 2):
        with suppress(Exception):
            tasks.read_declaration_page(str(row().pk))
        DeclarationPage.objects.update(reading_tried_at=timezone.now() - timedelta(minutes=3))
    line.says = None
    tasks.read_declaration_page(str(row().pk))
    assert (row().reading, row().carrier) == ("done", "Granite Mutual Insurance Company")


@pytest.mark.usefixtures("in_bucket")
def test_pictures_are_kept_and_seen_and_a_failing_store_is_503(
    api: Api, agency: AgencySeat, store: ObjectStore, line: Line
) -> None:
    def send_logo() -> Any:
        return api.patch(agency.path, token=agency.owner.token, form={"logo": upload(picture("PNG"), "logo.png")})

    seen = data(send_logo())["logo_url"].removeprefix("http://testserver")
    [name] = store.objects()
    assert name == f"pictures/{seen.partition('/pictures/')[2]}"
    line.says = FAILING
    assert [api.get(seen).status_code, send_logo().status_code] == [503, 503]
    line.says = None
    assert b"".join(api.get(seen)) == store.content(name)
    assert data(send_logo())["logo_url"] != seen
    assert name not in store.objects()
    assert api.get(seen).status_code == 404


@measures_memory
def test_the_memory_of_the_server_does_not_grow_with_the_file(
    serve: Serve, submission: SubmissionSeat, store: ObjectStore
) -> None:
    server = serve(migrated_database_url(), os.environ["REDIS_URL"], WEB_THREADS="1", **settings_for(store.port))
    assert_memory_is_flat(server, submission)
    assert max(store.objects().values()) == len(LARGE)
