"""The least an upload can cost: bare WSGI that writes the body to a file in pieces, and hashes it."""

import hashlib
import tempfile
from collections.abc import Iterable
from typing import Any

PIECE = 65_536


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    left = int(environ["CONTENT_LENGTH"])
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        while left and (piece := environ["wsgi.input"].read(min(PIECE, left))):
            file.write(piece)
            digest.update(piece)
            left -= len(piece)
    start_response("201 Created", [("Content-Length", "0")])
    return []
