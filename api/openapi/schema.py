"""One operation of the document, from its declaration, its docstring and the conventions of contract §2."""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.core.validators import RegexValidator
from django_filters import IsoDateTimeFilter, MultipleChoiceFilter
from drf_spectacular.openapi import AutoSchema
from rest_framework.serializers import CharField, FileField

from api.cursors import MAX_LENGTH
from api.filters import SyncedFilterSet, TrueFalseFilter
from api.openapi import examples, samples
from api.openapi.shared import ERRORS, answer_headers
from api.operations import Caller, Operation
from api.pagination import DEFAULT_PER_PAGE, MAX_PAGE, MAX_PER_PAGE
from api.serializers import MAX_ID, ErrorEnvelopeSerializer, LinksSerializer, MetaSerializer

if TYPE_CHECKING:
    from api.views import ApiView  # which names this module as its schema

Json = dict[str, Any]
NOT_BLANK = r"[^\s\x1c-\x1f\x85]"
"""What Python strips, of which JSON Schema's \\s lacks some."""
SHARED = (ErrorEnvelopeSerializer, LinksSerializer, MetaSerializer)
SECURITY = {Caller.PARTNER: "partnerToken", Caller.AGENT: "agentToken", Caller.ADMIN_AGENT: "agentToken"}
WHO = {
    Caller.PARTNER: "For partners.",
    Caller.AGENT: "For agents.",
    Caller.ADMIN_AGENT: "For agents who are admins of their agency.",
}

CURSOR = """
    To walk through everything, instead of `page`: `first` (or nothing) for the first page, then `meta.next_cursor`, or
    follow `links.next`, until it is null. Each page costs the same however deep; rows that come or go meanwhile neither
    repeat nor skip others (one whose place in the order changes may come twice, or not at all). Nothing is counted, and
    there is no way back: `total` and the like are null. A cursor holds for this list in this order and for this caller,
    for as long as it takes.
"""
SYNC = """
    To keep a copy: walk once by `cursor`, then again and again with `updatedSince`, set to the latest `updated_at` that
    you saw, less a minute for changes that were still under way. By cursor, and unless sorted, such a walk is in the
    order of `updated_at`, so that what changes meanwhile comes (again) at its end, and is not missed.
"""


