"""The additional questions in the admin: editing publishes the next version; answers to earlier ones stay readable."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse

from api.errors import Invalid
from api.principals import Administrator
from audit.models import AuditEntry
from clients.models import QuestionSet
from clients.services.questions import FIELDS, MAX_QUESTIONS, publish_questions
from tests.admin.conftest import Desk, text_of
from tests.answers import data
from tests.clients.conftest import ClientSeat, new_client, new_submission
from tests.conftest import AgentSeat, Api

LIST = "clients/questionset/"
LIMIT = {"key": "limit", "label": "Coverage wanted", "kind": "choice", "options": ["1 million", "More"]}
BOAT = {"key": "boat", "label": "A boat?", "kind": "yes_no", "options": []}
PLAIN = {"help_text": "", "required": False}


def version(number: int, insurance_type: str = "umbrella") -> QuestionSet:
    return QuestionSet.objects.get(insurance_type=insurance_type, version=number)


def versions(insurance_type: str = "umbrella") -> list[int]:
    return sorted(QuestionSet.objects.filter(insurance_type=insurance_type).values_list("version", flat=True))


def told(one: QuestionSet) -> list[dict[str, Any]]:
    return list(one.questions.values(*FIELDS))


def path_of(one: QuestionSet) -> str:
    return f"{LIST}{one.pk}/change/"


def form_of(one: QuestionSet, *new: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What the page's form sends: the questions as they are, with `changes` to the fields of some
    (`limit__label="…"`, `limit__DELETE="on"`), and new ones after them."""
    rows = [{"id": row["id"], **row} for row in one.questions.values("id", "position", *FIELDS)]
    known = len(rows)
    rows += [{"position": known + n, **PLAIN, **row} for n, row in enumerate(new, start=1)]
    sent: dict[str, Any] = {"questions-TOTAL_FORMS": len(rows), "questions-INITIAL_FORMS": known}
    for n, row in enumerate(rows):
        values = {**row, "options": "\r\n".join(row["options"]), "required": "on" if row["required"] else None}
        own = f"{row['key']}__" if n < known else "none of them"
        values |= {name.removeprefix(own): value for name, value in changes.items() if name.startswith(own)}
        sent |= {f"questions-{n}-{name}": value for name, value in values.items() if value is not None}
    return sent


def publish(desk: Desk, one: QuestionSet, *new: dict[str, Any], **changes: Any) -> HttpResponse:
    return desk.post(path_of(one), **form_of(one, *new, **changes))


def shown(desk: Desk, one: QuestionSet) -> str:
    return text_of(desk.get(path_of(one)))


@pytest.fixture
def umbrella(first_questions: None) -> QuestionSet:
    """The first version: a choice of a limit, and whether there is a boat."""
    return version(1)


# --- published --------------------------------------------------------------------------------------


def test_an_edit_publishes_the_next_version_and_leaves_the_one_before(desk: Desk, umbrella: QuestionSet) -> None:
    before = told(umbrella)
    new = {"key": "colours", "label": "Which colours?", "kind": "choices", "options": ["red, dark", "blue"]}
    answer = publish(desk, umbrella, new, limit__label="How much?", limit__required="on", watercraft__DELETE="on")
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/{path_of(version(2))}")
    [limit, colours] = told(version(2))
    assert limit == {**before[0], "label": "How much?", "required": True}
    assert colours == {**PLAIN, **new}
    assert told(umbrella) == before
    entry = AuditEntry.objects.get(actor=desk.actor)
    assert (entry.action, entry.target_id, entry.facts) == ("question_set.publish", str(version(2).pk), {"version": 2})


def test_what_was_published_is_asked_from_then_on(
    api: Api, desk: Desk, umbrella: QuestionSet, agent: AgentSeat, client: ClientSeat
) -> None:
    early = new_submission(api, client, insurance_types=["umbrella"], answers={"umbrella": {"limit": "1 million"}})
    publish(desk, umbrella, BOAT, limit__label="How much?", limit__options="None")
    late = new_submission(api, client, insurance_types=["umbrella"], answers={"umbrella": {"boat": False}})
    listed = data(api.get("/v1/additional-questions?insuranceType=umbrella", token=agent.token))
    assert [one["version"] for one in listed] == [1, 2]
    asked = [data(api.get(one.path, token=agent.token))["question_versions"] for one in (early, late)]
    assert asked == [{"umbrella": 1}, {"umbrella": 2}]


