"""Clients, their submissions and declaration pages: for the agent itself, or an admin of its agency (contract §6)."""

from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from agents.models import Agent
from agents.permissions import require_self_or_admin
from api.errors import Forbidden
from api.operations import Caller, operation
from api.principals import AgentPrincipal
from api.totals import ListOf
from api.views import ApiView
from clients import links
from clients.filters import ClientFilter, QuestionSetFilter
from clients.models import Client, DeclarationPage, QuestionSet, Submission
from clients.serializers import (
    TOO_MANY_INCLUDED,
    ClientChangeSerializer,
    ClientSerializer,
    DeclarationPageChangeSerializer,
    DeclarationPageSerializer,
    DeclarationPageUploadSerializer,
    LinkSerializer,
    NewClientSerializer,
    QuestionSetSerializer,
    ReassignSerializer,
    SubmissionChangeSerializer,
    SubmissionSerializer,
    client_shown,
    clients_shown,
    declaration_page_shown,
    question_set_shown,
    submission_shown,
    submissions_shown,
)
from clients.services import clients, declaration_pages, submissions

NOT_AN_ACTIVE_AGENT = {"not_an_active_agent": "The agent is of another agency, deactivated, or not there."}
CONTACT_MISSING = {"contact_missing": "An e-mail address or a phone number is needed."}
SUBMISSION_COMPLETE = {"submission_complete": "A complete submission is not changed any more; start another one."}
ANSWER_RULES = {"not_asked": "`answers` names a question that `question_versions` does not have."}


class NewClientView(ApiView):
    @operation(
        name="createClient",
        caller=Caller.AGENT,
        summary="Create a client",
        takes=NewClientSerializer,
        gives=ClientSerializer,
        status=HTTPStatus.CREATED,
        refusals={**CONTACT_MISSING, **NOT_AN_ACTIVE_AGENT},
    )
    def post(self, request: Request) -> Response:
        """Of the calling agent, or of the colleague that an admin names by `agent_id`."""
        caller = cast(AgentPrincipal, self.principal)
        values = self.parse(NewClientSerializer)
        agent_id = values.pop("agent_id", caller.agent_id)
        if agent_id != caller.agent_id and not caller.is_admin:
            raise Forbidden("Only an admin of the agency may give a client to a colleague.")
        client = clients.create_client(actor=caller, agency_id=caller.agency_id, agent_id=agent_id, values=values)
        return self.created(client_shown(client, client.agent), location=path_of(client))


class OfAgentView(ApiView):
    """The paths that begin with the agent whose clients these are."""

    def agent(self) -> Agent:
        """Raises Forbidden (403) for an agent that the caller does not reach, or whose clients are not its to see."""
        agent = self.reach(Agent.objects.visible_to(self.principal), self.kwargs["agent_id"])
        require_self_or_admin(self.principal, agent)
        return agent

    def client(self) -> Client:
        mine = Client.objects.visible_to(self.principal).filter(agent=self.agent())
        return self.find(mine.select_related("agent"), "client_uuid")

    def submission(self) -> Submission:
        return self.find(self.client().submissions.visible_to(self.principal), "submission_uuid")

    def declaration_page(self) -> DeclarationPage:
        return self.find(self.submission().declaration_pages.visible_to(self.principal), "declaration_page_uuid")


class ClientsView(OfAgentView):
    @operation(
        name="listClients",
        caller=Caller.AGENT,
        summary="List an agent's clients",
        gives=ClientSerializer,
        paged=True,
        filters=ClientFilter,
        sorts={"created_at": ("created_at",), "updated_at": ("updated_at",), "last_name": ("sort_name",)},
        includes=("submissions", "submissions.declaration_pages"),
        refusals={"too_many_included": f"{TOO_MANY_INCLUDED} With `perPage=1` it never happens."},
    )
    def get(self, request: Request, agent_id: int) -> Response:
        """Ordered by id, which is the order of their creation, unless `sort` says otherwise. A sync cannot see which
        clients are gone from this list: the webhook event `client.reassigned` tells of those that went to another
        agent, and a walk without `updatedSince` of those that were destroyed. A change of its submissions is none of
        the client; webhook events tell of those."""
        agent = self.agent()
        mine = Client.objects.visible_to(self.principal).filter(agent=agent)

        def shown(ids: list[UUID], included: frozenset[str]) -> list[dict[str, Any]]:
            return clients_shown(ids, agent, included)

        return self.page_of(mine, shown, ListOf(Client, agent.pk), agent_id=agent.pk)


