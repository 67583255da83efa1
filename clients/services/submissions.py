"""Every write to submissions: started, changed while in progress, completed."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils import timezone

from agents.models import Agent
from api.errors import Invalid
from api.principals import Principal
from audit.services import record
from clients import answers
from clients.models import Client, InsuranceType, QuestionSet, Submission
from clients.services import events
from clients.services.clients import locked as locked_client

MAX_SUBMISSIONS = 100
"""Of one client."""


@transaction.atomic
def start_submission(
    *, actor: Principal, client: Client, values: dict[str, Any], resume_digest: bytes | None = None
) -> Submission:
    """A submission in progress. `values` are as `SubmissionSerializer` validates them.

    Raises Invalid (422) too_many_submissions, ValidationError (422) for answers that do not fit their questions.
    """
    client = locked_client(client, actor)
    if client.submissions.count() >= MAX_SUBMISSIONS:
        raise Invalid(f"A client has at most {MAX_SUBMISSIONS} submissions.", code="too_many_submissions")
    submission = Submission(client=client, resume_digest=resume_digest)
    _apply(submission, values)
    submission.save(force_insert=True)
    _record(actor, "submission.start", submission)
    return submission


@transaction.atomic
def change_submission(*, actor: Principal, submission: Submission, values: dict[str, Any]) -> Submission:
    """Changes what is asked to be insured, and the answers. Answers about a type that was taken out go with it.

    Raises Invalid (422) submission_complete, ValidationError (422) for answers that do not fit their questions.
    """
    submission = in_progress(submission, actor)
    _apply(submission, values)
    submission.revision += 1
    submission.save(update_fields=["insurance_types", "question_versions", "answers", "revision"])
    _record(actor, "submission.update", submission, changed=sorted(values))
    return submission


@transaction.atomic
def complete_submission(*, actor: Principal, submission: Submission) -> Submission:
    """The consumer is done. Complete already: nothing happens.

    Raises Invalid (422) insurance_types_missing, ValidationError (422) naming each required answer that is missing.
    """
    submission = locked(submission, actor)
    if submission.completed_at:
        return submission
    if not submission.insurance_types:
        raise Invalid("At least one type of insurance.", code="insurance_types_missing", field="insurance_types")
    answers.judge(submission.question_versions, submission.answers, whole=True)
    submission.completed_at = timezone.now()
    submission.revision += 1
    submission.save(update_fields=["completed_at", "revision"])
    _record(actor, "submission.complete", submission)
    events.submission_completed(submission)
    return submission


def locked(submission: Submission, actor: Principal) -> Submission:
    """This submission, fresh, with its client, both held until the transaction ends.

    Raises Http404 where it was destroyed meanwhile, and to an agent where its client was given away.
    """
    client = locked_client(submission.client, actor)
    held = client.submissions.select_for_update().filter(pk=submission.pk).first()
    if held is None:
        raise Http404
    return held


def in_progress(submission: Submission, actor: Principal) -> Submission:
    """The same, refusing one that is complete. Raises Invalid (422) submission_complete."""
    held = locked(submission, actor)
    if held.completed_at:
        raise Invalid("This submission is complete; start another one.", code="submission_complete")
    return held


def _apply(submission: Submission, values: dict[str, Any]) -> None:
    if "insurance_types" in values:
        chosen = set(values["insurance_types"])
        submission.insurance_types = [one for one in InsuranceType.values if one in chosen]
    submission.question_versions = _asked(submission)
    kept = {kind: given for kind, given in submission.answers.items() if kind in submission.question_versions}
    submission.answers = answers.judge(submission.question_versions, values.get("answers", kept), whole=False)


def _asked(submission: Submission) -> dict[str, int]:
    """Which version of the questions goes with each type: the one asked before, or the current one for a new type."""
    before = submission.question_versions
    new = [one for one in submission.insurance_types if one not in before]
    versions = {**before, **_current_versions(submission.client.agent, new)}
    return {one: versions[one] for one in submission.insurance_types if one in versions}


def _current_versions(agent: Agent, types: Iterable[str]) -> dict[str, int]:
    """None for an agent who does not ask additional questions."""
    if not agent.additional_questions_enabled:
        return {}
    current = QuestionSet.objects.current().filter(insurance_type__in=types)
    return dict(current.values_list("insurance_type", "version"))


def _record(actor: Principal, action: str, submission: Submission, **facts: Any) -> None:
    record(actor=actor, action=action, target=submission, agency_id=submission.client.agent.agency_id, **facts)
