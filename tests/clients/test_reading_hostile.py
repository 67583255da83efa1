"""Files that mean harm end within their bounds of time and memory, and whoever reads them lives on."""

import subprocess
import sys
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients import tasks
from clients.reading import extraction
from clients.reading.bounds import MAX_CHARACTERS, MAX_MEMORY, MAX_PAGES
from clients.reading.extraction import Unreadable, text_of
from tests.answers import data
from tests.clients.conftest import SubmissionSeat, new_page
from tests.conftest import Api
from tests.hostile import CATALOGUE, GRANITE, drawn, many_pages, mapped, one_page, pdf, stream, swollen, written

SECONDS = 3
"""Enough for every honest file here."""
LAUNCH = b"<< /S /Launch /F (/usr/bin/touch) /Win << /F (touch) /P (%s) >> /Next << /S /JavaScript /JS (this.x()) >> >>"
FORM = b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /XObject << /X %d 0 R >> >>"

HOSTILE = {
    "unpacks to 4 GB of blanks": lambda: one_page(swollen(b" " * 2**20, 4096)),
    "unpacks to 1 GB of text": lambda: one_page(swollen(b"BT /F 12 Tf 72 700 Td (Granite) Tj ET\n" * 20_000, 1400)),
    "400,000 lines": lambda: one_page(stream(b"BT /F 12 Tf 1 0 0 1 72 700 Tm (Granite) Tj ET\n" * 400_000)),
    "nested arrays": lambda: pdf(CATALOGUE, b"[" * 3_000_000),
    "nested dictionaries": lambda: pdf(CATALOGUE, b"<< /A " * 500_000),
    "nested graphics states": lambda: one_page(stream(b"q " * 3_000_000)),
    "a tree of pages in a circle": lambda: pdf(
        CATALOGUE, b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 /Parent 2 0 R >>"
    ),
    "a drawing that draws itself": lambda: one_page(
        stream(b"/X Do"), stream(b"/X Do /X Do", FORM % 6), page=b"/XObject << /X 6 0 R >>"
    ),
    "a drawing drawn a thousand million times": lambda: one_page(
        stream(b"/X Do"),
        *(stream(b"/X Do " * 10, FORM % (7 + depth)) for depth in range(9)),
        stream(b"0 0 m 9 9 l S", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]"),
        page=b"/XObject << /X 6 0 R >>",
    ),
    "a text of a size beyond all numbers": lambda: one_page(
        stream(b"BT /F 1e38 Tf 1e38 0 0 1e38 1e38 1e38 Tm (Granite) Tj /F 0 Tf 0 0 0 0 0 0 Tm (nothing) Tj ET")
    ),
    "noise": lambda: b"%PDF-1.7\n" + Random(1).randbytes(200_000),  # noqa: S311 - the same noise each time
}


def read(file: bytes) -> str:
    return text_of(BytesIO(file), seconds=SECONDS)


MEASURED = """
import resource, sys
from contextlib import suppress
from clients.reading.extraction import Unreadable, text_of
text = ""
with suppress(Unreadable):
    text = text_of(sys.stdin.buffer, seconds=int(sys.argv[1]))
print(len(text), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""By a process that is small itself: Linux counts what a process was started by as memory that it had."""


@pytest.mark.parametrize("name", HOSTILE)
def test_it_ends_within_its_bounds(name: str) -> None:
    file = HOSTILE[name]()
    began = time.monotonic()
    command = [sys.executable, "-c", MEASURED, str(SECONDS)]
    told = subprocess.run(command, cwd=extraction.ROOT, input=file, stdout=subprocess.PIPE, check=True).stdout
    assert time.monotonic() - began < SECONDS + 2
    characters, peak = map(int, told.split())
    assert characters <= MAX_CHARACTERS
    if sys.platform == "linux":
        assert 10_000 < peak < MAX_MEMORY / 1024


def test_an_encrypted_file_is_not_read() -> None:
    with pytest.raises(Unreadable, match="encrypted"):
        read(drawn(password="secret"))


@pytest.mark.parametrize("part", [0.3, 0.6])
def test_a_file_that_was_cut_off_is_damaged(part: float) -> None:
    file = drawn()
    with pytest.raises(Unreadable, match="damaged"):
        read(file[: int(part * len(file))])


def test_a_text_that_there_is_no_room_for_says_nothing_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    file.write_bytes(drawn())
    with file.open("rb") as page, Path("/dev/full").open("wb") as full, pytest.raises(OSError, match="No space"):
        extraction._run(SECONDS, page, full)


def test_a_file_without_pages_is_damaged() -> None:
    with pytest.raises(Unreadable, match="damaged"):
        read(pdf(CATALOGUE, b"<< /Type /Pages /Kids [] /Count 0 >>"))


def test_of_a_hundred_thousand_pages_the_first_are_read() -> None:
    assert read(many_pages(100_000)).count(GRANITE) == MAX_PAGES


def test_a_damaged_page_does_not_hide_the_next() -> None:
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
    )
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    pages = b"<< /Type /Pages /Kids [9 0 R 3 0 R] /Count 2 >>"
    assert GRANITE in read(pdf(CATALOGUE, pages, page, written(GRANITE.encode()), font))


def test_a_loop_of_references_does_not_hide_the_text() -> None:
    file = one_page(written(GRANITE.encode()))
    looped = file.replace(b"/Root", b"/Prev %d /Root" % file.index(b"xref\n0"))
    assert read(looped) == GRANITE


def test_what_is_behind_the_file_does_not_matter() -> None:
    assert read(drawn() + b"PK\x03\x04" + bytes(5_000)) == GRANITE


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    actions = b"/OpenAction %s /AA << /WC %s >>" % ((LAUNCH % bytes(mark),) * 2)
    names = b"/Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (this.x()) >>] >> >>"
    file = one_page(written(GRANITE.encode()), catalogue=CATALOGUE[:-2] + actions + names + b">>")
    assert read(file) == GRANITE
    assert not mark.exists()


def test_letters_of_every_script_come_out_and_what_does_not_show_does_not() -> None:
    text = read(mapped("आ", "中", "ع", "Ж", "ﬁ", "Ｇ", "\0", "\ud800", "\u202e", "\x07", "\ue000"))
    assert text.split() == ["आ中عЖfiG"]


@settings(max_examples=10)
@given(st.binary(max_size=2_000), st.integers(0, 1_300), st.integers(0, 200))
def test_any_damage_is_survived(noise: bytes, at: int, over: int) -> None:
    file = drawn()
    with suppress(Unreadable):
        text = read(file[:at] + noise + file[at + over :])
        assert text.isprintable() or set(text) & set("\n\f")


def test_the_process_that_reads_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, Any]] = []

    def run(*command: Any, **facts: Any) -> Any:
        started.append(facts)
        return real(*command, **facts)

    real = subprocess.run
    monkeypatch.setattr(extraction.subprocess, "run", run)
    read(drawn())
    assert [facts["env"] for facts in started] == [{}]
    loaded = "import sys, clients.reading.child; print([name for name in sys.modules if name.startswith('django')])"
    assert real([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_worker_goes_on_after_a_hostile_file(
    api: Api, submission: SubmissionSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb, good = new_page(api, submission, HOSTILE["unpacks to 4 GB of blanks"]()), new_page(api, submission, drawn())
    for page in (bomb, good):
        tasks.read_declaration_page(page.uuid)
    shown = [data(api.get(page.path, token=submission.client.agent.token)) for page in (bomb, good)]
    assert [one["reading"] for one in shown] == ["failed", "done"]
    assert [one["carrier"] for one in shown] == [None, GRANITE]
