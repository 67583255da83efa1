"""Every write leaves one entry: who, what, when, in which request; a refusal and a read leave none."""

from typing import Any

import pytest

from audit.models import AuditEntry
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat

NEW = {"first_name": "New", "last_name": "Agent", "email": "new@example.com"}


def written(since: int) -> list[tuple[str, str, str, dict[str, Any]]]:
    entries = AuditEntry.objects.filter(pk__gt=since).order_by("id")
    return [(entry.actor, entry.action, f"{entry.target_type}:{entry.target_id}", entry.facts) for entry in entries]


CALLS: list[tuple[str, str, str, Any, list[tuple[str, str, dict[str, Any]]]]] = [
    ("partner", "DELETE", "/v1/agents/{agent}", None, [("agent.deactivate", "agent:{agent}", {})]),
    ("partner", "POST", "/v1/agents/{gone}/reactivate", None, [("agent.reactivate", "agent:{gone}", {})]),
    ("partner", "POST", "/v1/agents/{agent}/reset-access-token", None,
     [("agent.reset_access_token", "agent:{agent}", {})]),
    ("partner", "DELETE", "/v1/agencies/{agency}", None, [("agency.deactivate", "agency:{agency}", {"agents": 3})]),
    ("admin", "PATCH", "/v1/agencies/{agency}", {"name": "N", "color_code": "ABCDEF"},
     [("agency.update", "agency:{agency}", {"changed": ["color_code", "name"]})]),
    ("admin", "PATCH", "/v1/agencies/{agency}/agents/{agent}", {"email": "n@example.com", "slug_suffix": "n"},
     [("agent.update", "agent:{agent}", {"changed": ["email", "slug"]})]),
    ("admin", "PATCH", "/v1/agents/{agent}/additional-questions", {"enabled": True},
     [("agent.update", "agent:{agent}", {"changed": ["additional_questions_enabled"]})]),
    ("admin", "DELETE", "/v1/agencies/{agency}/agents/{agent}", None, [("agent.deactivate", "agent:{agent}", {})]),
]  # fmt: skip


@pytest.mark.parametrize(("who", "method", "path", "body", "expected"), CALLS)
def test_a_write_leaves_its_entry(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, admin_agent: AgentSeat,
    deactivated_agent: AgentSeat, who: str, method: str, path: str, body: Any, expected: list[Any],
) -> None:  # fmt: skip
    ids = {"agency": agency.id, "agent": agent.id, "gone": deactivated_agent.id}
    seat = {"partner": (partner.token, f"partner:{partner.row.client_id}"),
            "admin": (admin_agent.token, f"agent:{admin_agent.id}")}[who]  # fmt: skip
    last = AuditEntry.objects.latest("id").pk
    answer = api.call(method, path.format(**ids), token=seat[0], json=body, x_request_id="the-request")
    assert answer.status_code < 300
    assert written(last) == [(seat[1], action, target.format(**ids), facts) for action, target, facts in expected]
    [entry] = AuditEntry.objects.filter(pk__gt=last)
    assert (entry.agency_id, entry.request_id) == (agency.id, "the-request")


def test_a_new_agency_tells_of_itself_its_link_and_its_owner(
    api: Api, partner: PartnerSeat, agency: AgencySeat
) -> None:
    entries = AuditEntry.objects.filter(agency_id=agency.id).order_by("id")
    assert list(entries.values_list("action", flat=True)) == [
        "agency.create", "oauth_client.link_agency", "agent.create",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/agents", None),
        ("POST", "/v1/agencies", {"agency_name": ""}),
        ("POST", "/v1/agencies/{agency}/agents", {**NEW, "email": "owner@example.com"}),
        ("DELETE", "/v1/agents/{owner}", None),
        ("POST", "/v1/agencies/{foreign}/reactivate", None),
        ("POST", "/v1/agencies/{agency}/reactivate", None),
    ],
)
def test_reads_refusals_and_what_changes_nothing_leave_none(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, foreign_agency: AgencySeat,
    method: str, path: str, body: Any,
) -> None:  # fmt: skip
    ids = {"agency": agency.id, "owner": agency.owner.id, "foreign": foreign_agency.id}
    last = AuditEntry.objects.latest("id").pk
    api.call(method, path.format(**ids), token=partner.token, json=body)
    assert written(last) == []
