"""Submissions: started, changed while in progress, completed; and the additional questions (contract §6)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clients.models import Question, QuestionSet
from clients.services import submissions as services
from tests.answers import code, data, faults
from tests.clients.conftest import ClientSeat, SubmissionSeat, new_page, new_submission, upload
from tests.conftest import AgentSeat, Api
from tests.described import assert_as_described

AUTO = {"drivers": 2, "vehicles": "2020 Honda Civic", "use": ["Commuting", "Business"], "incidents": False}


def change(api: Api, submission: SubmissionSeat, **values: Any) -> Any:
    return api.patch(submission.path, token=submission.client.agent.token, json=values)


def complete(api: Api, submission: SubmissionSeat) -> Any:
    return api.post(f"{submission.path}/complete", token=submission.client.agent.token)


# --- started ----------------------------------------------------------------------------------------


def test_a_submission_is_started_in_progress(api: Api, client_seat: ClientSeat) -> None:
    body = {"insurance_types": ["home", "auto", "home"]}
    answer = api.post(f"{client_seat.path}/submissions", token=client_seat.agent.token, json=body)
    assert answer.status_code == 201
    assert_as_described(answer, "createSubmission")
    made = data(answer)
    assert (made["status"], made["completed_at"], made["answers"]) == ("in_progress", None, {})
    assert made["insurance_types"] == ["auto", "home"]
    assert answer.headers["Location"] == f"{client_seat.path}/submissions/{made['uuid']}"
    assert data(api.get(answer.headers["Location"], token=client_seat.agent.token)) == made


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"insurance_types": "auto"}, {"insurance_types": "not_a_list"}),
        ({"insurance_types": ["boat"]}, {"insurance_types.0": "invalid_choice"}),
        ({"insurance_types": ["auto"] * 21}, {"insurance_types": "max_length"}),
        ({"insurance_types": ["boat"] * 21}, {"insurance_types": "max_length"}),
        ({"answers": []}, {"answers": "not_a_dict"}),
        ({"answers": {"auto": {"drivers": 2}}}, {"answers.auto": "not_asked"}),
    ],
)
def test_what_is_not_valid_is_named(api: Api, client_seat: ClientSeat, body: Any, expected: dict[str, str]) -> None:
    answer = api.post(f"{client_seat.path}/submissions", token=client_seat.agent.token, json=body)
    assert faults(answer) == expected
    assert data(api.get(f"{client_seat.path}/submissions", token=client_seat.agent.token)) == []


def test_a_client_has_so_many_and_no_more(api: Api, client_seat: ClientSeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_SUBMISSIONS", 1)
    new_submission(api, client_seat)
    answer = api.post(f"{client_seat.path}/submissions", token=client_seat.agent.token, json={})
    assert (answer.status_code, code(answer)) == (422, "too_many_submissions")


# --- listed and shown ---------------------------------------------------------------------------------


def test_a_clients_submissions_are_a_page(api: Api, submission: SubmissionSeat) -> None:
    client = submission.client
    second = new_submission(api, client, insurance_types=["life"])
    page = new_page(api, second)
    url = f"{client.path}/submissions?include=declaration_pages"
    with CaptureQueriesContext(connection) as captured:
        answer = api.get(url, token=client.agent.token)
    assert_as_described(answer, "listSubmissions")
    assert len(captured) == 6  # the caller, agent, client; how many and which, these, their pages
    assert [one["uuid"] for one in answer.json()["data"]] == [submission.uuid, second.uuid]
    assert [[page["uuid"] for page in one["declaration_pages"]] for one in data(answer)] == [[], [page.uuid]]
    plain = api.get(submission.path, token=client.agent.token)
    assert_as_described(plain, "showSubmission")
    assert "declaration_pages" not in data(plain)
    filled = data(api.get(f"{second.path}?include=declaration_pages", token=client.agent.token))
    assert filled["declaration_pages"][0]["uuid"] == page.uuid


# --- changed and completed -----------------------------------------------------------------------------


def test_a_complete_submission_is_not_changed_any_more(api: Api, submission: SubmissionSeat) -> None:
    assert data(change(api, submission, insurance_types=["life"]))["insurance_types"] == ["life"]
    page = new_page(api, submission)
    answer = complete(api, submission)
    assert_as_described(answer, "completeSubmission")
    done = data(answer)
    assert done["status"] == "complete"
    assert done["completed_at"].endswith("Z")
    assert data(complete(api, submission)) == done
    token = submission.client.agent.token
    refused = [
        change(api, submission, insurance_types=["auto"]),
        api.post(f"{submission.path}/declaration-pages", token=token, form={"file": upload()}),
        api.delete(page.path, token=token),
    ]
    assert {(answer.status_code, code(answer)) for answer in refused} == {(422, "submission_complete")}
    assert data(api.get(submission.path, token=token)) == done


def test_what_is_to_be_insured_must_be_known(api: Api, client_seat: ClientSeat) -> None:
    submission = new_submission(api, client_seat, insurance_types=[])
    assert faults(complete(api, submission)) == {"insurance_types": "insurance_types_missing"}


# --- additional questions -----------------------------------------------------------------------------


def test_the_questions_are_listed_by_type_and_version(api: Api, agent: AgentSeat, first_questions: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        answer = api.get("/v1/additional-questions", token=agent.token)
    assert len(captured) == 4
    assert_as_described(answer, "listAdditionalQuestions")
    assert {(one["insurance_type"], one["version"]) for one in data(answer)} == {
        (one, 1) for one in ("auto", "home", "renters", "umbrella", "life", "commercial", "other")
    }
    [auto] = data(api.get("/v1/additional-questions?insuranceType=auto", token=agent.token))
    assert [one["key"] for one in auto["questions"]] == ["drivers", "vehicles", "use", "incidents"]
    assert faults(api.get("/v1/additional-questions?insuranceType=boat", token=agent.token)) == {
        "insuranceType": "invalid_choice"
    }


def test_answers_are_kept_and_judged_by_their_questions(api: Api, asking: AgentSeat, client_seat: ClientSeat) -> None:
    submission = new_submission(api, client_seat, insurance_types=["auto", "life"])
    kept = data(change(api, submission, answers={"auto": AUTO, "life": {"birth_date": "1980-02-29"}}))
    assert kept["answers"] == {"auto": AUTO, "life": {"birth_date": "1980-02-29"}}
    assert kept["question_versions"] == {"auto": 1, "life": 1}
    without_life = data(change(api, submission, insurance_types=["auto"]))
    assert (without_life["answers"], without_life["question_versions"]) == ({"auto": AUTO}, {"auto": 1})
    assert data(complete(api, submission))["status"] == "complete"


DO_NOT_FIT: list[tuple[Any, dict[str, str]]] = [
    ({"auto": {"drivers": "many"}}, {"answers.auto.drivers": "invalid"}),
    ({"auto": {"drivers": 10**13}}, {"answers.auto.drivers": "max_value"}),
    ({"auto": {"drivers": [1]}}, {"answers.auto.drivers": "invalid"}),
    ({"auto": {"use": ["Racing"]}}, {"answers.auto.use": "invalid_choice"}),
    ({"auto": {"use": "Commuting"}}, {"answers.auto.use": "not_a_list"}),
    ({"auto": {"incidents": "perhaps"}}, {"answers.auto.incidents": "invalid"}),
    ({"auto": {"vehicles": "x" * 2001}}, {"answers.auto.vehicles": "max_length"}),
    ({"auto": {"vehicles": "a\0b"}}, {"answers.auto.vehicles": "null_characters_not_allowed"}),
    ({"auto": {"vehicles": {"a": 1}}}, {"answers.auto.vehicles": "invalid"}),
    ({"auto": {"shoe_size": 44}}, {"answers.auto.shoe_size": "not_asked"}),
    ({"umbrella": {"limit": "A lot"}}, {"answers.umbrella.limit": "invalid_choice"}),
    ({"life": {"birth_date": "1980-02-30"}}, {"answers.life.birth_date": "invalid"}),
    ({"boat": {}}, {"answers.boat": "not_asked"}),
    ({"auto": [1]}, {"answers.auto": "invalid"}),
    ({"auto": {"drivers": 0.5}, "boat": 1}, {"answers.auto.drivers": "invalid", "answers.boat": "not_asked"}),
]


def test_an_answer_that_does_not_fit_is_named(api: Api, asking: AgentSeat, client_seat: ClientSeat) -> None:
    submission = new_submission(api, client_seat, insurance_types=["auto", "umbrella", "life"])
    named = [(answers, faults(change(api, submission, answers=answers))) for answers, _ in DO_NOT_FIT]
    assert named == DO_NOT_FIT


def test_of_very_many_that_do_not_fit_the_first_are_named(api: Api, submission: SubmissionSeat) -> None:
    """A body has room for a hundred thousand."""
    told = change(api, submission, answers={str(number): 0 for number in range(1_000)}).json()["error"]
    assert [detail["field"] for detail in told["details"]] == [f"answers.{number}" for number in range(500)]
    assert told["message"] == "More than 500 values are not valid; details names the first of them."


def test_what_is_required_is_needed_to_complete_and_not_before(
    api: Api, asking: AgentSeat, client_seat: ClientSeat
) -> None:
    submission = new_submission(api, client_seat, insurance_types=["auto", "home"])
    assert change(api, submission, answers={"auto": {"drivers": 1, "vehicles": ""}}).status_code == 200
    assert faults(complete(api, submission)) == {
        "answers.auto.vehicles": "required",
        "answers.home.address": "required",
    }
    answers = {"auto": {"drivers": 1, "vehicles": "A car"}, "home": {"address": "1 Main Street"}}
    change(api, submission, answers=answers)
    assert data(complete(api, submission))["answers"] == answers


def test_an_agent_who_does_not_ask_has_no_questions(api: Api, client_seat: ClientSeat) -> None:
    submission = new_submission(api, client_seat, insurance_types=["auto"])
    assert data(api.get(submission.path, token=client_seat.agent.token))["question_versions"] == {}
    assert faults(change(api, submission, answers={"auto": AUTO})) == {"answers.auto": "not_asked"}
    assert data(complete(api, submission))["status"] == "complete"


def test_a_new_version_leaves_what_was_asked_before_as_it_was(
    api: Api, asking: AgentSeat, client_seat: ClientSeat
) -> None:
    early = new_submission(api, client_seat, insurance_types=["umbrella"])
    newer = QuestionSet.objects.create(insurance_type="umbrella", version=2)
    colours = {"kind": Question.Kind.CHOICES, "options": ["red", "blue"]}
    Question.objects.create(question_set=newer, key="colours", label="Which colours?", required=True, **colours)
    late = new_submission(api, client_seat, insurance_types=["umbrella"])
    versions = [data(api.get(one.path, token=asking.token))["question_versions"] for one in (early, late)]
    assert versions == [{"umbrella": 1}, {"umbrella": 2}]
    assert data(change(api, early, answers={"umbrella": {"limit": "1 million"}}))["answers"] != {}
    assert data(complete(api, early))["status"] == "complete"
    answers = {"umbrella": {"colours": ["blue", "red"]}}
    assert data(change(api, late, answers=answers))["answers"] == {"umbrella": {"colours": ["red", "blue"]}}
    assert faults(change(api, late, answers={"umbrella": {"colours": ["green"]}})) == {
        "answers.umbrella.colours": "invalid_choice"
    }
    listed = data(api.get("/v1/additional-questions?insuranceType=umbrella", token=asking.token))
    assert [one["version"] for one in listed] == [1, 2]
