"""The pages that a consumer sees: the form, what a private link opens, and the end.

Whatever is pressed, all that was typed is saved first, or stays in the form with what is wrong beside it.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from rest_framework.exceptions import ValidationError

from agents.models import Agent
from api import credentials, pictures, ratelimits
from api.errors import ApiError, Invalid, RateLimited
from api.methods import only_read
from api.parsers import body_length
from api.ratelimits import Usage
from clients.answers import questions_of, readable
from clients.models import LINK_LIFETIME, InsuranceType, Submission
from clients.public import colours, guards
from clients.public.forms import StartForm, SubmissionForm
from clients.public.guards import CONSUMER
from clients.search import phone_key
from clients.services import declaration_pages, requests, submissions
from clients.services.declaration_pages import MAX_PAGES

AT_ONCE = 5
"""Files of the largest size in one request, for browsers without JavaScript; with it, each has a request of its own."""
LARGEST_BODY = AT_ONCE * settings.MAX_DECLARATION_PAGE_BYTES + settings.MAX_JSON_BYTES
MEGABYTES = settings.MAX_DECLARATION_PAGE_BYTES // 2**20
FILE_FAULTS = {
    "empty": "The file is empty.",
    "invalid_file": "This is not a PDF, PNG, JPEG or WebP file that can be opened.",
    "too_large": f"The file is larger than {MEGABYTES} MB.",
    "too_many_declaration_pages": f"Not kept: {MAX_PAGES} files are the most.",
    "unavailable": "The file could not be kept just now. Try again in a moment.",
}
ACTS = ("save", "upload", "remove", "finish")
ROBOT = "That was very fast, so we have to ask: if you are a person, check what you wrote and continue once more."
STALE = "This page was open for a long time. Check what you wrote and continue once more."


class NotAvailable(ApiError):
    """404 with words of its own."""

    status_code = HTTPStatus.NOT_FOUND
    code = "not_available"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to the page that a private link opens."""

    request: HttpRequest
    secret: str
    submission: Submission
    usage: Usage | None
    """Of a change."""

    @property
    def agent(self) -> Agent:
        return self.submission.client.agent

    @property
    def agency_id(self) -> int:
        return self.agent.agency_id

    @property
    def path(self) -> str:
        return reverse("public-submission", args=[self.agent.slug, self.secret])

    @property
    def expires_at(self) -> datetime:
        return self.submission.created_at + LINK_LIFETIME

    def form(self, *typed: Any) -> SubmissionForm:
        return SubmissionForm(self.submission, questions_of(self.submission.question_versions), *typed)


# --- what a path names ----------------------------------------------------------------------------------


def _agent(request: HttpRequest, slug: str) -> Agent:
    agent = Agent.objects.select_related("agency").filter(slug=slug.lower()).first()
    if agent is None:
        _missed(request)
    return _active(agent)


def _visit(request: HttpRequest, slug: str, secret: str) -> Visit:
    """Whatever the slug says: the link stays good when the client is given to another agent, or the agent's slug
    changes. Who changes too much is told so in the form, but no more files are read."""
    opened = Submission.objects.opened_by(secret).select_related("client__agent__agency").first()
    if opened is None:
        _missed(request, "This private link does not work, or not any more: links work for 30 days.")
    _active(opened.client.agent)
    usage = guards.count_change(request) if request.method == "POST" else None
    if usage and usage.limited and body_length(request) > settings.MAX_JSON_BYTES:
        raise RateLimited(headers=usage.headers())
    return Visit(request, secret, opened, usage)


def _active(agent: Agent) -> Agent:
    if agent.deactivated_at or agent.agency.deactivated_at:
        raise _closed(agent)
    return agent


def _closed(agent: Agent) -> NotAvailable:
    return NotAvailable(f"{agent} no longer takes requests here.")


def _missed(request: HttpRequest, words: str = "") -> NoReturn:
    """A slug or a private link that is not there."""
    usage = ratelimits.hit_address(request)
    if usage.limited:
        raise RateLimited(headers=usage.headers())
    raise NotAvailable(words) if words else Http404


# --- the pages ------------------------------------------------------------------------------------------


@guards.public(_agent)
def start(request: HttpRequest, agent: Agent) -> HttpResponse:
    """The form that a consumer begins with."""
    path = reverse("public-page", args=[agent.slug])
    if request.method == "POST":
        return _start(request, agent)
    if request.path != path:
        return redirect(path, permanent=True)
    return _form_page(request, agent, StartForm(), guards.seal(agent))


@guards.public(_visit, largest_body=LARGEST_BODY)
def submission(request: HttpRequest, visit: Visit) -> HttpResponse:
    """What the consumer began, to go on with until it is finished, and to look at from then on."""
    finished = visit.submission.completed_at is not None
    if request.method == "POST" and not finished:
        return _change(visit)
    if request.method == "POST" or request.path != visit.path:
        return _see(visit.path)
    return _finished_page(visit) if finished else _submission_page(visit, visit.form())


