"""The files of declaration pages: judged by content, kept as they came under names that nobody chose.

They are evidence, so not a byte of them is changed; what would make one dangerous to open is met where it is given
out (clients.links): as an attachment, with its judged type and `nosniff`, under a name that ends as that type does.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from PIL import Image

from api import stores
from api.errors import Invalid, TooLarge
from api.uploads import sha256_of
from clients.models import DeclarationPage

PDF = "application/pdf"
PICTURES = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg", "WEBP": "image/webp"}
"""By Pillow's name of the format; MPO is a telephone's JPEG with a second one behind it."""
EXTENSIONS = {PDF: "pdf", "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
SAFE_ENDINGS = {PDF: (".pdf",), "image/png": (".png",), "image/jpeg": (".jpg", ".jpeg"), "image/webp": (".webp",)}
MAX_FILENAME = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is in the storage."""

    stored_name: str
    filename: str
    content_type: str
    size: int
    sha256: str


def storage() -> Storage:
    return storages["declaration_pages"]


@contextmanager
def stored(upload: File) -> Iterator[Stored]:
    """The upload, judged and stored; removed again if the block fails.

    Read in pieces and never held in memory as a whole. Raises TooLarge (413), Invalid (422): empty, invalid_file,
    Unavailable (503) where the storage fails.
    """
    content_type = _judged(upload)
    name = stores.new_name(EXTENSIONS[content_type])
    digest = sha256_of(upload)
    try:
        # Without the upload's temporary path: Django would move that file, and an act done again would find it gone.
        name = stores.save(storage(), name, File(upload.file))
        yield Stored(name, _shown_name(upload.name, content_type), content_type, upload.size, digest)
    except BaseException:
        remove([name])
        raise


def opened(name: str) -> File:
    """Raises FileNotFoundError, and Unavailable (503) where the storage fails."""
    return stores.opened(storage(), name)


def safe_name(page: DeclarationPage) -> str:
    """To be kept under: a file that begins as a PDF and is called `policy.bat` is run by a computer that opens it."""
    if page.filename.lower().endswith(SAFE_ENDINGS[page.content_type]):
        return page.filename
    return f"{page.filename}.{EXTENSIONS[page.content_type]}"


def remove(names: Iterable[str]) -> None:
    """What the storage does not give up now, the sweep finds: a row names it no more."""
    stores.remove(storage(), names)


def orphans() -> Iterator[str]:
    """Names of stored files that no row names."""

    def named(batch: list[str]) -> Iterable[str]:
        return DeclarationPage.objects.filter(stored_name__in=batch).values_list("stored_name", flat=True)

    return stores.orphans(storage(), named)


def _judged(upload: File) -> str:
    """The content type, by content."""
    if not upload.size:
        raise Invalid("The file is empty.", code="empty", field="file")
    if upload.size > settings.MAX_DECLARATION_PAGE_BYTES:
        raise TooLarge(f"file: at most {settings.MAX_DECLARATION_PAGE_BYTES} bytes.")
    upload.seek(0)
    beginning = upload.read(12)
    upload.seek(0)
    if beginning.startswith(b"%PDF-"):
        return PDF
    if beginning.startswith(b"RIFF") and beginning.endswith(b"WEBP"):
        return PICTURES["WEBP"]
    content_type = _picture_type(upload)
    if content_type is None:
        raise Invalid("A PDF, PNG, JPEG or WebP file that can be read.", code="invalid_file", field="file")
    return content_type


def _picture_type(upload: File) -> str | None:
    """By its header, which is all that is read (of a WebP file Pillow would read the whole)."""
    try:
        with Image.open(upload, formats=("PNG", "JPEG")) as picture:
            return PICTURES[str(picture.format)]
    except Exception:  # noqa: BLE001 - a hostile file makes decoders raise anything
        return None


def _shown_name(name: str | None, content_type: str) -> str:
    """What its owner called the file, without folders and without letters that do not show or turn the line."""
    last = re.split(r"[/\\]", name or "")[-1]
    shown = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip(". ")
    return shown[-MAX_FILENAME:] or f"declaration-page.{EXTENSIONS[content_type]}"
