"""Pictures and logos (contract §4.1): PNG, JPEG or WebP by content, bounded, re-encoded without metadata."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


class PictureField(OneFileField):
    """An uploaded picture; validated to a Pillow image that holds pixels and nothing else."""

    default_error_messages = {
        "invalid_image": "A PNG, JPEG or WebP picture that can be read.",
        "too_many_pixels": f"At most {settings.MAX_PICTURE_PIXELS} pixels on each side.",
    }

    def to_internal_value(self, data: Any) -> Any:
        """A `PIL.Image.Image`. Raises TooLarge (413) or ValidationError (422)."""
        upload = super().to_internal_value(data)
        if upload.size > settings.MAX_PICTURE_BYTES:
            raise TooLarge(f"{self.field_name}: at most {settings.MAX_PICTURE_BYTES} bytes.")
        try:
            picture = Image.open(upload, formats=FORMATS)
            if max(picture.size) > settings.MAX_PICTURE_PIXELS:  # known from the header, before a pixel is read
                self.fail("too_many_pixels")
            return _pixels_only(picture)
        except serializers.ValidationError:
            raise
        except Image.DecompressionBombError:
            self.fail("too_many_pixels")
        except Exception:  # noqa: BLE001 - a hostile file makes decoders raise anything
            self.fail("invalid_image")


def store(picture: Image.Image) -> str:
    """Writes it to the pictures storage; gives the name, which cannot be guessed. Raises Unavailable (503)."""
    buffer = BytesIO()
    picture.save(buffer, format=picture.info["encoding"], quality=88)
    name = stores.new_name(picture.info["encoding"].lower())
    return stores.save(storages["pictures"], name, ContentFile(buffer.getvalue()))


@contextmanager
def stored(picture: Image.Image | None) -> Iterator[str]:
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


def _pixels_only(picture: Image.Image) -> Image.Image:
    """Turned upright, then copied without EXIF, comments, profiles and further frames."""
    encoding = picture.format
    upright = ImageOps.exif_transpose(picture)
    opaque = encoding == "JPEG" or upright.mode in ("RGB", "L")
    clean = upright.convert("RGB" if opaque else "RGBA")
    clean.info = {"encoding": encoding}
    return clean