class ApiSchema(AutoSchema):
    """Whole operations, by our own conventions; drf-spectacular turns serializers into components."""

    @property
    def declared(self) -> Operation:
        return cast("ApiView", self.view).operations[self.method]

    def get_operation(self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any) -> Json | None:
        self.registry, self.path, self.method = registry, path, method.upper()
        if self.method not in getattr(self.view, "operations", {}):
            return None
        for serializer in SHARED:  # which operations name by reference
            self.resolve_serializer(serializer, "response")
        body = self._request_body()
        return {
            "operationId": self.declared.name,
            "summary": self.declared.summary,
            "description": self._description(),
            "tags": [type(self.view).__module__.partition(".")[0].capitalize()],
            "security": [{SECURITY[self.declared.caller]: []}],
            "parameters": self._parameters(),
            **({"requestBody": body} if body else {}),
            "responses": {**self._success(), **self._errors()},
            "x-codeSamples": samples.of(self.method, path, self._example_body(), self.declared),
        }

    # --- texts --------------------------------------------------------------------------------------

    def _description(self) -> str:
        parts = [getattr(self.view, self.method.lower()).__doc__ or "", WHO[self.declared.caller]]
        if self.declared.filters and issubclass(self.declared.filters, SyncedFilterSet):
            parts.append(SYNC)
        if self.method == "PATCH" and self.declared.max_file_bytes:
            parts.append(
                "Also taken as a multipart `POST` with the form field `_method=PATCH`, and then with an "
                "`Idempotency-Key`, as any `POST`."
            )
        if self.declared.refusals:
            rules = "\n".join(f"- `{code}`: {meaning}" for code, meaning in self.declared.refusals.items())
            parts.append(
                f"Beside values that are not valid, 422 tells of, by `error.code` or that of a detail:\n\n{rules}"
            )
        return "\n\n".join(" ".join(part.split()) if "- `" not in part else part for part in parts if part)

    # --- what comes in ------------------------------------------------------------------------------

    def _parameters(self) -> list[Json]:
        names = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        parameters = [_path_id(name) for name in names]
        if self.declared.paged:
            parameters += [
                # No `default`: generated clients would send it, with a cursor too.
                _query("page", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}, "The page; the first is 1."),
                _query("cursor", {"type": "string", "maxLength": MAX_LENGTH}, CURSOR),
                _query(
                    "perPage",
                    {"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE, "default": DEFAULT_PER_PAGE},
                    "Rows on a page.",
                ),
            ]
        if self.declared.filters:
            parameters += [_filter(name, one) for name, one in self.declared.filters.base_filters.items()]
        if self.declared.sorts:
            words = [word for name in self.declared.sorts for word in (name, f"-{name}")]
            parameters.append(_query("sort", {"type": "string", "enum": words}, "`-` is from the last to the first."))
        if self.declared.includes:
            parameters.append(_include(self.declared.includes))
        shared = {"POST": ["IdempotencyKey"], "GET": ["IfNoneMatch"]}.get(self.method, [])
        return parameters + [{"$ref": f"#/components/parameters/{name}"} for name in [*shared, "RequestId"]]

    def _request_body(self) -> Json | None:
        if self.declared.takes is None:
            return None
        component = self.resolve_serializer(cast(Any, self.declared.takes), "request")
        content = {"application/json": {"schema": component.ref, "example": self._example_body()}}
        if self.declared.max_file_bytes:
            content = {
                "application/json": {"schema": self._without_files(component), "example": self._example_body()},
                "multipart/form-data": {"schema": component.ref},
            }
        if examples.needs_file(self.declared.takes):
            del content["application/json"]
        required = bool(component.schema.get("required"))
        return {"required": required, "content": content}

    def _without_files(self, component: Any) -> Json:
        """JSON carries no file."""
        properties = {
            name: one for name, one in component.schema["properties"].items() if one.get("format") != "binary"
        }
        return {**component.schema, "properties": properties}

    def _example_body(self) -> Json | None:
        return examples.of(self.declared.takes, without_files=True) if self.declared.takes else None

    def _get_serializer_field_meta(self, field: Any, direction: str) -> Json:
        """drf-spectacular would say it of answers as well, or not at all: they share its switch."""
        meta = super()._get_serializer_field_meta(field, direction)
        if direction == "request" and isinstance(field, CharField) and not field.allow_blank:
            meta["minLength"] = 1
            if not any(isinstance(one, RegexValidator) for one in field.validators):
                meta["pattern"] = NOT_BLANK
        if direction == "request" and (default := meta.pop("default", None)) is not None:
            # In words: generators would send it, or demand it of the caller.
            meta.setdefault("description", f"`{json.dumps(default)}` where it is left out.")
        return meta

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Json:
        """drf-spectacular would describe a file that is sent as the address of one."""
        if direction == "request" and isinstance(field, FileField):
            return {"type": "string", "format": "binary", **self._get_serializer_field_meta(field, direction)}
        return super()._map_serializer_field(field, direction, bypass_extensions)

    # --- what goes out ------------------------------------------------------------------------------

    def _success(self) -> dict[str, Json]:
        status = HTTPStatus(self.declared.status)
        answer: Json = {"description": status.phrase, "headers": answer_headers(self.method, status)}
        if self.declared.gives:
            shape, example = self._envelope(self.declared.gives)
            answer["content"] = {"application/json": {"schema": shape, "example": example}}
        answers = {str(status.value): answer}
        if self.method == "GET":
            answers["304"] = {"$ref": "#/components/responses/NotModified"}
        return answers

    def _envelope(self, serializer: Any) -> tuple[Json, Json]:
        """Schema and example of `{"data": …}`, a list or a page of it."""
        reference = self.resolve_serializer(serializer, "response").ref
        example = examples.of(serializer)
        many = self.declared.many or self.declared.paged
        data: Json = {"type": "array", "items": reference} if many else reference
        properties: Json = {"data": data}
        shown: Json = {"data": [example] if many else example}
        if self.declared.paged:
            properties |= {name: {"$ref": f"#/components/schemas/{name.capitalize()}"} for name in ("links", "meta")}
            shown |= examples.page(self.path)
        return {"type": "object", "properties": properties, "required": list(properties)}, shown

    def _errors(self) -> dict[str, Json]:
        statuses = [400, 401, 403, 405, 406, 414, 429, 431, 500, 503]
        if self.method == "POST":
            statuses.append(409)
        if self.declared.takes or self.method == "POST":  # with an Idempotency-Key, any body is read
            statuses += [413, 415]
        if "{" in self.path:
            statuses.append(404)
        if (
            self.declared.takes
            or self.declared.includes
            or self.declared.paged
            or self.declared.refusals
            or self.method == "POST"
        ):
            statuses.append(422)
        return {str(status): {"$ref": f"#/components/responses/{ERRORS[status].name}"} for status in sorted(statuses)}


def _path_id(name: str) -> Json:
    schema: Json = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
    if name.endswith("_uuid"):
        schema = {"type": "string", "format": "uuid"}
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": examples.PATH_IDS[name]}


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": " ".join(description.split())}


def _include(words: tuple[str, ...]) -> Json:
    schema = {"type": "array", "items": {"type": "string", "enum": list(words)}}
    named = _query("include", schema, "Related lists, which are absent else; one brings those that it leads through.")
    return {**named, "style": "form", "explode": False}


def _filter(name: str, declared: Any) -> Json:
    schema: Json = {"type": "string"}
    if isinstance(declared, TrueFalseFilter):
        return _query(name, {"type": "boolean"}, declared.extra.get("help_text", ""))
    if choices := declared.extra.get("choices"):
        schema["enum"] = [value for value, _ in choices]
    if maximum := declared.extra.get("max_length"):
        schema["maxLength"] = maximum
    if isinstance(declared, IsoDateTimeFilter):
        schema["format"] = "date-time"
    if isinstance(declared, MultipleChoiceFilter):
        schema = {"type": "array", "items": schema}
    return _query(name, schema, declared.extra.get("help_text", ""))
