"""The document tells the truth about the API, and nobody has to make it by hand."""

import json
import shlex
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator, FormatChecker

from tests.endpoints import endpoints
from webhooks.catalogue import ALL_TYPES

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT: dict[str, Any] = json.loads((ROOT / "openapi.json").read_text())
OPERATIONS = [
    (method, path, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]
V1 = [one for one in OPERATIONS if one[1].startswith("/v1/")]


def named(operations: list[Any]) -> Any:
    return pytest.mark.parametrize(
        ("method", "path", "operation"), operations, ids=[f"{method} {path}" for method, path, _ in operations]
    )


def test_the_committed_document_is_what_the_code_describes() -> None:
    made = StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, format="openapi-json", stdout=made)
    assert json.loads(made.getvalue()) == DOCUMENT, "run make schema and commit openapi.json"


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")


def test_every_endpoint_is_in_it_and_no_other() -> None:
    described = {(method.upper(), path) for method, path, _ in V1}
    assert described == {(endpoint.method, endpoint.route) for endpoint in endpoints()}


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    ids += [methods["post"]["operationId"] for methods in DOCUMENT["webhooks"].values()]
    assert len(ids) == len(set(ids))


@named(V1)
def test_each_operation_takes_exactly_one_kind_of_credential(method: str, path: str, operation: dict[str, Any]) -> None:
    [scheme] = operation["security"]
    assert scheme.keys() <= {"partnerToken", "agentToken"}
    assert len(scheme) == 1


@named(V1)
def test_each_operation_names_its_errors(method: str, path: str, operation: dict[str, Any]) -> None:
    expected = {"400", "401", "403", "405", "406", "429", "500", "503"}
    expected |= {"409", "413", "415", "422"} if method == "post" else set()  # read for the Idempotency-Key
    expected |= {"413", "415", "422"} if "requestBody" in operation else set()
    assert expected <= operation["responses"].keys()


@named(V1)
def test_examples_are_what_the_schemas_say(method: str, path: str, operation: dict[str, Any]) -> None:
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    bodies += [answer for answer in operation["responses"].values() if "content" in answer]
    checked = 0
    for body in bodies:
        for media in body["content"].values():
            if "example" in media:
                schema = {**media["schema"], "components": DOCUMENT["components"]}
                Draft202012Validator(schema).validate(media["example"])
                checked += 1
    assert checked or operation["responses"].keys() & {"204"}


@named(OPERATIONS)
def test_samples_are_whole_programs(method: str, path: str, operation: dict[str, Any]) -> None:
    samples = {sample["label"]: sample["source"] for sample in operation["x-codeSamples"]}
    assert samples.keys() == {"curl", "JavaScript", "Python"}
    assert shlex.split(samples["curl"].replace("\\\n", " "))[:3] == ["curl", "-X", method.upper()]
    compile(samples["Python"], "sample.py", "exec")
    assert samples["JavaScript"].count("{") == samples["JavaScript"].count("}")


def test_a_partial_submission_is_not_said_to_need_every_answer() -> None:
    told = {operation["operationId"]: "`required`" in operation["description"] for _, _, operation in V1}
    assert {name for name, is_told in told.items() if is_told} == {"completeSubmission"}


def test_what_receivers_get_is_in_it_too() -> None:
    assert set(DOCUMENT["webhooks"]) == {one.name for one in ALL_TYPES}


@pytest.mark.parametrize("event", DOCUMENT["webhooks"])
def test_an_event_has_its_headers_its_schema_and_an_example_that_agrees(event: str) -> None:
    [(method, operation)] = DOCUMENT["webhooks"][event].items()
    assert (method, operation["tags"], operation["security"]) == ("post", ["Webhooks"], [])
    assert [one["name"] for one in operation["parameters"]] == ["webhook-id", "webhook-timestamp", "webhook-signature"]
    media = operation["requestBody"]["content"]["application/json"]
    Draft202012Validator.check_schema(media["schema"])
    Draft202012Validator(media["schema"], format_checker=FormatChecker()).validate(media["example"])
    assert media["example"]["type"] == event
    assert operation["responses"].keys() == {"2XX", "410", "default"}


def test_shared_answers_are_defined() -> None:
    text = json.dumps(DOCUMENT["paths"])
    for kind in ("responses", "headers", "parameters", "schemas"):
        referred = {part.split('"')[0] for part in text.split(f"#/components/{kind}/")[1:]}
        assert referred <= DOCUMENT["components"][kind].keys()


def test_it_is_served_to_anybody_and_can_be_kept(client: Any) -> None:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == DOCUMENT
    kept = client.get("/openapi.json", headers={"If-None-Match": answer["ETag"]})
    assert (kept.status_code, kept["Content-Length"]) == (304, str(len(answer.content)))


def test_the_page_names_no_outside_host(client: Any) -> None:
    page = client.get("/docs/")
    assert page.status_code == 200
    assert "//" not in page.content.decode().replace("<!doctype", "")
    assert "'unsafe-eval'" not in page["Content-Security-Policy"]


@pytest.mark.parametrize("page", ["/docs", "/admin"])
def test_a_page_typed_without_its_slash_is_found(client: Any, page: str) -> None:
    assert client.get(page).headers["Location"] == f"{page}/"


def test_who_comes_with_the_name_alone_is_shown_the_documentation(client: Any) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/docs/")


def test_a_file_is_described_as_one_and_json_carries_none() -> None:
    """Generated clients send what the schema says; for a while it said an address."""
    taken = {one["operationId"]: one["requestBody"]["content"] for _, _, one in V1 if "requestBody" in one}
    with_files = {name: media for name, media in taken.items() if "multipart/form-data" in media}
    assert with_files.keys() == {"createAgencyAgent", "updateAgency", "updateAgencyAgent", "uploadDeclarationPage"}
    for media in with_files.values():
        title = media["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
        properties = DOCUMENT["components"]["schemas"][title]["properties"]
        files = {name for name, one in properties.items() if one.get("format") == "binary"}
        assert len(files) == 1
        assert not files & media.get("application/json", {"schema": {"properties": {}}})["schema"]["properties"].keys()


def test_what_may_be_left_out_has_no_default_that_a_generated_client_would_send() -> None:
    """`page=1` beside a cursor is refused; and some would demand it of their callers."""
    sent = [parameter for _, _, operation in V1 for parameter in operation["parameters"] if "name" in parameter]
    assert {one["name"] for one in sent if "default" in one["schema"]} == {"perPage"}
    bodies = [one for title, one in DOCUMENT["components"]["schemas"].items() if title.startswith("New")]
    assert bodies
    assert "default" not in json.dumps(bodies)
