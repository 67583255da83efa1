"""The fields and shapes that endpoints share."""

from typing import Any

from rest_framework import serializers
from rest_framework.utils import html

MAX_ID = 2**63 - 1
"""What PostgreSQL's bigint holds."""


class IdField(serializers.IntegerField):
    """The id of an agent or an agency."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)


class _Text:
    """Text, and no number that DRF would make text of."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")  # type: ignore[attr-defined]
        return super().to_internal_value(data)  # type: ignore[misc]


class TextField(_Text, serializers.CharField):
    """Text of one line or several."""


class EmailField(_Text, serializers.EmailField):
    """An e-mail address."""


class PatternField(_Text, serializers.RegexField):
    """Text of one form."""


class TrueFalseField(serializers.BooleanField):
    """In JSON `true` or `false` and nothing like them; in a form, which knows only text, their usual words."""

    def to_internal_value(self, data: Any) -> bool:
        if not (isinstance(data, bool) or html.is_html_input(self.root.initial_data)):
            self.fail("invalid", input=data)
        return super().to_internal_value(data)


class BoundedListField(serializers.ListField):
    """A list whose length is judged before its values: each value at fault gets words of its own, and a body has room
    for hundreds of thousands."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list):
            self.run_validators(data)
        return super().to_internal_value(data)


class ErrorDetailSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="As sent; nested names are dotted.")
    code = serializers.CharField()
    message = serializers.CharField()


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable and machine-readable.")
    message = serializers.CharField()
    details = ErrorDetailSerializer(
        many=True, required=False, help_text="Every value at fault; of many, the first 500."
    )
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
