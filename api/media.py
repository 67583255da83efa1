"""Pictures and logos, where they are kept on this machine; an object store serves its own."""

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
