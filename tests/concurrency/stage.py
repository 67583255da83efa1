"""What is raced: an agency with one of everything, and every write of the API, as its callers send it."""

from dataclasses import dataclass
from typing import Any

from tests.answers import data
from tests.clients.conftest import new_client, new_page, new_submission, upload
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agency, partner_seat
from tests.pictures import png
from tests.webhooks.conftest import WEBHOOK, new_delivery, new_webhook
from webhooks.models import Delivery

A_PDF, A_PNG = "a declaration page", "a picture"  # what a body with a file has for it
NAMES = ("Ada", "Ann", "Carl", "Dan")
AGENCY = {"agency_name": "New", "email": "new@example.com", "first_name": "New", "last_name": "Owner"}
AGENT = {"first_name": "New", "last_name": "Agent", "email": "new@example.com"}
CLIENT = {"first_name": "New", "last_name": "Client", "email": "new@home.example"}


@dataclass(frozen=True)
class World:
    """{admin} is an admin who is not the owner, {agent} and {colleague} are neither, {gone} is deactivated, and so
    is {asleep}, another agency. {client}, its {submission} and {page} are the agent's, {delivery} of the {webhook} has failed."""

    ids: dict[str, Any]
    tokens: dict[str, str]

    @property
    def agencies(self) -> list[int]:
        return [self.ids["agency"], self.ids["asleep"]]


def new_world(api: Api) -> World:
    partner = partner_seat(api, "Partner")
    asleep, agency = new_agency(partner, "Asleep"), new_agency(partner, "Ours")
    assert api.delete(asleep.path, token=partner.token).status_code == 204
    admin, agent, colleague, gone = new_agents(api, partner, agency)
    assert api.delete(f"/v1/agents/{gone.id}", token=partner.token).status_code == 204
    webhook = new_webhook(api, admin)
    delivery = new_delivery(api, webhook)
    Delivery.objects.filter(pk=delivery.uuid).update(state=Delivery.State.EXHAUSTED)
    client = new_client(api, agent)
    submission = new_submission(api, client)
    return World(
        ids={
            "partner": partner.row.pk,
            "agency": agency.id,
            "asleep": asleep.id,
            "owner": agency.owner.id,
            "admin": admin.id,
            "agent": agent.id,
            "colleague": colleague.id,
            "gone": gone.id,
            "suffix": f"desk{agency.id}",
            "client": client.uuid,
            "submission": submission.uuid,
            "page": new_page(api, submission).uuid,
            "webhook": webhook.uuid,
            "delivery": delivery.uuid,
        },
        tokens={"partner": partner.token, "admin": admin.token, "agent": agent.token},
    )


def new_agents(api: Api, partner: PartnerSeat, agency: AgencySeat) -> list[AgentSeat]:
    rows = [{"first_name": name, "last_name": "Agent", "email": f"{name}@example.com"} for name in NAMES]
    rows[0]["is_admin"] = True
    made = data(api.post(f"{agency.path}/agents/bulk", token=partner.token, json={"agents": rows}))
    return [
        AgentSeat(one["id"], one["email"], one["slug"], one["access_token"]) for one in (row["agent"] for row in made)
    ]


@dataclass(frozen=True)
class Write:
    """One call, and what comes of two of them at once."""

    caller: str
    method: str
    path: str
    body: Any
    statuses: str
    """What the first and the second get."""
    action: str
    """What the audit trail calls the act."""
    acts: int
    """How many of the two acted."""

    @property
    def has_file(self) -> bool:
        return isinstance(self.body, dict) and any(value in (A_PDF, A_PNG) for value in self.body.values())

    def sent(self, api: Api, world: World, **headers: str) -> Any:
        body = _filled(self.body, world.ids)
        content = {"form": body} if self.has_file else {"json": body}
        path = self.path.format(**world.ids)
        return api.call(self.method, path, token=world.tokens[self.caller], **content, **headers)


def _filled(body: Any, ids: dict[str, Any]) -> Any:
    if not isinstance(body, dict):
        return body
    made: dict[str, Any] = {A_PDF: upload(), A_PNG: png(), **{f"{{{name}}}": value for name, value in ids.items()}}
    return {name: made.get(value, value) if isinstance(value, str) else value for name, value in body.items()}


MINE = "/v1/agents/{agent}/clients/{client}"
SENT = f"{MINE}/submissions/{{submission}}"
PAGE = f"{SENT}/declaration-pages/{{page}}"
HOOK = "/v1/webhooks/{webhook}"
TO_CARL = {"agent_id": "{colleague}"}
NEW_NAME = {"first_name": "Joseph", "sales_funnel_status": "won"}
PICTURED = {"slug_suffix": "{suffix}", "profile_picture": A_PNG}
SINCE = {"since": "2026-01-01T00:00:00Z"}

