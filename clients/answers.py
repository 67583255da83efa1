"""Answers to the additional questions, judged by the very version of the questions that was asked."""

from typing import Any

from django.db.models import Q
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from clients.models import Question, QuestionSet

MAX_TEXT = 300
MAX_LONG_TEXT = 2_000
MAX_NUMBER = 10**12


def questions_of(versions: dict[str, int]) -> dict[str, list[Question]]:
    """The questions of these versions, by insurance type, in their order; two queries."""
    if not versions:
        return {}
    wanted = Q()
    for insurance_type, version in versions.items():
        wanted |= Q(insurance_type=insurance_type, version=version)
    sets = {one.insurance_type: list(one.questions.all()) for one in _sets(wanted)}
    return {insurance_type: sets[insurance_type] for insurance_type in versions if insurance_type in sets}


def judge(versions: dict[str, int], answers: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    """The answers as they are kept: `{insurance type: {key: value}}`; what was left empty is left out.

    Where `whole`, each required question must have an answer. Raises ValidationError (422) naming every answer at
    fault, `answers.auto.drivers`.
    """
    asked = questions_of(versions)
    kept: dict[str, Any] = {}
    faults: dict[str, Any] = {one: [_not_asked("questions")] for one in answers if one not in asked}
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


def _sets(wanted: Q) -> Any:
    return QuestionSet.objects.filter(wanted).prefetch_related("questions")


def _judge_set(
    questions: list[Question], given: dict[str, Any], *, whole: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is kept, and what is at fault, by key."""
    by_key = {question.key: question for question in questions}
    kept: dict[str, Any] = {}
    faults: dict[str, Any] = {key: [_not_asked("question")] for key in given if key not in by_key}
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


def _not_asked(what: str) -> ErrorDetail:
    return ErrorDetail(f"No such {what} in this submission's question_versions.", "not_asked")
