"""Pictures and logos (contract §4.1): PNG, JPEG or WebP by content, bounded, re-encoded without metadata."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.http import HttpRequest
from PIL import Image, ImageOps
from rest_framework import serializers

from api import stores
from api.errors import TooLarge
from api.uploads import OneFileField

FORMATS = ("PNG", "JPEG", "WEBP")
PATH = "/media/pictures/"
"""Where they are seen, wherever they are stored (api.media)."""


_opener = ThreadPoolExecutor(1, "pictures")
"""Opens one picture at a time, and by one thread, since each keeps memory for itself: a file of a hundred bytes takes
64 MB when it is open, and each copy as much, which for all threads at once would be gigabytes."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Encoded anew: pixels, and nothing else."""

    extension: str
    content: bytes


class PictureField(OneFileField):
    """An uploaded picture; validated to a Picture."""

    default_error_messages = {
        "invalid_image": "A PNG, JPEG or WebP picture that can be read.",
        "too_many_pixels": f"At most {settings.MAX_PICTURE_PIXELS} pixels on each side.",
    }

    def to_internal_value(self, data: Any) -> Any:
        """A Picture. Raises TooLarge (413) or ValidationError (422)."""
        upload = super().to_internal_value(data)
        if upload.size > settings.MAX_PICTURE_BYTES:
            raise TooLarge(f"{self.field_name}: at most {settings.MAX_PICTURE_BYTES} bytes.")
        try:
            return _opener.submit(self._opened, upload).result()
        except serializers.ValidationError:
            raise
        except Image.DecompressionBombError:
            self.fail("too_many_pixels")
        except Exception:  # noqa: BLE001 - a hostile file makes decoders raise anything
            self.fail("invalid_image")

    def _opened(self, upload: Any) -> Picture:
        with Image.open(upload, formats=FORMATS) as picture:
            if max(picture.size) > settings.MAX_PICTURE_PIXELS:  # known from the header, before a pixel is read
                self.fail("too_many_pixels")
            return _pixels_only(picture)


def store(picture: Picture) -> str:
    """Writes it to the pictures storage; gives the name, which cannot be guessed. Raises Unavailable (503)."""
    return stores.save(storages["pictures"], stores.new_name(picture.extension), ContentFile(picture.content))


@contextmanager
def stored(picture: Picture | None) -> Iterator[str]:
    """The name of the picture, stored; "" where there is none. Removed again if the block fails."""
    name = store(picture) if picture else ""
    try:
        yield name
    except BaseException:
        remove(name)
        raise


def remove(name: str) -> None:
    if name:
        stores.remove(storages["pictures"], [name])


def orphans(named: Callable[[list[str]], Iterable[str]]) -> Iterator[str]:
    """Names of stored pictures that no row names; `named` says which of some are."""
    return stores.orphans(storages["pictures"], named)


def url(request: HttpRequest, name: str) -> str | None:
    """Where the stored picture is seen, absolute; None where there is none."""
    return request.build_absolute_uri(f"{PATH}{name}") if name else None


def _pixels_only(picture: Image.Image) -> Picture:
    """Turned upright, then copied without EXIF, comments, profiles and further frames."""
    encoding = "JPEG" if picture.format == "MPO" else str(picture.format)  # a telephone's, with a second one behind it
    upright = ImageOps.exif_transpose(picture)
    if upright.mode == "I;16":  # greys of 16 bits, whose brighter half would all be white
        upright = upright.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    opaque = encoding == "JPEG" or (upright.mode in ("RGB", "L") and "transparency" not in upright.info)
    clean = upright.convert("RGB" if opaque else "RGBA")
    clean.info = {}
    buffer = BytesIO()
    clean.save(buffer, format=encoding, quality=88)
    return Picture(encoding.lower(), buffer.getvalue())
