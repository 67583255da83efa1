"""Pictures and logos, from wherever they are stored, for a browser or a CDN to keep."""

import mimetypes

from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest


def picture(request: HttpRequest, name: str) -> FileResponse:
    """Names are random and never used again, so what is under one never changes."""
    pictures = storages["pictures"]
    if not pictures.exists(name):
        raise Http404
    response = FileResponse(pictures.open(name), content_type=mimetypes.guess_type(name)[0])
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
