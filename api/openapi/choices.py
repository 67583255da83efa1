"""Choices by name, so that generated clients have one type for each set of them, with names that can be read."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
NULL = "#/components/schemas/Null"
"""What drf-spectacular refers to where a choice may be null."""


def name(result: Json) -> None:
    """Finishes what drf-spectacular's `postprocess_schema_enums` began: it leaves out parameters, and calls null a
    choice of its own."""
    schemas = result["components"]["schemas"]
    schemas.pop("Null", None)
    titles = {tuple(schema["enum"]): title for title, schema in schemas.items() if "enum" in schema}
    for parameter in _parameters(result):
        for schema in list(_within(parameter)):
            if title := titles.get(tuple(schema.get("enum", ()))):
                _become(schema, {"$ref": f"#/components/schemas/{title}"})
    for schema in list(_within(result)):
        if schema.get("$ref") == NULL:
            _become(schema, {"type": "null"})
        if any(str(value)[:1] in ("-", "*") for value in schema.get("enum", ())):
            schema["x-enum-varnames"] = [_variable(value) for value in schema["enum"]]


def _parameters(result: Json) -> list[Json]:
    operations = [operation for methods in result["paths"].values() for operation in methods.values()]
    return [parameter for operation in operations for parameter in operation.get("parameters", [])]


def _become(schema: Json, other: Json) -> None:
    schema.clear()
    schema.update(other)


def _within(part: Any) -> Iterator[Json]:
    """Every object in it, itself included, but for examples."""
    if isinstance(part, dict):
        yield part
        for key, value in part.items():
            if key != "example":
                yield from _within(value)
    elif isinstance(part, list):
        for value in part:
            yield from _within(value)


def _variable(value: str) -> str:
    """`-created_at` as `CREATED_AT_DESC`."""
    if value == "*":
        return "ALL"
    words = value.removeprefix("-").replace("-", "_").replace(".", "_").upper()
    return f"{words}_DESC" if value.startswith("-") else words
