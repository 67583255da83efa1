"""Forms that no browser sends: whatever is in one, it is taken or told what is wrong with it; never half, never 500."""

import base64
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from hypothesis import given
from hypothesis import strategies as st

from clients.models import DeclarationPage
from tests.answers import code, data, faults
from tests.clients.conftest import PDF, SubmissionSeat, upload
from tests.conftest import AgentSeat, Api

FILE = b'form-data; name="file"; '
NAMED = FILE + b'filename="page.pdf"'
TEXT = b'form-data; name="file"'


def form(*parts: tuple[bytes, bytes], end: bytes = b"--b--\r\n") -> bytes:
    """Each part is what its Content-Disposition says, with more headers if any, and its content."""
    return b"".join(b"--b\r\nContent-Disposition: %b\r\n\r\n%b\r\n" % part for part in parts) + end


def send(api: Api, submission: SubmissionSeat, body: bytes, boundary: str = "; boundary=b") -> Any:
    path, token = f"{submission.path}/declaration-pages", submission.client.agent.token
    content_type = f"multipart/form-data{boundary}"
    return api.post(path, token=token, body=body, content_type=content_type, idempotency_key="k")


def assert_nothing_kept(directory: Path) -> None:
    assert not DeclarationPage.objects.exists()
    assert not [path for path in directory.rglob("*") if path.is_file()]


# --- names ---------------------------------------------------------------------------------------------

NAMES = {
    b"filename*=UTF-8''%e2%82%ac%20%E5%90%8D.pdf": "€ 名.pdf",
    b"filename=\"plain.pdf\"; filename*=UTF-8''better%20%c3%a9.pdf": "better é.pdf",
    b"filename*=iso-8859-1'en'%A3.pdf": "£.pdf",
    b"filename*0=in; filename*1=pieces.pdf": "inpieces.pdf",
    b"filename*=utf-8''..%2f..%2fetc%2fpasswd": "passwd",
    b"filename*=utf-8''a%00%0d%0ab.pdf": "ab.pdf",
    b"filename*=utf-8''%ff.pdf": "\N{REPLACEMENT CHARACTER}.pdf",
    b'filename="..\\\\..\\\\page.pdf"': "page.pdf",
    b'filename="' + b"x" * 900 + b'.pdf"': "x" * 196 + ".pdf",
    b'filename="&lt;b&gt;.pdf"': "<b>.pdf",
}


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=list(NAMES.values()))
def test_a_name_in_any_writing_is_shown_and_never_a_path(
    api: Api, submission: SubmissionSeat, declaration_pages_dir: Path, name: bytes, shown: str
) -> None:
    assert data(send(api, submission, form((FILE + name, PDF))))["filename"] == shown
    [file] = (path for path in declaration_pages_dir.rglob("*") if path.is_file())
    assert file.parent.parent == declaration_pages_dir
    assert file.name.removesuffix(".pdf").isalnum()


UNREADABLE_NAMES = {
    "in no charset": (b"filename*=nope''x.pdf", 422),
    "in a charset that decodes nothing": (b"filename*=undefined''x.pdf", 422),
    "with a lone surrogate": (b"filename*=utf-7''+2AA-.pdf", 422),
    "not in UTF-8": (b'filename="\xff.pdf"', 422),
    "only a folder": (b'filename=".."', 422),
    "empty": (b'filename=""', 422),
    "whole and in pieces": (b"filename*=UTF-8''a.pdf; filename*0=b.pdf", 400),
    "as long as a book": (b'filename="' + b"x" * 5_000 + b'"', 400),
}


@pytest.mark.parametrize(("name", "status"), UNREADABLE_NAMES.values(), ids=list(UNREADABLE_NAMES))
def test_a_name_that_cannot_be_read_is_refused(
    api: Api, submission: SubmissionSeat, declaration_pages_dir: Path, name: bytes, status: int
) -> None:
    answer = send(api, submission, form((FILE + name, PDF)))
    if status == 400:
        assert (answer.status_code, code(answer)) == (400, "malformed")
    else:
        assert faults(answer).keys() == {"file"}
    assert_nothing_kept(declaration_pages_dir)


@given(
    st.lists(st.sampled_from([b"filename", b"*", b"=", b";", b"0", b"1", b"''", b'"', b"utf-8", b"%ff", b"x", b"\\"]))
)
def test_no_header_of_a_part_is_a_500(api: Api, submission: SubmissionSeat, pieces: list[bytes]) -> None:
    cache.clear()
    answer = send(api, submission, form((FILE + b"".join(pieces), b"no declaration page")))
    assert answer.status_code in (400, 409, 422)