# By the operation's name.
# fmt: off
WRITES: dict[str, Write] = {name: Write(*facts) for name, facts in {
    "createAgency":            ("partner", "POST", "/v1/agencies", AGENCY, "201 201", "agency.create", 2),
    "deactivateAgency":        ("partner", "DELETE", "/v1/agencies/{agency}", None, "204 204", "agency.deactivate", 1),
    "reactivateAgency":        ("partner", "POST", "/v1/agencies/{asleep}/reactivate", None, "200 200", "agency.reactivate", 1),
    "transferAgencyOwnership": ("partner", "POST", "/v1/agencies/{agency}/transfer-ownership", TO_CARL, "200 200", "agency.transfer_ownership", 1),
    "updateAgency":            ("admin", "PATCH", "/v1/agencies/{agency}", {"name": "Other", "logo": A_PNG}, "200 200", "agency.update", 2),
    "createAgencyAgent":       ("partner", "POST", "/v1/agencies/{agency}/agents", {**AGENT, "profile_picture": A_PNG}, "201 422", "agent.create", 1),
    "createAgencyAgents":      ("partner", "POST", "/v1/agencies/{agency}/agents/bulk", {"agents": [AGENT]}, "200 200", "agent.create", 1),
    "updateAgencyAgent":       ("admin", "PATCH", "/v1/agencies/{agency}/agents/{agent}", PICTURED, "200 200", "agent.update", 2),
    "deactivateAgencyAgent":   ("admin", "DELETE", "/v1/agencies/{agency}/agents/{colleague}", None, "204 204", "agent.deactivate", 1),
    "deactivateAgent":         ("partner", "DELETE", "/v1/agents/{colleague}", None, "204 204", "agent.deactivate", 1),
    "reactivateAgent":         ("partner", "POST", "/v1/agents/{gone}/reactivate", None, "200 200", "agent.reactivate", 1),
    "resetAgentAccessToken":   ("partner", "POST", "/v1/agents/{colleague}/reset-access-token", None, "200 200", "agent.reset_access_token", 2),
    "setAdditionalQuestions":  ("agent", "PATCH", "/v1/agents/{agent}/additional-questions", {"enabled": True}, "200 200", "agent.update", 1),
    "createClient":            ("admin", "POST", "/v1/client", {**CLIENT, **TO_CARL}, "201 201", "client.create", 2),
    "updateClient":            ("agent", "PATCH", MINE, NEW_NAME, "200 200", "client.update", 1),
    "reassignClient":          ("agent", "POST", f"{MINE}/reassign", TO_CARL, "200 404", "client.reassign", 1),
    "destroyClient":           ("admin", "POST", f"{MINE}/destroy", None, "204 404", "client.destroy", 1),
    "createSubmission":        ("agent", "POST", f"{MINE}/submissions", {"insurance_types": ["auto"]}, "201 201", "submission.start", 2),
    "updateSubmission":        ("agent", "PATCH", SENT, {"insurance_types": ["home"]}, "200 200", "submission.update", 2),
    "completeSubmission":      ("agent", "POST", f"{SENT}/complete", None, "200 200", "submission.complete", 1),
    "uploadDeclarationPage":   ("agent", "POST", f"{SENT}/declaration-pages", {"file": A_PDF}, "201 201", "declaration_page.upload", 2),
    "correctDeclarationPage":  ("agent", "PATCH", PAGE, {"carrier": "Other"}, "200 200", "declaration_page.correct", 2),
    "removeDeclarationPage":   ("agent", "DELETE", PAGE, None, "204 404", "declaration_page.remove", 1),
    "createWebhook":           ("admin", "POST", "/v1/webhooks", WEBHOOK, "201 201", "webhook.create", 2),
    "updateWebhook":           ("admin", "PATCH", HOOK, {"status": "disabled"}, "200 200", "webhook.update", 1),
    "deleteWebhook":           ("admin", "DELETE", HOOK, None, "204 404", "webhook.delete", 1),
    "rotateWebhookSecret":     ("admin", "POST", f"{HOOK}/rotate-secret", None, "200 200", "webhook.rotate_secret", 2),
    "testWebhook":             ("admin", "POST", f"{HOOK}/test", None, "200 200", "webhook.test", 2),
    "recoverWebhook":          ("admin", "POST", f"{HOOK}/recover", SINCE, "200 200", "webhook.recover", 2),
    "retryWebhookDelivery":    ("admin", "POST", f"{HOOK}/deliveries/{{delivery}}/retry", None, "200 200", "webhook.retry", 2),
}.items()}
# fmt: on