class ClientView(OfAgentView):
    @operation(
        name="showClient",
        caller=Caller.AGENT,
        summary="Show a client",
        gives=ClientSerializer,
        includes=("submissions", "submissions.declaration_pages"),
    )
    def get(self, request: Request, agent_id: int, client_uuid: str) -> Response:
        included = self.included()
        client = self.client()
        [shown] = (
            clients_shown([client.pk], client.agent, included) if included else [client_shown(client, client.agent)]
        )
        return self.ok(shown)

    @operation(
        name="updateClient",
        caller=Caller.AGENT,
        summary="Change a client",
        takes=ClientChangeSerializer,
        gives=ClientSerializer,
        refusals=CONTACT_MISSING,
    )
    def patch(self, request: Request, agent_id: int, client_uuid: str) -> Response:
        """Another agent gets the client by `reassign`."""
        client = self.client()
        values = self.parse(ClientChangeSerializer)
        client = clients.update_client(actor=self.principal, client=client, values=values)
        return self.ok(client_shown(client, client.agent))


class ReassignClientView(OfAgentView):
    @operation(
        name="reassignClient",
        caller=Caller.AGENT,
        summary="Give a client to a colleague",
        takes=ReassignSerializer,
        gives=ClientSerializer,
        refusals=NOT_AN_ACTIVE_AGENT,
    )
    def post(self, request: Request, agent_id: int, client_uuid: str) -> Response:
        """Within the agency only. Its paths begin with the new agent's id from then on."""
        client = self.client()
        to = self.parse(ReassignSerializer)["agent_id"]
        client = clients.reassign_client(actor=self.principal, client=client, agent_id=to)
        return self.ok(client_shown(client, client.agent))


class DestroyClientView(OfAgentView):
    @operation(
        name="destroyClient",
        caller=Caller.AGENT,
        summary="Destroy a client for good",
        status=HTTPStatus.NO_CONTENT,
    )
    def post(self, request: Request, agent_id: int, client_uuid: str) -> Response:
        """With all its submissions, declaration pages and their files. What stays is that it was done, and by whom."""
        clients.destroy_client(actor=self.principal, client=self.client())
        return self.no_content()


class SubmissionsView(OfAgentView):
    @operation(
        name="listSubmissions",
        caller=Caller.AGENT,
        summary="List a client's submissions",
        gives=SubmissionSerializer,
        paged=True,
        includes=("declaration_pages",),
    )
    def get(self, request: Request, agent_id: int, client_uuid: str) -> Response:
        """Ordered by id, which is the order of their creation."""
        return self.page_of(self.client().submissions.all(), submissions_shown)

    @operation(
        name="createSubmission",
        caller=Caller.AGENT,
        summary="Start a submission",
        takes=SubmissionChangeSerializer,
        gives=SubmissionSerializer,
        status=HTTPStatus.CREATED,
        refusals={"too_many_submissions": "The client has as many submissions as one may have.", **ANSWER_RULES},
    )
    def post(self, request: Request, agent_id: int, client_uuid: str) -> Response:
        """What a consumer does on the agent's public page, for agents who collect by themselves."""
        client = self.client()
        values = self.parse(SubmissionChangeSerializer)
        submission = submissions.start_submission(actor=self.principal, client=client, values=values)
        return self.created(submission_shown(submission), location=f"{path_of(client)}/submissions/{submission.pk}")


class SubmissionView(OfAgentView):
    @operation(
        name="showSubmission",
        caller=Caller.AGENT,
        summary="Show a submission",
        gives=SubmissionSerializer,
        includes=("declaration_pages",),
    )
    def get(self, request: Request, agent_id: int, client_uuid: str, submission_uuid: str) -> Response:
        included = self.included()
        [shown] = submissions_shown([self.submission().pk], included)
        return self.ok(shown)

    @operation(
        name="updateSubmission",
        caller=Caller.AGENT,
        summary="Change a submission in progress",
        takes=SubmissionChangeSerializer,
        gives=SubmissionSerializer,
        refusals={**SUBMISSION_COMPLETE, **ANSWER_RULES},
    )
    def patch(self, request: Request, agent_id: int, client_uuid: str, submission_uuid: str) -> Response:
        """Answers about a type of insurance that is taken out go with it."""
        submission = self.submission()
        values = self.parse(SubmissionChangeSerializer)
        submission = submissions.change_submission(actor=self.principal, submission=submission, values=values)
        return self.ok(submission_shown(submission))


class CompleteSubmissionView(OfAgentView):
    @operation(
        name="completeSubmission",
        caller=Caller.AGENT,
        summary="Complete a submission",
        gives=SubmissionSerializer,
        refusals={
            "insurance_types_missing": "At least one type of insurance.",
            "required": "An additional question that needs an answer has none.",
        },
    )
    def post(self, request: Request, agent_id: int, client_uuid: str, submission_uuid: str) -> Response:
        """It is not changed any more from then on. Complete already: the same answer again."""
        submission = submissions.complete_submission(actor=self.principal, submission=self.submission())
        return self.ok(submission_shown(submission))


