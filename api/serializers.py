"""The shapes that every endpoint shares, for the OpenAPI document."""

from typing import Any

from rest_framework import serializers


class ErrorDetailSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="As sent; nested names are dotted.")
    code = serializers.CharField()
    message = serializers.CharField()


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable and machine-readable.")
    message = serializers.CharField()
    details = ErrorDetailSerializer(many=True, required=False, help_text="Every value at fault.")
    request_id = serializers.CharField(help_text="To quote to support; also in X-Request-Id.")


class ErrorEnvelopeSerializer(serializers.Serializer[Any]):
    error = ErrorSerializer()


class LinksSerializer(serializers.Serializer[Any]):
    first = serializers.URLField()
    last = serializers.URLField(allow_null=True, help_text="null where paged by cursor.")
    prev = serializers.URLField(allow_null=True)
    next = serializers.URLField(allow_null=True)


class MetaSerializer(serializers.Serializer[Any]):
    """Where paged by cursor nothing is numbered or counted: those are null, and `next_cursor` is there."""

    current_page = serializers.IntegerField(allow_null=True)
    # `from` is a word of Python's; see get_fields.
    last_page = serializers.IntegerField(allow_null=True)
    path = serializers.URLField()
    per_page = serializers.IntegerField()
    to = serializers.IntegerField(allow_null=True)
    total = serializers.IntegerField(allow_null=True, help_text="Exact; null where paged by cursor.")
    next_cursor = serializers.CharField(
        required=False, allow_null=True, help_text="Only where paged by cursor; null on the last page."
    )

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {"current_page": fields.pop("current_page"), "from": serializers.IntegerField(allow_null=True), **fields}
