"""The one write to additional questions: the next version is published."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from api.errors import Invalid
from api.principals import Principal
from audit.services import record
from clients.models import Question, QuestionSet

MAX_QUESTIONS = 50
"""Of one set."""
FIELDS = ("key", "label", "help_text", "kind", "required", "options")
"""What a question is told by; its place is that among the others."""


@transaction.atomic
def publish_questions(*, actor: Principal, based_on: QuestionSet, questions: Sequence[dict[str, Any]]) -> QuestionSet:
    """The next version of these questions, each a dict of FIELDS, in this order. The same as they are: nothing happens.

    Submissions go on with the version that they began with, and new ones begin with this one. Raises Invalid (422):
    outdated where somebody else published meanwhile, too_many_questions, invalid_question.
    """
    current = _newest(based_on.insurance_type)
    if current.version != based_on.version:
        raise Invalid(f"Version {current.version} was published meanwhile; begin with that one.", code="outdated")
    before = list(current.questions.values(*FIELDS))
    if list(questions) == before:
        return current
    made = _judged(questions)
    published = QuestionSet.objects.create(insurance_type=current.insurance_type, version=current.version + 1)
    for question in made:
        question.question_set = published
    Question.objects.bulk_create(made)
    record(actor=actor, action="question_set.publish", target=published, version=published.version)
    return published


def _newest(insurance_type: str) -> QuestionSet:
    """Nobody else publishes until the transaction ends: whoever does holds the first version, which stays for ever."""
    versions = QuestionSet.objects.filter(insurance_type=insurance_type)
    versions.select_for_update().earliest("version")
    return versions.latest("version")


def _judged(questions: Sequence[dict[str, Any]]) -> list[Question]:
    if len(questions) > MAX_QUESTIONS:
        raise Invalid(f"At most {MAX_QUESTIONS} questions.", code="too_many_questions")
    made = [Question(position=position, **values) for position, values in enumerate(questions, start=1)]
    keys = [question.key for question in made]
    for question in made:
        if keys.count(question.key) > 1:
            raise _at_fault(question, "Each key once.")
        try:
            question.full_clean(exclude=["question_set"], validate_unique=False, validate_constraints=False)
        except ValidationError as fault:
            raise _at_fault(question, " ".join(fault.messages)) from fault
    return made


def _at_fault(question: Question, message: str) -> Invalid:
    return Invalid(f"{question.key}: {message}", code="invalid_question")
