"""The OpenAPI document, from what views declare with `@operation`."""

from drf_spectacular.openapi import AutoSchema


class ApiSchema(AutoSchema):
    """Filled in below."""