class DeclarationPagesView(OfAgentView):
    @operation(
        name="uploadDeclarationPage",
        caller=Caller.AGENT,
        summary="Upload a declaration page",
        takes=DeclarationPageUploadSerializer,
        gives=DeclarationPageSerializer,
        status=HTTPStatus.CREATED,
        max_file_bytes=settings.MAX_DECLARATION_PAGE_BYTES,
        refusals={
            "invalid_file": "By its content the file is no PDF, PNG, JPEG or WebP.",
            "too_many_declaration_pages": "The submission has as many as one may have.",
            **SUBMISSION_COMPLETE,
        },
    )
    def post(self, request: Request, agent_id: int, client_uuid: str, submission_uuid: str) -> Response:
        """PDF, PNG, JPEG or WebP by content, at most 20 MB. A PDF is read afterwards: see `reading`."""
        submission = self.submission()
        upload = self.parse(DeclarationPageUploadSerializer)["file"]
        page = declaration_pages.add_declaration_page(actor=self.principal, submission=submission, upload=upload)
        location = f"{path_of(page.submission.client)}/submissions/{submission.pk}/declaration-pages/{page.pk}"
        return self.created(declaration_page_shown(page), location=location)


class DeclarationPageView(OfAgentView):
    @operation(
        name="showDeclarationPage",
        caller=Caller.AGENT,
        summary="Show a declaration page",
        gives=DeclarationPageSerializer,
    )
    def get(
        self, request: Request, agent_id: int, client_uuid: str, submission_uuid: str, declaration_page_uuid: str
    ) -> Response:
        """What was read from it so far, and where in its text."""
        return self.ok(declaration_page_shown(self.declaration_page()))

    @operation(
        name="correctDeclarationPage",
        caller=Caller.AGENT,
        summary="Correct what was read from a declaration page",
        takes=DeclarationPageChangeSerializer,
        gives=DeclarationPageSerializer,
        refusals={"dates_out_of_order": "The policy would end before it begins."},
    )
    def patch(
        self, request: Request, agent_id: int, client_uuid: str, submission_uuid: str, declaration_page_uuid: str
    ) -> Response:
        """Also for files that were not read, and for submissions that are complete."""
        page = self.declaration_page()
        values = self.parse(DeclarationPageChangeSerializer)
        page = declaration_pages.correct_declaration_page(actor=self.principal, page=page, values=values)
        return self.ok(declaration_page_shown(page))

    @operation(
        name="removeDeclarationPage",
        caller=Caller.AGENT,
        summary="Take a declaration page out of a submission in progress",
        status=HTTPStatus.NO_CONTENT,
        refusals=SUBMISSION_COMPLETE,
    )
    def delete(
        self, request: Request, agent_id: int, client_uuid: str, submission_uuid: str, declaration_page_uuid: str
    ) -> Response:
        """Its file is removed with it."""
        declaration_pages.remove_declaration_page(actor=self.principal, page=self.declaration_page())
        return self.no_content()


class DeclarationPageLinkView(OfAgentView):
    @operation(
        name="linkDeclarationPage",
        caller=Caller.AGENT,
        summary="Get a link to a declaration page's file",
        gives=LinkSerializer,
    )
    def get(
        self, request: Request, agent_id: int, client_uuid: str, submission_uuid: str, declaration_page_uuid: str
    ) -> Response:
        """It works without a token for 15 minutes, as long as the token that asked for it would: once that is reset,
        or the client is another agent's, so is the link."""
        path, expires_at = links.link_to(self.declaration_page(), cast(AgentPrincipal, self.principal))
        return self.ok({"url": request.build_absolute_uri(path), "expires_at": expires_at})


class QuestionSetsView(ApiView):
    @operation(
        name="listAdditionalQuestions",
        caller=Caller.AGENT,
        summary="List the additional questions",
        gives=QuestionSetSerializer,
        paged=True,
        filters=QuestionSetFilter,
    )
    def get(self, request: Request) -> Response:
        """A set for each type of insurance and version, in the order of their creation; the highest version of a type
        is asked now, and the earlier ones say what earlier answers mean."""

        def shown(ids: list[int], included: frozenset[str]) -> list[dict[str, Any]]:
            sets = QuestionSet.objects.prefetch_related("questions").in_bulk(ids)
            return [question_set_shown(sets[pk]) for pk in ids]

        return self.page_of(QuestionSet.objects.all(), shown)


def path_of(client: Client) -> str:
    return f"/v1/agents/{client.agent_id}/clients/{client.pk}"
