"""Picture files, good and bad."""

import zlib
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image


def picture(encoding: str = "PNG", color: Any = "red", size: tuple[int, int] = (8, 4), **saving: Any) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, color).save(buffer, encoding, **saving)
    return buffer.getvalue()


def upload(content: bytes, name: str = "picture.png", kind: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, kind)


def png(color: bytes | str = "red") -> SimpleUploadedFile:
    return upload(picture(color=color.decode() if isinstance(color, bytes) else color))


def several_in_one() -> bytes:
    """A JPEG with a second one behind it, as many telephones make them (for depth, or brightness)."""
    return picture("MPO", save_all=True, append_images=[Image.new("RGB", (8, 4), "blue")])


def png_that_claims(width: int, height: int) -> bytes:
    """A small PNG whose header claims this size: a decompression bomb."""
    content = bytearray(picture())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return bytes(content)