def test_answers_to_an_earlier_version_stay_readable_in_its_own_words(
    api: Api, desk: Desk, umbrella: QuestionSet, client: ClientSeat
) -> None:
    new_submission(api, client, insurance_types=["umbrella"], answers={"umbrella": {"limit": "1 million"}})
    publish(desk, umbrella, BOAT, limit__DELETE="on")
    new_submission(api, client, insurance_types=["umbrella"], answers={"umbrella": {"boat": True}})
    answer = desk.get(f"clients/client/{client.uuid}/change/")
    [late, early] = [one["answered"] for one in answer.context_data["submissions"]]
    assert early == [("Umbrella", 1, [("Coverage wanted", "1 million")])]
    assert late == [("Umbrella", 2, [("A boat?", "Yes")])]
    for words in ("Coverage wanted", "1 million", "A boat?", "questions, version 1", "questions, version 2"):
        assert words in text_of(answer)


@pytest.fixture
def client(api: Api, agent: AgentSeat) -> ClientSeat:
    """Of an agent who asks the additional questions."""
    path = f"/v1/agents/{agent.id}/additional-questions"
    assert api.patch(path, token=agent.token, json={"enabled": True}).status_code == 200
    return new_client(api, agent)


def test_questions_stand_in_the_order_that_they_were_given(desk: Desk, umbrella: QuestionSet) -> None:
    publish(desk, umbrella, limit__position="9")
    assert [one["key"] for one in told(version(2))] == ["watercraft", "limit"]
    assert list(version(2).questions.values_list("position", flat=True)) == [1, 2]


def test_a_key_may_be_taken_over_by_another_question(desk: Desk, umbrella: QuestionSet) -> None:
    publish(desk, umbrella, {**LIMIT, "label": "Anew"}, limit__DELETE="on")
    assert [(one["key"], one["label"]) for one in told(version(2))][1] == ("limit", "Anew")
    publish(desk, version(2), limit__key="watercraft", watercraft__key="limit")
    assert [one["key"] for one in told(version(3))] == ["limit", "watercraft"]


def test_all_questions_may_be_taken_out(desk: Desk, umbrella: QuestionSet) -> None:
    publish(desk, umbrella, limit__DELETE="on", watercraft__DELETE="on")
    assert told(version(2)) == []
    assert desk.get(path_of(version(2))).status_code == 200


def test_where_nothing_is_changed_nothing_is_published(desk: Desk, umbrella: QuestionSet) -> None:
    answer = publish(desk, umbrella)
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/{path_of(umbrella)}")
    assert versions() == [1]
    assert not AuditEntry.objects.filter(actor=desk.actor).exists()


def test_as_many_questions_as_a_set_may_have_are_sent_in_one_form(desk: Desk, umbrella: QuestionSet) -> None:
    many = [{**BOAT, "key": f"boat-{n}"} for n in range(MAX_QUESTIONS - 2)]
    assert publish(desk, umbrella, *many).status_code == 302
    assert len(told(version(2))) == MAX_QUESTIONS
    answer = publish(desk, version(2), BOAT)
    assert answer.status_code == 200
    assert f"Please submit at most {MAX_QUESTIONS} forms." in text_of(answer)
    assert versions() == [1, 2]


