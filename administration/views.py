"""The way in."""

from hashlib import blake2b

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters

from api import ratelimits
from api.addresses import client_address
from api.errors import too_many_requests


@sensitive_post_parameters("password")
def login(request: HttpRequest) -> HttpResponse:
    """Django's, with passwords tried at most so often a minute: by one address, and for one name."""
    if request.method == "POST":
        for group, key in (("login-address", client_address(request)), ("login-name", _name_tried(request))):
            usage = ratelimits.hit(group, key, settings.RATE_LIMIT_LOGIN, request)
            if usage.limited:
                refusal = too_many_requests(request)
                usage.put_on(refusal)
                return refusal
    return admin.site.login(request)


def _name_tried(request: HttpRequest) -> str:
    """A digest of the name that Django will look up, as its own form field makes it of what was sent: one name can be
    written in many ways (spaces around it, letters of full width), and each would have tries of its own."""
    name = AuthenticationForm().fields["username"].to_python(request.POST.get("username")) or ""
    return blake2b(name.encode(), digest_size=16).hexdigest()
