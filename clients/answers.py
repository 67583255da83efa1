"""Answers to the additional questions, judged by the very version of the questions that was asked."""

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import islice
from operator import or_
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.errors import MAX_DETAILS
from clients.models import InsuranceType, Question, QuestionSet, Submission

MAX_TEXT = 300
MAX_LONG_TEXT = 2_000
MAX_NUMBER = 10**12


def questions_of(versions: dict[str, int]) -> dict[str, list[Question]]:
    """The questions of these versions, by insurance type, in their order; two queries."""
    sets = _sets(versions.items())
    return {asked[0]: sets[asked] for asked in versions.items() if asked in sets}


class Answer(NamedTuple):
    """As people read it."""

    question: str
    answer: str


class Answered(NamedTuple):
    """The answers about one type of insurance."""

    insurance_type: str
    version: int
    answers: list[Answer]


def readable(submissions: Iterable[Submission]) -> dict[UUID, list[Answered]]:
    """What was answered in each, in the words and the order of the very version of the questions; two queries."""
    submissions = list(submissions)
    sets = _sets(asked for submission in submissions for asked in submission.question_versions.items())
    return {submission.pk: list(_answered(submission, sets)) for submission in submissions}


def judge(versions: dict[str, int], answers: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    """The answers as they are kept: `{insurance type: {key: value}}`; what was left empty is left out.

    Where `whole`, each required question must have an answer. Raises ValidationError (422) naming every answer at
    fault, `answers.auto.drivers`.
    """
    asked = questions_of(versions)
    kept: dict[str, Any] = {}
    faults = _not_asked("questions", (one for one in answers if one not in asked))
    for insurance_type, questions in asked.items():
        given = answers.get(insurance_type) or {}
        if not isinstance(given, dict):
            faults[insurance_type] = [ErrorDetail("An object of answers by question.", "invalid")]
            continue
        kept[insurance_type], found = _judge_set(questions, given, whole=whole)
        if found:
            faults[insurance_type] = found
    if faults:
        raise ValidationError({"answers": faults})
    return {insurance_type: given for insurance_type, given in kept.items() if given}


def field_of(question: Question) -> serializers.Field[Any, Any, Any, Any]:
    """What takes an answer to this question."""
    match question.kind:
        case Question.Kind.NUMBER:
            return serializers.IntegerField(min_value=-MAX_NUMBER, max_value=MAX_NUMBER)
        case Question.Kind.DATE:
            return serializers.DateField()
        case Question.Kind.YES_NO:
            return serializers.BooleanField()
        case Question.Kind.CHOICE:
            return serializers.ChoiceField(choices=question.options)
        case Question.Kind.CHOICES:
            return serializers.MultipleChoiceField(choices=question.options)
        case Question.Kind.LONG_TEXT:
            return serializers.CharField(max_length=MAX_LONG_TEXT)
        case _:
            return serializers.CharField(max_length=MAX_TEXT)


def _sets(asked: Iterable[tuple[str, int]]) -> dict[tuple[str, int], list[Question]]:
    """The questions of each insurance type and version."""
    wanted = [Q(insurance_type=insurance_type, version=version) for insurance_type, version in set(asked)]
    if not wanted:
        return {}
    rows = QuestionSet.objects.filter(reduce(or_, wanted)).prefetch_related("questions")
    return {(one.insurance_type, one.version): list(one.questions.all()) for one in rows}


def _answered(submission: Submission, sets: dict[tuple[str, int], list[Question]]) -> Iterator[Answered]:
    for insurance_type, version in submission.question_versions.items():
        given = submission.answers.get(insurance_type, {})
        questions = (one for one in sets[insurance_type, version] if one.key in given)
        answers = [Answer(one.label, _in_words(given[one.key])) for one in questions]
        yield Answered(InsuranceType(insurance_type).label, version, answers)


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _judge_set(
    questions: list[Question], given: dict[str, Any], *, whole: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is kept, and what is at fault, by key."""
    by_key = {question.key: question for question in questions}
    kept: dict[str, Any] = {}
    faults = _not_asked("question", (key for key in given if key not in by_key))
    for key, question in by_key.items():
        value = given.get(key)
        if value in (None, "", [], {}):
            if whole and question.required:
                faults[key] = [ErrorDetail("An answer is needed.", "required")]
            continue
        try:
            kept[key] = _plain(question, field_of(question).run_validation(value))
        except ValidationError as fault:
            faults[key] = fault.detail
    return kept, faults


def _plain(question: Question, value: Any) -> Any:
    """As JSON keeps it."""
    if question.kind == Question.Kind.CHOICES:
        return [option for option in question.options if option in value]
    return value.isoformat() if question.kind == Question.Kind.DATE else value


def _not_asked(what: str, names: Iterable[str]) -> dict[str, Any]:
    """A fault of each; of very many, of one more than an answer names."""
    fault = ErrorDetail(f"No such {what} in this submission's question_versions.", "not_asked")
    return {name: [fault] for name in islice(names, MAX_DETAILS + 1)}