# --- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"options": ""}, "Options are for a choice between them, which needs some."),
        ({"kind": "text"}, "Options are for a choice between them, which needs some."),
        ({"options": "a\na"}, "Each option once."),
        ({"options": "\n".join(f"option {n}" for n in range(31))}, "List contains 31 items"),
        ({"options": "x" * 101}, "at most 100 characters"),
        ({"key": "a key"}, "valid “slug”"),
        ({"key": "watercraft"}, "Please correct the duplicate data"),
        ({"key": ""}, "This field is required."),
        ({"label": "x" * 201}, "at most 200 characters"),
        ({"label": "a\0b"}, "Null characters are not allowed."),
        ({"kind": "riddle"}, "Select a valid choice."),
        ({"position": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_is_not_valid_is_shown_and_nothing_is_published(
    desk: Desk, umbrella: QuestionSet, change: dict[str, str], complaint: str
) -> None:
    answer = publish(desk, umbrella, watercraft__label="Kept", **{f"limit__{name}": to for name, to in change.items()})
    assert answer.status_code == 200
    assert complaint in text_of(answer)
    assert "Kept" in text_of(answer)
    assert versions() == [1]


def test_an_earlier_version_is_shown_and_not_edited(desk: Desk, umbrella: QuestionSet) -> None:
    assert 'name="questions-0-label"' in shown(desk, umbrella)
    publish(desk, umbrella, limit__label="How much?")
    earlier = shown(desk, umbrella)
    assert ("Coverage wanted" in earlier, 'name="questions-0-label"' in earlier) == (True, False)


def test_a_form_that_somebody_else_was_faster_than_is_refused_and_kept(desk: Desk, umbrella: QuestionSet) -> None:
    publish(desk, umbrella, limit__label="Faster")
    answer = publish(desk, umbrella, limit__label="Slower")
    assert answer.status_code == 200
    assert "Version 2 was published meanwhile; begin with that one." in text_of(answer)
    assert 'value="Slower"' in text_of(answer)
    assert versions() == [1, 2]


@pytest.mark.parametrize("management", [{}, {"questions-TOTAL_FORMS": "x"}, {"questions-TOTAL_FORMS": "9" * 20}])
def test_a_form_that_no_page_sends_publishes_nothing(
    desk: Desk, umbrella: QuestionSet, management: dict[str, str]
) -> None:
    assert desk.post(path_of(umbrella), **management).status_code == 200
    assert versions() == [1]


@pytest.mark.parametrize(
    ("questions", "code"),
    [
        ([{**PLAIN, **BOAT, "key": f"boat-{n}"} for n in range(MAX_QUESTIONS + 1)], "too_many_questions"),
        ([{**PLAIN, **BOAT}, {**PLAIN, **BOAT}], "invalid_question"),
        ([{**PLAIN, **BOAT, "options": ["no"]}], "invalid_question"),
        ([{**PLAIN, **BOAT, "label": ""}], "invalid_question"),
    ],
)
def test_the_service_judges_by_itself(umbrella: QuestionSet, questions: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        publish_questions(actor=Administrator(user_id=None), based_on=umbrella, questions=questions)
    assert refusal.value.code == code
    assert versions() == [1]


# --- who may, and what there is -----------------------------------------------------------------------


def test_each_version_is_listed_and_the_newest_is_marked(desk: Desk, umbrella: QuestionSet) -> None:
    publish(desk, umbrella, limit__label="How much?")
    rows = desk.get(LIST, insurance_type__exact="umbrella").context_data["cl"].result_list
    assert [(one.version, one.asked_now, one.asked) for one in rows] == [(2, True, 2), (1, False, 2)]


def test_sets_are_neither_added_nor_deleted(desk: Desk, umbrella: QuestionSet) -> None:
    assert desk.get(f"{LIST}add/").status_code == 403
    assert desk.post(f"{LIST}{umbrella.pk}/delete/", post="yes").status_code == 403
    assert versions() == [1]


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ("clients.view_client clients.change_client clients.view_question", (403, 403, 403)),
        ("clients.view_questionset", (200, 200, 403)),
        ("clients.view_questionset clients.change_question clients.add_question", (200, 200, 403)),
        ("clients.change_questionset", (200, 200, 302)),
    ],
)
def test_each_permission_opens_its_part_and_no_more(
    desk_of: Callable[..., Desk], umbrella: QuestionSet, permissions: str, expected: tuple[int, ...]
) -> None:
    somebody = desk_of(*permissions.split())
    answers = [somebody.get(LIST), somebody.get(path_of(umbrella)), publish(somebody, umbrella, limit__label="Mine")]
    assert tuple(answer.status_code for answer in answers) == expected
    assert versions() == ([1, 2] if expected[-1] == 302 else [1])
    editable = 'name="questions-0-label"' in text_of(answers[1])
    assert editable == (expected[-1] == 302)