@only_read
def theme(request: HttpRequest, code: str) -> HttpResponse:
    """The shades of a colour as a stylesheet. They follow from the colour alone, so browsers may keep it for ever."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return HttpResponse(colours.theme(code).css(), content_type="text/css", headers=headers)


# --- the form -----------------------------------------------------------------------------------------


def _start(request: HttpRequest, agent: Agent) -> HttpResponse:
    form = StartForm(request.POST)
    sealed = request.POST.get("seal", "")
    secret = guards.unseal(agent, sealed)
    if secret is None:
        sealed = guards.seal(agent)
        form.add_error(None, STALE)
    elif guards.is_robot(sealed, request.POST.get(guards.TRAP, "")):
        form.add_error(None, ROBOT)
    if secret is None or not form.is_valid():
        return _form_page(request, agent, form, sealed)
    usage = guards.count_start(request, agent)
    if usage.limited:
        form.add_error(None, guards.words_of(usage))
        return _limited(_form_page(request, agent, form, sealed), usage)
    try:
        begun = requests.start_request(
            actor=CONSUMER,
            agent=agent,
            contact=form.contact,
            insurance_types=form.cleaned_data["insurance_types"],
            resume_digest=credentials.digest(secret),
        )
    except Invalid:  # deactivated meanwhile
        raise _closed(agent) from None
    return _see(reverse("public-submission", args=[begun.client.agent.slug, secret]))


# --- the private link ---------------------------------------------------------------------------------


def _change(visit: Visit) -> HttpResponse:
    """Saves, then does what was asked besides. Files are taken whatever else is wrong: no form can show them again."""
    request = visit.request
    form = visit.form(request.POST, request.FILES)
    if visit.usage and visit.usage.limited:
        form.add_error(None, guards.words_of(visit.usage))
        return _limited(_submission_page(visit, form), visit.usage)
    act, _, page_id = request.POST.get("act", "").partition(" ")
    try:
        _save(visit, form)
        if act == "upload" or request.FILES:
            _upload(visit, form)
        if act == "remove":
            _remove(visit, page_id)
        if act == "finish" and form.is_valid():
            return _finish(visit)
    except Invalid:  # finished meanwhile, in another window
        return _see(visit.path)
    if form.errors:
        return _submission_page(visit, form)
    return _see(f"{visit.path}?done={act if act in ACTS else 'save'}#done")


def _save(visit: Visit, form: SubmissionForm) -> None:
    if form.is_valid() and form.answers_changed:
        try:
            submissions.change_submission(actor=CONSUMER, submission=visit.submission, values=form.values)
        except ValidationError as faults:
            form.tell(faults.detail)


def _upload(visit: Visit, form: SubmissionForm) -> None:
    files = visit.request.FILES.getlist("files")
    if not files:
        form.add_error("files", "Choose a file first.")
    for file in files:
        try:
            declaration_pages.add_declaration_page(actor=CONSUMER, submission=visit.submission, upload=file)
        except ApiError as refusal:
            form.add_error("files", f"{file.name}: {_words(refusal)}")


def _words(refusal: ApiError) -> str:
    """Raises the refusal where it is not about the file."""
    code = refusal.details[0]["code"] if refusal.details else refusal.code
    if code not in FILE_FAULTS:
        raise refusal
    return FILE_FAULTS[code]


def _remove(visit: Visit, page_id: str) -> None:
    """Gone already: nothing happens."""
    with suppress(ValueError, Http404):
        page = get_object_or_404(visit.submission.declaration_pages.all(), pk=UUID(page_id))
        declaration_pages.remove_declaration_page(actor=CONSUMER, page=page)


def _finish(visit: Visit) -> HttpResponse:
    """Or says what is missing: asked anew, since a kind of insurance may have come with its questions just now."""
    try:
        submissions.complete_submission(actor=CONSUMER, submission=visit.submission)
    except (Invalid, ValidationError) as refusal:
        visit.submission.refresh_from_db(fields=["question_versions", "answers"])
        form = visit.form(visit.request.POST)
        if isinstance(refusal, ValidationError):
            form.tell(refusal.detail)
        else:
            form.add_error("insurance_types", "Choose at least one kind of insurance.")
        return _submission_page(visit, form)
    return _see(visit.path)


# --- answers ------------------------------------------------------------------------------------------


def _form_page(request: HttpRequest, agent: Agent, form: StartForm, sealed: str) -> HttpResponse:
    answer = _page(request, agent, "public/start.html", form, sealed=sealed, trap=guards.TRAP)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _submission_page(visit: Visit, form: SubmissionForm) -> HttpResponse:
    more = {
        "visit": visit,
        "pages": visit.submission.declaration_pages.order_by("id"),
        "link": visit.request.build_absolute_uri(visit.path),
        "done": visit.request.GET.get("done"),
        "largest_file": settings.MAX_DECLARATION_PAGE_BYTES,
        "megabytes": MEGABYTES,
    }
    return _private(_page(visit.request, visit.agent, "public/submission.html", form, **more))


def _finished_page(visit: Visit) -> HttpResponse:
    submission = visit.submission
    more = {
        "visit": visit,
        "kinds": [InsuranceType(kind).label for kind in submission.insurance_types],
        "answered": [about for about in readable([submission])[submission.pk] if about.answers],
        "pages": submission.declaration_pages.order_by("id"),
    }
    return _private(_page(visit.request, visit.agent, "public/finished.html", None, **more))


def _page(
    request: HttpRequest, agent: Agent, template: str, form: StartForm | SubmissionForm | None, **more: Any
) -> HttpResponse:
    """422 where there is a form with errors."""
    agency = agent.agency
    shown = {
        "agent": agent,
        "agency": agency,
        "logo": pictures.url(request, agency.logo),
        "call": phone_key(agent.phone_number),
        "portrait": pictures.url(request, agent.profile_picture),
        "form": form,
        **more,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form is not None and form.errors else HTTPStatus.OK
    return render(request, template, shown, status=status)


def _private(answer: HttpResponse) -> HttpResponse:
    """Kept by nobody and found by no search engine. The referrer stays within the site (SECURE_REFERRER_POLICY):
    without any, browsers would not name the origin of a form either, and it would be refused."""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def _limited(answer: HttpResponse, usage: Usage) -> HttpResponse:
    """429 as the page itself, with all that was typed in its form."""
    answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
    usage.put_on(answer)
    return answer


def _see(path: str) -> HttpResponse:
    return HttpResponse(status=HTTPStatus.SEE_OTHER, headers={"Location": path})
