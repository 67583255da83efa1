"""The way in, and one's own key to it."""

from hashlib import blake2b
from http import HTTPStatus
from typing import cast

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters

from administration.base import administrator
from api import ratelimits
from api.addresses import client_address
from api.errors import too_many_requests
from audit.services import record


@sensitive_post_parameters("password")
def login(request: HttpRequest) -> HttpResponse:
    """Django's, with passwords tried at most so often a minute: by one address, and for one name."""
    if request.method != "POST":
        return admin.site.login(request)
    refusal = _refusal(request, {"login-address": client_address(request), "login-name": _name_tried(request)})
    answer = refusal or admin.site.login(request)
    if answer.status_code == HTTPStatus.FOUND:
        record(actor=administrator(request), action="user.log_in", target=cast(User, request.user))
    return answer


@sensitive_post_parameters()
def change_password(request: HttpRequest) -> HttpResponse:
    """Django's, of one's own, where the old one is tried at most so often: a session may be somebody else's."""
    if request.method != "POST":
        return admin.site.password_change(request)
    answer = _refusal(request, {"login-password": str(request.user.pk)}) or admin.site.password_change(request)
    if answer.status_code == HTTPStatus.FOUND:
        record(
            actor=administrator(request), action="user.update", target=cast(User, request.user), changed=["password"]
        )
    return answer


def _refusal(request: HttpRequest, tried: dict[str, str]) -> HttpResponse | None:
    """Of the first of these, by group, that was tried too often."""
    for group, key in tried.items():
        usage = ratelimits.hit(group, key, settings.RATE_LIMIT_LOGIN, request)
        if usage.limited:
            return too_many_requests(request, usage)
    return None


def _name_tried(request: HttpRequest) -> str:
    """A digest of the name that Django will look up, as its own form field makes it of what was sent: one name can be
    written in many ways (spaces around it, letters of full width), and each would have tries of its own."""
    name = AuthenticationForm().fields["username"].to_python(request.POST.get("username")) or ""
    return blake2b(name.encode(), digest_size=16).hexdigest()
