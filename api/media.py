"""Pictures and logos, from wherever they are stored, for a browser or a CDN to keep."""

import mimetypes

from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase

from api import errors, stores
from api.methods import only_read


@only_read
def picture(request: HttpRequest, name: str) -> HttpResponseBase:
    """Names are random and never used again, so what is under one never changes."""
    try:
        opened = stores.opened(storages["pictures"], name)
    except FileNotFoundError as failure:
        raise Http404 from failure
    except errors.Unavailable:
        return errors.unavailable(request)
    response = FileResponse(opened, content_type=mimetypes.guess_type(name)[0])
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
