"""What stands before the public page: bounds, limits, and two traps for robots.

Whoever is caught by mistake is told so in the form, with all that they typed still in it.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from agents.models import Agent
from api import credentials, errors, ratelimits, tenancy
from api.addresses import client_address
from api.errors import Malformed, TooLarge, page_of_exception
from api.parsers import body_length, is_chunked
from api.principals import Consumer
from api.ratelimits import Usage

CONSUMER = Consumer()
LEAST_FILLING = timedelta(seconds=3)
"""Nobody fills in the form faster."""
MOST_FILLING = timedelta(days=1)
TRAP = "website"
"""A field that nobody sees, and robots fill in."""

SALT = "clients.public"
METHODS = ("GET", "HEAD", "POST")
View = Callable[..., HttpResponse]


def public(find: Callable[..., Any], *, largest_body: int = settings.MAX_JSON_BYTES) -> Callable[[View], View]:
    """A view for people, of what `find` finds by the path: every error is a page. From then on, the database shows and
    takes what is that agency's.

    The body is bounded, and the page is found, before anything reads the body. The check against forged requests
    (CSRF) does, for its token: that is why it is made here, and not by the middleware, which would read first.
    """

    def guarded(view: View) -> View:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest, **parts: Any) -> HttpResponse:
            if request.method not in METHODS:
                return errors.method_not_allowed(request, METHODS)
            try:
                _bound_body(request, largest_body)
                found = find(request, **parts)
                with tenancy.acting_for(CONSUMER, agency_id=found.agency_id):
                    return protected(request, found)
            except Exception as failure:  # noqa: BLE001 - errors of any layer leave as a page
                return page_of_exception(request, failure)

        return answer

    return guarded


def _bound_body(request: HttpRequest, most: int) -> None:
    if is_chunked(request):
        raise Malformed
    if body_length(request) > most:
        raise TooLarge


# --- robots -------------------------------------------------------------------------------------------


def seal(agent: Agent) -> str:
    """Goes with a new form: when it was shown, and the private link that it will open (see `start_request`)."""
    return signing.dumps([agent.pk, credentials.generate(credentials.CONSUMER_LINK)], salt=SALT)


def unseal(agent: Agent, sealed: str) -> str | None:
    """The secret of the private link; None where the form is forged, another agent's, or was open for too long."""
    try:
        agent_pk, secret = signing.loads(sealed, salt=SALT, max_age=MOST_FILLING)
    except signing.BadSignature:
        return None
    return secret if agent_pk == agent.pk else None


def is_robot(sealed: str, trapped: str) -> bool:
    """Whether the trap was filled in, or the whole form faster than anybody can."""
    try:
        signing.loads(sealed, salt=SALT, max_age=LEAST_FILLING)
    except signing.SignatureExpired:
        return bool(trapped)
    return True


# --- limits -------------------------------------------------------------------------------------------


def count_start(request: HttpRequest, agent: Agent) -> Usage:
    """By address, then for the agent: what one address sends too much does not use up the agent's share."""
    usage = ratelimits.hit("public-start", client_address(request), settings.RATE_LIMIT_PUBLIC_START, request)
    if usage.limited:
        return usage
    return ratelimits.hit("public-agent", str(agent.pk), settings.RATE_LIMIT_PUBLIC_AGENT, request)


def count_change(request: HttpRequest) -> Usage:
    return ratelimits.hit("public-change", client_address(request), settings.RATE_LIMIT_PUBLIC_CHANGE, request)


def words_of(usage: Usage) -> str:
    minutes = -(-usage.retry_after // 60)
    wait = "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"Too many requests came from your network just now. Nothing is lost: wait {wait}, then try again."
