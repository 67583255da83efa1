"""The way in."""

from hashlib import blake2b

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters

from api import ratelimits
from api.addresses import client_address
from api.errors import too_many_requests


@sensitive_post_parameters("password")
def login(request: HttpRequest) -> HttpResponse:
    """Django's, with passwords tried at most so often a minute: by one address, and for one name."""
    if request.method == "POST":
        name = blake2b(request.POST.get("username", "").encode(), digest_size=16).hexdigest()
        for group, key in (("login-address", client_address(request)), ("login-name", name)):
            usage = ratelimits.hit(group, key, settings.RATE_LIMIT_LOGIN, request)
            if usage.limited:
                refusal = too_many_requests(request)
                usage.put_on(refusal)
                return refusal
    return admin.site.login(request)
