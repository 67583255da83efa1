"""Who calls while the API is fuzzed: schemathesis imports this into its own process.

The partner that is fuzzed and the agent that is fuzzed belong to different partners: what the one destroys is never
what the other stands on. What a caller destroys of its own, it is given anew.
"""

import os
import re
from dataclasses import dataclass
from typing import Any

import requests
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

URL = os.environ["FUZZ_URL"]
PARTNER = (os.environ["FUZZ_PARTNER_ID"], os.environ["FUZZ_PARTNER_SECRET"])
FOUNDER = (os.environ["FUZZ_FOUNDER_ID"], os.environ["FUZZ_FOUNDER_SECRET"])
"""The partner who founds the agencies of the agent that is fuzzed."""


@dataclass
class Seat:
    """An admin of an agency, who is not its owner, and has two colleagues."""

    agency: int
    id: int
    token: str


def access_token(client: tuple[str, str]) -> str:
    answer = requests.post(f"{URL}/oauth/token", data={"grant_type": "client_credentials"}, auth=client, timeout=10)
    answer.raise_for_status()
    return answer.json()["access_token"]


def new_seat() -> Seat:
    headers = {"Authorization": f"Bearer {access_token(FOUNDER)}"}

    def post(path: str, **body: Any) -> Any:
        answer = requests.post(f"{URL}{path}", json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json()["data"]

    name = {"first_name": "Ann", "last_name": "Agent"}
    agency = post("/v1/agencies", agency_name="Fuzzed Insurance", email="owner@example.com", **name)["agency"]["id"]
    agents = f"/v1/agencies/{agency}/agents"
    post(agents, email="colleague@example.com", **name)
    made = post(agents, email="admin@example.com", is_admin=True, **name)
    return Seat(agency, made["id"], made["access_token"])


seat = new_seat()


def _secured_by(scheme: str) -> Any:
    def matches(context: Any) -> bool:
        return any(scheme in one for one in context.operation.definition.raw.get("security", []))

    return matches


class _Bearer:
    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.auth().apply_to(_secured_by("partnerToken"))
class Partner(_Bearer):
    def get(self, case: Any, context: Any) -> str:
        return access_token(PARTNER)


@schemathesis.auth(refresh_interval=None).apply_to(_secured_by("agentToken"))
class Agent(_Bearer):
    def get(self, case: Any, context: Any) -> str:
        return seat.token


@schemathesis.auth().apply_to(_secured_by("clientCredentials"))
class Client:
    def get(self, case: Any, context: Any) -> tuple[str, str]:
        return PARTNER

    def set(self, case: Any, data: tuple[str, str], context: Any) -> None:
        """By HTTP Basic, unless the body names a client: both at once is an error (RFC 6749 §2.3)."""
        if isinstance(case.body, dict) and {"client_id", "client_secret"} & case.body.keys():
            return
        case._auth = requests.auth.HTTPBasicAuth(*data)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """What links bring may be a number, which no header can be: the step, and then the whole phase, would end there."""
    for name, value in (case.headers or {}).items():
        case.headers[name] = str(value)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Gives the agent a new seat where it has lost its own: deactivated itself, or is no admin any longer."""
    global seat
    own = f"/v1/agencies/{seat.agency}/agents/{seat.id}"
    if response.status_code in (200, 204) and case.method in ("DELETE", "PATCH") and case.formatted_path == own:
        shown = requests.get(f"{URL}{own}", headers={"Authorization": f"Bearer {seat.token}"}, timeout=10)
        if shown.status_code != 200 or not shown.json()["data"]["is_admin"]:
            seat = new_seat()


# --- what is no failure -------------------------------------------------------------------------------

FORMS = {
    "invalid": {"email", "filterByEmail", "url", "logo", "profile_picture", "file"},
    "invalid_phone_number": {"phone_number"},
    "invalid_image": {"logo", "profile_picture", "file"},
    "empty": {"logo", "profile_picture", "file"},
    "null": {"logo", "profile_picture"},
    "null_characters_not_allowed": None,
    "invalid_cursor": {"cursor"},
    "cursor_and_page": {"cursor"},
}
"""Codes of 422 that judge what no schema tells, and the fields that they are about (None: any)."""
TOO_LONG = (414, 431)
"""How the server refuses what is too long for it, valid or not."""

NAMED = re.compile(r"parameter `(\w+)` in query|violates `.+` at /properties/(\w+)|in body - (\w+):")
"""The query parameter or the form's field that a line of schemathesis' message is about."""


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """False for a refusal by a rule that the operation's description names, and for bulk rows refused one by one."""
    if isinstance(failure, RejectedPositiveData) and response.status_code == 422:
        error = response.json()["error"]
        told = case.operation.definition.raw["description"]
        return not all(_beyond_schema(one, told) for one in error.get("details", [error]))
    if isinstance(failure, AcceptedNegativeData):
        if response.status_code in TOO_LONG:
            return False
        if case.operation.definition.raw["operationId"] == "createAgencyAgents":
            return all(row["status"] == 201 for row in response.json()["data"])
        return not (_only_empty(failure.message, case) or _is_no_form(case))
    return True


def _only_empty(message: str, case: Any) -> bool:
    """Whether all that is not valid are empty parameters or form fields, which count as not sent, or such as are null,
    which a form says in the letters of a word."""
    form = case.body if case.media_type == "multipart/form-data" and isinstance(case.body, dict) else {}
    sent = {**form, **(case.query or {})}
    faults = [line for line in message.splitlines() if "violates" in line or " - " in line]
    names = [NAMED.search(line) for line in faults]
    fields = [next(filter(None, name.groups())) if name else None for name in names]
    return bool(fields) and all(field in sent and sent[field] in ("", [""], [], {}, None) for field in fields)


def _is_no_form(case: Any) -> bool:
    """What holds no field is a form in which nothing is sent, whatever else it is."""
    return case.media_type == "multipart/form-data" and not isinstance(case.body, dict)


def _beyond_schema(fault: dict[str, str], told: str) -> bool:
    if f"- `{fault['code']}`:" in told:
        return True
    fields = FORMS.get(fault["code"], set())
    return fields is None or fault.get("field") in fields
