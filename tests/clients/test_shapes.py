"""Answers are shaped by hand, for speed; each is held to the serializer that describes it."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from rest_framework.serializers import Serializer

from agents.models import Agent
from api.renderers import to_json
from clients.models import Client, DeclarationPage, InsuranceType, QuestionSet, Submission
from clients.serializers import (
    ClientSerializer,
    DeclarationPageSerializer,
    QuestionSetSerializer,
    SubmissionSerializer,
    client_shown,
    declaration_page_shown,
    question_set_shown,
    submission_shown,
)

MOMENT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
AGENT = Agent(pk=7, first_name="Ann", last_name="Reed", slug="ann-reed-x7k2p")
CLIENT = Client(first_name="Carl", email="carl@example.com", created_at=MOMENT, updated_at=MOMENT)
SUBMISSION = Submission(
    insurance_types=[InsuranceType.AUTO],
    question_versions={"auto": 1},
    answers={"auto": {"drivers": 2}},
    created_at=MOMENT,
    completed_at=MOMENT,
)
PAGE = DeclarationPage(
    filename="declarations.pdf",
    content_type="application/pdf",
    size=184320,
    sha256="9f" * 32,
    uploaded_at=MOMENT,
    carrier="Granite Mutual",
    effective_date=date(2026, 1, 15),
    found={"carrier": {"start": 12, "end": 26, "text": "Granite Mutual"}},
)


@pytest.mark.parametrize(
    ("shown", "described"),
    [
        (client_shown(CLIENT, AGENT), ClientSerializer),
        (submission_shown(SUBMISSION), SubmissionSerializer),
        (submission_shown(Submission(created_at=MOMENT)), SubmissionSerializer),
        (declaration_page_shown(PAGE), DeclarationPageSerializer),
        (declaration_page_shown(DeclarationPage(uploaded_at=MOMENT)), DeclarationPageSerializer),
        (
            client_shown(CLIENT, AGENT)
            | {"submissions": [submission_shown(SUBMISSION) | {"declaration_pages": [declaration_page_shown(PAGE)]}]},
            ClientSerializer,
        ),
    ],
)
def test_what_is_shown_is_what_its_serializer_describes(shown: Any, described: type[Serializer[Any]]) -> None:
    assert orjson.loads(to_json(shown)) == orjson.loads(to_json(described(shown).data))


def test_so_are_the_questions(first_questions: None) -> None:
    for one in QuestionSet.objects.prefetch_related("questions"):
        shown = question_set_shown(one)
        assert orjson.loads(to_json(shown)) == orjson.loads(to_json(QuestionSetSerializer(shown).data))
