"""A partner's whole journey by the generated Python client, and then its agent's: `python journey.py FOLDER`.

FOLDER holds `logo.png` and `page.pdf`; where the service is and who calls stands in the environment. It ends with an
error where an answer is not what the client's types say. What a receiver of its webhook must know is printed last.
"""

import json
import os
import sys
import time
from base64 import b64encode
from collections.abc import Iterable
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx
from agency_api import AuthenticatedClient, Client
from agency_api import models as m
from agency_api.api.agencies import (
    create_agency,
    create_agency_agent,
    create_agency_agents,
    deactivate_agency,
    list_agencies,
    show_agency,
    show_agency_agent,
    transfer_agency_ownership,
    update_agency,
    update_agency_agent,
)
from agency_api.api.agents import (
    deactivate_agent,
    list_agents,
    reactivate_agent,
    reset_agent_access_token,
    set_additional_questions,
)
from agency_api.api.clients import (
    complete_submission,
    correct_declaration_page,
    create_client,
    create_submission,
    destroy_client,
    link_declaration_page,
    list_additional_questions,
    list_clients,
    list_submissions,
    reassign_client,
    show_client,
    show_declaration_page,
    update_client,
    update_submission,
    upload_declaration_page,
)
from agency_api.api.o_auth import introspect_token, issue_token, revoke_token
from agency_api.api.service import show_health
from agency_api.api.webhooks import (
    create_webhook,
    delete_webhook,
    list_webhook_deliveries,
    list_webhook_events,
    list_webhooks,
    recover_webhook,
    retry_webhook_delivery,
    rotate_webhook_secret,
    show_webhook_delivery,
    test_webhook,
    update_webhook,
)
from agency_api.types import File

BASE_URL = os.environ["BASE_URL"]
CLIENT_ID, CLIENT_SECRET = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
RECEIVER = os.environ["RECEIVER"]
FOLDER = Path(sys.argv[1])
PATIENCE = 30
T = TypeVar("T")


def got(kind: type[T], answer: object) -> T:
    """The answer, as what it is expected to be."""
    if not isinstance(answer, kind):
        raise TypeError(f"{kind.__name__} was expected and not {answer}")
    return answer


def refused(answer: object, code: str) -> m.Error:
    error = got(m.ErrorEnvelope, answer).error
    assert error.code == code, error
    return error


