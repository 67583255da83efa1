"""The document as a whole."""

from typing import Any

from api.openapi import choices, shared

Json = dict[str, Any]
OAUTH_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    "required": ["error"],
}


def complete(result: Json, generator: Any, request: Any, public: bool) -> Json:
    """drf-spectacular's POSTPROCESSING_HOOKS: adds what operations refer to, and the paths that are no `ApiView`."""
    result["paths"] = {**result["paths"], **shared.service_paths()}
    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["OAuthError"] = OAUTH_ERROR
    choices.name(result)
    components["schemas"] = dict(sorted(schemas.items()))
    components["headers"] = shared.HEADERS
    components["parameters"] = shared.PARAMETERS
    components["securitySchemes"] = shared.SECURITY_SCHEMES
    components["responses"] = {answer.name: answer.as_response() for answer in shared.ERRORS.values()}
    components["responses"]["NotModified"] = shared.NOT_MODIFIED
    return result