# --- parts ---------------------------------------------------------------------------------------------

SEVERAL = {
    "two files": [(NAMED, PDF), (NAMED, PDF + b"other")],
    "a file and a text": [(NAMED, PDF), (TEXT, b"x")],
    "a text and a file": [(TEXT, b"x"), (NAMED, PDF)],
    "two texts": [(TEXT, b"x"), (TEXT, b"y")],
}


@pytest.mark.parametrize("parts", SEVERAL.values(), ids=list(SEVERAL))
def test_several_files_are_refused_and_none_is_lost_without_a_word(
    api: Api, submission: SubmissionSeat, declaration_pages_dir: Path, parts: list[tuple[bytes, bytes]]
) -> None:
    assert faults(send(api, submission, form(*parts))) == {"file": "several"}
    assert_nothing_kept(declaration_pages_dir)


def test_of_several_pictures_none_is_taken(api: Api, admin_agent: AgentSeat, agency: Any) -> None:
    logos = [upload(b"x", "a.png"), upload(b"y", "b.png")]
    answer = api.patch(agency.path, token=admin_agent.token, form={"logo": logos})
    assert faults(answer) == {"logo": "several"}


CODES = {400: "malformed", 413: "too_large"}
PARTS: dict[str, tuple[bytes, int]] = {
    "more files than are counted": (form(*[(NAMED, PDF)] * 21), 413),
    "more fields than are counted": (form(*[(b'form-data; name="x"', b"")] * 1_001), 400),
    "without a name": (form((b'form-data; filename="page.pdf"', PDF)), 422),
    "in a form within the form": (
        form((TEXT + b"\r\nContent-Type: multipart/mixed; boundary=c", b"--c\r\n\r\n" + PDF + b"\r\n--c--")),
        422,
    ),
    "in base64 that is none": (form((NAMED + b"\r\nContent-Transfer-Encoding: base64", b"*" * 99)), 400),
    "in base64 that is cut": (form((NAMED + b"\r\nContent-Transfer-Encoding: base64", b"JVBERi0" * 9)), 400),
    "another boundary than was said": (form((NAMED, PDF)).replace(b"--b", b"--c"), 400),
    "ends within the file": (form((NAMED, PDF), end=b"")[:-50], 400),
    "ends after the file": (form((NAMED, PDF), end=b""), 400),
    "ends within its end": (form((NAMED, PDF), end=b"--"), 400),
    "empty": (b"", 422),
}


@pytest.mark.parametrize(("body", "status"), PARTS.values(), ids=list(PARTS))
def test_a_form_that_is_none_is_refused(
    api: Api, submission: SubmissionSeat, declaration_pages_dir: Path, body: bytes, status: int
) -> None:
    answer = send(api, submission, body)
    if status in CODES:
        assert (answer.status_code, code(answer)) == (status, CODES[status])
    else:
        assert faults(answer).keys() == {"file"}
    assert_nothing_kept(declaration_pages_dir)


@pytest.mark.parametrize(
    "header", [b"Content-Length: -5", b"Content-Length: " + b"9" * 30, b"Content-Type: application/pdf; charset=nope"]
)
def test_what_a_part_says_of_itself_does_not_matter(api: Api, submission: SubmissionSeat, header: bytes) -> None:
    assert data(send(api, submission, form((NAMED + b"\r\n" + header, PDF))))["size"] == len(PDF)


def test_a_file_in_base64_is_taken_as_what_it_is(api: Api, submission: SubmissionSeat) -> None:
    part = (NAMED + b"\r\nContent-Transfer-Encoding: base64", base64.encodebytes(PDF))
    assert data(send(api, submission, form(part)))["size"] == len(PDF)


@pytest.mark.parametrize(
    ("boundary", "status"),
    [("", 400), ("; boundary=", 400), ("; boundary=é", 400), ("; boundary=" + "b" * 300, 415), ("; boundary=c", 400)],
)
def test_a_boundary_that_is_none_is_refused(api: Api, submission: SubmissionSeat, boundary: str, status: int) -> None:
    assert send(api, submission, form((NAMED, PDF)), boundary).status_code == status
    assert not DeclarationPage.objects.exists()