def authorized(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(BASE_URL, token, raise_on_unexpected_status=True, timeout=httpx.Timeout(30))


def file(name: str, kind: str) -> File:
    return File(BytesIO((FOLDER / name).read_bytes()), name, kind)


# --- the partner --------------------------------------------------------------------------------------


def by_secret(secret: str) -> AuthenticatedClient:
    """Who asks for tokens: by HTTP Basic."""
    return AuthenticatedClient(BASE_URL, b64encode(f"{CLIENT_ID}:{secret}".encode()).decode(), prefix="Basic")


def token_of_partner() -> str:
    refusal = issue_token.sync(client=by_secret("wrong"), body=m.IssueTokenJsonBody("client_credentials"))
    assert got(m.OAuthError, refusal).error == "invalid_client"
    form = m.IssueTokenDataBody("client_credentials")
    issued = got(m.IssueTokenResponse200, issue_token.sync(client=by_secret(CLIENT_SECRET), body=form))
    assert (issued.token_type, issued.expires_in) == ("bearer", 3600)
    return issued.access_token


def found_agency(partner: AuthenticatedClient) -> m.NewAgencyAnswer:
    body = m.NewAgency("Harbor Insurance", "ann@harbor.example", "Ann", "Reed")
    made = create_agency.sync_detailed(client=partner, body=body, idempotency_key="found-harbor")
    again = create_agency.sync_detailed(client=partner, body=body, idempotency_key="found-harbor")
    assert (made.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    answer = got(m.CreateAgencyResponse201, made.parsed).data
    assert got(m.CreateAgencyResponse201, again.parsed).data == answer
    page = got(m.ListAgenciesResponse200, list_agencies.sync(client=partner))
    assert [(one.id, one.referral) for one in page.data] == [(answer.agency.id, "")]
    return answer


def hire(partner: AuthenticatedClient, agency_id: int) -> m.NewAgentAnswer:
    """One with a picture, one without, and several at once, of whom one is refused."""
    pictured = m.NewAgent(
        "Bo", "Reed", "bo@harbor.example", is_admin=True, profile_picture=file("logo.png", "image/png")
    )
    first = got(m.CreateAgencyAgentResponse201, create_agency_agent.sync(agency_id, client=partner, body=pictured)).data
    assert (first.is_admin, first.email) == (True, "bo@harbor.example")
    plain = m.CreateAgencyAgentJsonBody("Cy", "Reed", "cy@harbor.example", phone_number="(212) 555-0123")
    second = create_agency_agent.sync(agency_id, client=partner, body=plain)
    assert not got(m.CreateAgencyAgentResponse201, second).data.is_admin
    twice = create_agency_agent.sync(agency_id, client=partner, body=plain)
    assert isinstance(details := refused(twice, "invalid").details, list)
    assert [(one.field, one.code) for one in details] == [("email", "email_taken")]
    rows = m.BulkAgents([m.NewAgentRow("Di", "Reed", email) for email in ("di@harbor.example", "no address")])
    done = got(m.CreateAgencyAgentsResponse200, create_agency_agents.sync(agency_id, client=partner, body=rows)).data
    assert [one.status for one in done] == [201, 422]
    assert got(m.NewAgentAnswer, done[0].agent).first_name == "Di"
    assert got(m.Error, done[1].error).code == "invalid"
    return first


def look_around(partner: AuthenticatedClient) -> None:
    """By numbered pages, by cursor, by what they are asked for, by what has changed."""
    numbered = got(m.ListAgentsResponse200, list_agents.sync(client=partner, page=2, per_page=3))
    assert (numbered.meta.total, numbered.meta.from_, numbered.links.next_) == (4, 4, None)
    names = []
    cursor: str | None = "first"
    while cursor:
        walked = got(m.ListAgentsResponse200, list_agents.sync(client=partner, cursor=cursor, per_page=3))
        names += [one.first_name for one in walked.data]
        cursor = walked.meta.next_cursor or None
    assert names == ["Ann", "Bo", "Cy", "Di"]
    asked = got(m.ListAgentsResponse200, list_agents.sync(client=partner, filter_by_email="CY@harbor.example"))
    [cy] = asked.data
    since = cy.updated_at - timedelta(seconds=1)
    synced = list_agents.sync(client=partner, updated_since=since, include_deactivated=True)
    assert cy.id in [one.id for one in got(m.ListAgentsResponse200, synced).data]
    kept = list_agents.sync_detailed(client=partner)
    assert list_agents.sync_detailed(client=partner, if_none_match=kept.headers["ETag"]).status_code == 304
    too_many = list_agents.sync(client=partner, per_page=101)
    assert isinstance(details := refused(too_many, "invalid").details, list)
    assert details[0].field == "perPage"


def deactivate_and_back(partner: AuthenticatedClient) -> None:
    [di] = got(m.ListAgentsResponse200, list_agents.sync(client=partner, filter_by_email="di@harbor.example")).data
    assert deactivate_agent.sync_detailed(di.id, client=partner).status_code == 204
    everybody = got(m.ListAgentsResponse200, list_agents.sync(client=partner, include_deactivated=True)).data
    assert [one.first_name for one in everybody if one.deactivated_at] == ["Di"]
    back = got(m.ReactivateAgentResponse200, reactivate_agent.sync(di.id, client=partner)).data
    assert back.deactivated_at is None
    refused(deactivate_agent.sync(2**31, client=partner), "forbidden")


def new_token(partner: AuthenticatedClient, founded: m.NewAgencyAnswer) -> str:
    reset = reset_agent_access_token.sync(founded.agent.id, client=partner)
    token = got(m.ResetAgentAccessTokenResponse200, reset).data.agent.access_token
    refused(show_agency.sync(founded.agency.id, client=authorized(founded.agent.access_token)), "invalid_token")
    return token


# --- the agent ----------------------------------------------------------------------------------------


def brand(agent: AuthenticatedClient, agency_id: int, agent_id: int) -> None:
    drawn = m.AgencyChange(color_code="1D4ED8", logo=file("logo.png", "image/png"))
    shown = got(m.UpdateAgencyResponse200, update_agency.sync(agency_id, client=agent, body=drawn)).data
    assert httpx.get(got(str, shown.logo_url)).status_code == 200
    renamed = m.UpdateAgencyJsonBody(name="Harbor & Sons")
    assert got(m.UpdateAgencyResponse200, update_agency.sync(agency_id, client=agent, body=renamed)).data.logo_url
    shown = got(m.ShowAgencyResponse200, show_agency.sync(agency_id, client=agent)).data
    assert (shown.name, shown.color_code) == ("Harbor & Sons", "1D4ED8")
    changed = m.UpdateAgencyAgentJsonBody(phone_number="(212) 555-0199")
    update_agency_agent.sync(agency_id, agent_id, client=agent, body=changed)
    myself = got(m.ShowAgencyAgentResponse200, show_agency_agent.sync(agency_id, agent_id, client=agent)).data
    assert (myself.phone_number, myself.is_owner, myself.agency.id) == ("(212) 555-0199", True, agency_id)
    questions = set_additional_questions.sync(agent_id, client=agent, body=m.AdditionalQuestions(enabled=True))
    assert got(m.SetAdditionalQuestionsResponse200, questions).data.additional_questions_enabled


def new_client(agent: AuthenticatedClient, agent_id: int) -> m.Client:
    body = m.NewClient("Joe", "Consumer", email="joe@home.example")
    client = got(m.CreateClientResponse201, create_client.sync(client=agent, body=body)).data
    assert client.sales_funnel_status is m.SalesFunnelStatus.NEW
    change = m.ClientChange(sales_funnel_status=m.SalesFunnelStatus.QUOTED, phone_number="(212) 555-0177")
    client = got(m.UpdateClientResponse200, update_client.sync(agent_id, client.uuid, client=agent, body=change)).data
    listed = list_clients.sync(
        agent_id,
        client=agent,
        search="consum",
        sales_funnel_status=[m.SalesFunnelStatus.QUOTED, m.SalesFunnelStatus.WON],
        created_after=client.created_at - timedelta(minutes=1),
        sort=m.ListClientsSort.CREATED_AT_DESC,
        include=[m.ListClientsIncludeItem.SUBMISSIONS_DECLARATION_PAGES],
    )
    [found] = got(m.ListClientsResponse200, listed).data
    assert (found.uuid, found.submissions) == (client.uuid, [])
    return client


def submit(agent: AuthenticatedClient, agent_id: int, client: UUID) -> None:
    """With answers, and a declaration page that is taken, read, corrected and fetched."""
    begun = m.SubmissionChange(insurance_types=[m.InsuranceType.AUTO])
    submission = got(m.CreateSubmissionResponse201, create_submission.sync(agent_id, client, client=agent, body=begun))
    asked = list_additional_questions.sync(client=agent, insurance_type=m.InsuranceType.AUTO)
    [questions] = got(m.ListAdditionalQuestionsResponse200, asked).data
    answers = m.SubmissionChangeAnswers.from_dict({"auto": {one.key: answer_to(one) for one in questions.questions}})
    answered = m.SubmissionChange(answers=answers)
    updated = update_submission.sync(agent_id, client, submission.data.uuid, client=agent, body=answered)
    assert got(m.UpdateSubmissionResponse200, updated).data.answers["auto"].additional_properties

    place = (agent_id, client, submission.data.uuid)
    body = m.DeclarationPageUpload(file("page.pdf", "application/pdf"))
    page = got(m.UploadDeclarationPageResponse201, upload_declaration_page.sync(*place, client=agent, body=body)).data
    assert (page.filename, page.policy_type) == ("page.pdf", None)
    known = m.DeclarationPageChange(policy_type=m.InsuranceType.AUTO, effective_date=date(2026, 1, 15), carrier=None)
    corrected = correct_declaration_page.sync(*place, page.uuid, client=agent, body=known)
    assert got(m.CorrectDeclarationPageResponse200, corrected).data.policy_type is m.InsuranceType.AUTO
    shown = got(m.ShowDeclarationPageResponse200, show_declaration_page.sync(*place, page.uuid, client=agent)).data
    assert (shown.effective_date, shown.size) == (date(2026, 1, 15), page.size)
    link = got(m.LinkDeclarationPageResponse200, link_declaration_page.sync(*place, page.uuid, client=agent)).data
    assert httpx.get(link.url).content == (FOLDER / "page.pdf").read_bytes()

    done = got(m.CompleteSubmissionResponse200, complete_submission.sync(*place, client=agent)).data
    assert done.status is m.SubmissionStatus.COMPLETE
    listed = list_submissions.sync(
        agent_id, client, client=agent, include=[m.ListSubmissionsIncludeItem.DECLARATION_PAGES]
    )
    [only] = got(m.ListSubmissionsResponse200, listed).data
    assert [one.uuid for one in got(list, only.declaration_pages)] == [page.uuid]


def answer_to(question: m.Question) -> object:
    match question.kind:
        case m.QuestionKind.NUMBER:
            return 2
        case m.QuestionKind.DATE:
            return "2026-01-15"
        case m.QuestionKind.YES_NO:
            return True
        case m.QuestionKind.CHOICE:
            return question.options[0]
        case m.QuestionKind.CHOICES:
            return question.options[:1]
        case _:
            return "Two"


def hand_over(agent: AuthenticatedClient, agent_id: int, client: UUID, to: int) -> None:
    moved = reassign_client.sync(agent_id, client, client=agent, body=m.Reassign(to))
    assert got(m.ReassignClientResponse200, moved).data.agent.id == to
    refused(show_client.sync(agent_id, client, client=agent), "not_found")
    full = show_client.sync(to, client, client=agent, include=[m.ShowClientIncludeItem.SUBMISSIONS])
    assert len(got(list, got(m.ShowClientResponse200, full).data.submissions)) == 1


# --- its webhook --------------------------------------------------------------------------------------


def subscribe(agent: AuthenticatedClient) -> m.SubscriptionWithSecret:
    catalogue = got(m.ListWebhookEventsResponse200, list_webhook_events.sync(client=agent)).data
    assert {one.name for one in catalogue} >= {name.value for name in m.EventName} - {"*"}
    refused(create_webhook.sync(client=agent, body=m.NewSubscription("nowhere", [m.EventName.ALL])), "invalid")
    made = create_webhook.sync(client=agent, body=m.NewSubscription(RECEIVER, [m.EventName.ALL]))
    return got(m.CreateWebhookResponse201, made).data


def settled(agent: AuthenticatedClient, webhook: UUID) -> list[m.Delivery]:
    """Its deliveries, once none waits any more."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        page = got(m.ListWebhookDeliveriesResponse200, list_webhook_deliveries.sync(webhook, client=agent))
        if page.data and all(one.status is m.DeliveryStatus.DELIVERED for one in page.data):
            return page.data
        time.sleep(0.2)
    raise TimeoutError(f"deliveries wait for longer than {PATIENCE} s")


def look_at_deliveries(agent: AuthenticatedClient, webhook: UUID) -> Iterable[str]:
    """What was delivered, in the order of the changes."""
    deliveries = settled(agent, webhook)
    full = show_webhook_delivery.sync(webhook, deliveries[0].uuid, client=agent)
    delivery = got(m.ShowWebhookDeliveryResponse200, full).data
    assert (delivery.attempts[0].response_status, delivery.payload["type"]) == (200, delivery.event)
    by_event = list_webhook_deliveries.sync(
        webhook,
        client=agent,
        event=m.ListWebhookDeliveriesEvent(deliveries[0].event),
        status=m.DeliveryStatus.DELIVERED,
    )
    assert got(m.ListWebhookDeliveriesResponse200, by_event).data
    return [one.event for one in deliveries]


def try_out(agent: AuthenticatedClient, webhook: m.SubscriptionWithSecret) -> str:
    """A test, the same again, all since then, and another secret, which is given back."""
    tested = got(m.TestWebhookResponse200, test_webhook.sync(webhook.uuid, client=agent)).data
    settled(agent, webhook.uuid)
    again = retry_webhook_delivery.sync(webhook.uuid, tested.uuid, client=agent)
    assert got(m.RetryWebhookDeliveryResponse200, again).data.event_id == tested.event_id
    since = m.Recover(webhook.created_at)
    assert got(m.RecoverWebhookResponse200, recover_webhook.sync(webhook.uuid, client=agent, body=since)).data
    rotated = got(m.RotateWebhookSecretResponse200, rotate_webhook_secret.sync(webhook.uuid, client=agent)).data
    assert rotated.secret != webhook.secret
    named = m.SubscriptionChange(description="CRM", events=[m.EventName.CLIENT_UPDATED])
    changed = got(m.UpdateWebhookResponse200, update_webhook.sync(webhook.uuid, client=agent, body=named)).data
    assert (changed.events, changed.disabled_reason) == ([m.EventName.CLIENT_UPDATED], None)
    settled(agent, webhook.uuid)
    return rotated.secret


# --- all of it ----------------------------------------------------------------------------------------


def main() -> None:
    token = token_of_partner()
    partner = authorized(token)
    assert show_health.sync_detailed(client=Client(BASE_URL)).status_code == 200
    founded = found_agency(partner)
    agency_id, owner_id = founded.agency.id, founded.agent.id
    colleague = hire(partner, agency_id)
    look_around(partner)
    deactivate_and_back(partner)

    agent = authorized(new_token(partner, founded))
    refused(list_agents.sync(client=agent), "forbidden")
    brand(agent, agency_id, owner_id)
    webhook = subscribe(agent)
    client = new_client(agent, owner_id).uuid
    submit(agent, owner_id, client)
    hand_over(agent, owner_id, client, colleague.id)
    events = look_at_deliveries(agent, webhook.uuid)
    secret = try_out(agent, webhook)
    assert destroy_client.sync_detailed(colleague.id, client, client=agent).status_code == 204
    assert delete_webhook.sync_detailed(webhook.uuid, client=agent).status_code == 204
    assert got(m.ListWebhooksResponse200, list_webhooks.sync(client=agent)).data == []

    heir = m.TransferOwnership(colleague.id)
    moved = transfer_agency_ownership.sync(agency_id, client=partner, body=heir)
    assert got(m.TransferAgencyOwnershipResponse200, moved)
    assert deactivate_agency.sync_detailed(agency_id, client=partner).status_code == 204
    refused(show_agency.sync(agency_id, client=agent), "invalid_token")
    asked = introspect_token.sync(client=by_secret(CLIENT_SECRET), body=m.IntrospectTokenDataBody(token))
    assert got(m.IntrospectTokenResponse200, asked).active
    revoke_token.sync(client=by_secret(CLIENT_SECRET), body=m.RevokeTokenDataBody(token))
    refused(list_agents.sync(client=partner), "invalid_token")
    sys.stdout.write(json.dumps({"secrets": [webhook.secret, secret], "events": list(events)}))


if __name__ == "__main__":
    main()
