"""What a consumer begins on an agent's public page: a client with a submission, both or neither."""

from typing import Any

from django.db import IntegrityError, transaction
from django.shortcuts import get_object_or_404

from agents.models import Agent
from api.errors import violated_constraint
from api.principals import Principal
from clients.models import Submission
from clients.services.clients import create_client, update_client
from clients.services.submissions import change_submission, start_submission


def start_request(
    *, actor: Principal, agent: Agent, contact: dict[str, Any], insurance_types: list[str], resume_digest: bytes
) -> Submission:
    """A new client of the agent's, with a submission that its private link opens.

    The same form sent again, by a second click or corrected after going back, has the same link: nothing is made
    twice, and what was corrected is taken over. Raises Invalid (422): not_an_active_agent.
    """
    values = {"insurance_types": insurance_types}
    try:
        with transaction.atomic():
            client = create_client(actor=actor, agency_id=agent.agency_id, agent_id=agent.pk, values=contact)
            return start_submission(actor=actor, client=client, values=values, resume_digest=resume_digest)
    except IntegrityError as error:
        if "resume_digest" not in (violated_constraint(error) or ""):
            raise
    return _corrected(actor, resume_digest, contact, values)


@transaction.atomic
def _corrected(actor: Principal, resume_digest: bytes, contact: dict[str, Any], values: dict[str, Any]) -> Submission:
    submission = get_object_or_404(Submission.objects.select_related("client"), resume_digest=resume_digest)
    if submission.completed_at:
        return submission
    update_client(actor=actor, client=submission.client, values=contact)
    return change_submission(actor=actor, submission=submission, values=values)
