"""Answers, held to what the OpenAPI document says of them: nothing missing, nothing more."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker


def assert_as_described(answer: Any, operation_id: str) -> None:
    """The body of an answer is what the operation's schema for its status says, without a property beside it."""
    schema = _operations()[operation_id]["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    components = json.loads(json.dumps(_document()["components"]))
    for component in components["schemas"].values():
        if component.get("type") == "object" and "properties" in component:
            component["additionalProperties"] = False
    Draft202012Validator({**schema, "components": components}, format_checker=FormatChecker()).validate(answer.json())


@cache
def _document() -> dict[str, Any]:
    return json.loads((Path(__file__).resolve().parent.parent / "openapi.json").read_text())


@cache
def _operations() -> dict[str, Any]:
    return {one["operationId"]: one for methods in _document()["paths"].values() for one in methods.values()}
