"""What tests ask of an answer."""

from typing import Any


def faults(answer: Any) -> dict[str, str]:
    """The code of each field at fault."""
    assert answer.status_code == 422, answer.content
    assert answer.json()["error"]["code"] == "invalid", answer.content
    return {detail["field"]: detail["code"] for detail in answer.json()["error"]["details"]}


def code(answer: Any) -> str:
    """The code of an error that is about no field."""
    assert answer.status_code >= 400, answer.content
    assert "details" not in answer.json()["error"], answer.content
    return answer.json()["error"]["code"]


def data(answer: Any) -> Any:
    """What a good answer gives."""
    assert answer.status_code < 300, answer.content
    return answer.json()["data"]
