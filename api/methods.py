"""What is only read: documents, files, probes."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from api import errors

READS = ("GET", "HEAD")


def only_read(view: Callable[..., HttpResponseBase]) -> Callable[..., Any]:
    """Any other method is 405, as every error is told. No form leads here, so nobody is asked for a form's cookie."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in READS:
            return errors.method_not_allowed(request, READS)
        return view(request, *args, **kwargs)

    return answer
