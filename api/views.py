"""The one base of every `/v1/` endpoint: the way of a request (design §2) from top to bottom.

authentication → rate limit → negotiation → method override → permission → idempotency → the endpoint → headers.
"""

import re
from collections.abc import Callable
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from api import authentication, deadlocks, errors, idempotency, ratelimits, tenancy
from api.errors import Forbidden, Malformed, RateLimited, TooLarge, Unauthenticated
from api.filters import StrictFilterSet
from api.operations import Operation
from api.pagination import Listing, includes_of, paginate, paginate_found
from api.parsers import JsonParser, MultiPartParser, body_length, is_chunked, read_chunked
from api.principals import ApiPrincipal
from api.totals import ListOf

AnyModel = TypeVar("AnyModel", bound=Model)
CANONICAL_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class ApiView(APIView):
    """Endpoints of one path. Each method is declared by `@operation`."""

    principal: ApiPrincipal
    usage: ratelimits.Usage
    format_kwarg = None  # no `.json` paths

    operations: ClassVar[dict[str, Operation]] = {}
    """By HTTP method."""
    max_file_bytes: ClassVar[int] = 0
    """Of the largest file that any of them takes."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        handlers = ((name.upper(), getattr(cls, name, None)) for name in cls.http_method_names)
        declared = ((method, getattr(handler, "operation", None)) for method, handler in handlers)
        cls.operations = {method: operation for method, operation in declared if operation}
        cls.max_file_bytes = max((operation.max_file_bytes for operation in cls.operations.values()), default=0)
        cls.parser_classes = [JsonParser, MultiPartParser] if cls.max_file_bytes else [JsonParser]

    @property
    def allowed_methods(self) -> list[str]:
        return [*self.operations, *(["HEAD"] if "GET" in self.operations else [])]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.request = self.initialize_request(request, *args, **kwargs)
        self.args, self.kwargs, self.headers = args, kwargs, {}
        try:
            self.initial(self.request, *args, **kwargs)
            with tenancy.acting_for(self.principal):
                response = self._answer(*args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - errors of any layer leave through one handler
            response = self.handle_exception(exc)
        return self._finish(request, response)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Everything that may refuse a request before its endpoint sees it."""
        self.principal = self._authenticate(request)
        self._count(request)
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        self._override_method(request)
        method = cast(str, request.method)
        operation = self.operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise MethodNotAllowed(method)
        if not operation.caller.admits(self.principal):
            raise Forbidden(operation.caller.refusal)

    # --- what endpoints use ---------------------------------------------------------------------

    def parse(self, serializer_class: type[BaseSerializer[Any]], **kwargs: Any) -> dict[str, Any]:
        """The body's validated values. Raises ValidationError (422) naming every field at fault."""
        serializer = serializer_class(data=self.request.data, context={"view": self}, **kwargs)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def reach(self, rows: QuerySet[AnyModel], pk: int) -> AnyModel:
        """The row with this integer id among those that the caller may see. Raises Forbidden (403) for any other."""
        found = rows.filter(pk=pk).first()
        if found is None:
            raise Forbidden
        return found

    def find(self, rows: QuerySet[AnyModel], parameter: str) -> AnyModel:
        """The row with the UUID in this path parameter, among those that the caller may see.

        Raises Malformed (400) for what is no UUID, Http404 for any other row's.
        """
        text = self.kwargs[parameter]
        if not CANONICAL_UUID.fullmatch(text):
            raise Malformed(f"{parameter} in the path is not a UUID.")
        found = rows.filter(pk=UUID(text)).first()
        if found is None:
            raise Http404
        return found

    def included(self) -> frozenset[str]:
        """What the query asks to be included. Raises ValidationError (422)."""
        errors: dict[str, Any] = {}
        included = includes_of(self.request._request.GET, self.operations["GET"], errors)
        if errors:
            raise ValidationError(errors)
        return included

    def page_of(
        self,
        rows: QuerySet[Any],
        shape: Callable[..., list[dict[str, Any]]],
        whole: ListOf | None = None,
        **known: Any,
    ) -> Response:
        """A page of `rows`, narrowed, ordered and filled as the query asks: see `paginate_found`."""
        operation = self.operations["GET"]
        return Response(paginate_found(self.request._request, self.principal, operation, rows, shape, whole, **known))

    def page(self, listing: Listing) -> Response:
        """A page of what the caller may see, narrowed by the operation's own filters."""
        filters = self.operations["GET"].filters or StrictFilterSet
        return Response(paginate(self.request._request, self.principal, listing, filters))

    def created(self, data: Any, *, location: str) -> Response:
        return Response({"data": data}, status=HTTPStatus.CREATED, headers={"Location": location})

    def ok(self, data: Any) -> Response:
        return Response({"data": data})

    def no_content(self) -> Response:
        return Response(status=HTTPStatus.NO_CONTENT)

    # --- the way of a request ---------------------------------------------------------------------

    def _authenticate(self, request: Request) -> ApiPrincipal:
        """Requests with a bad credential are counted by address; what has a good one is counted by that."""
        try:
            return authentication.authenticate(request._request)
        except (Unauthenticated, Malformed):
            self.usage = ratelimits.hit_address(request._request)
            if self.usage.limited:
                raise RateLimited from None
            raise

    def _count(self, request: Request) -> None:
        own = self.principal.rate_limit
        rate = f"{own}/m" if own else settings.RATE_LIMIT_CREDENTIAL
        self.usage = ratelimits.hit("credential", self.principal.counter, rate, request._request)
        if self.usage.limited:
            raise RateLimited

    def _override_method(self, request: Request) -> None:
        """A multipart POST with `_method=PATCH` is that PATCH (contract §2), where PATCH takes a file."""
        patch = self.operations.get("PATCH")
        if request.method == "POST" and _is_multipart(request) and patch and patch.max_file_bytes:
            self._bound_body(request)
            if cast(QueryDict, request.data).get("_method") == "PATCH":
                request._request.method = "PATCH"

    def _bound_body(self, request: Request) -> None:
        """Before it is read: a file with the fields beside it, or JSON (whose reading Django bounds as well)."""
        limit = settings.MAX_JSON_BYTES + (self.max_file_bytes if _is_multipart(request) else 0)
        if is_chunked(request._request):
            read_chunked(request._request, limit)
        if body_length(request._request) > limit:
            raise TooLarge(f"The body is larger than {limit} bytes.")

    def _answer(self, *args: Any, **kwargs: Any) -> Response:
        request = self.request
        self._bound_body(request)
        handler = getattr(self, cast(str, request.method).lower())
        posted = request.META["REQUEST_METHOD"] == "POST"  # a form with `_method` too
        key = idempotency.key_of(request) if posted else None

        def act() -> Response:
            return handler(request, *args, **kwargs)

        def act_once() -> Response:
            try:
                return deadlocks.outlived(transaction.atomic(act))
            except Exception as exc:  # noqa: BLE001 - a refusal is an answer, and is kept like one
                return self.handle_exception(exc)

        return idempotency.once(request, self.principal, key, act_once) if key else deadlocks.outlived(act)

    def handle_exception(self, exc: Exception) -> Response:
        """Errors of any layer as one envelope; 405 says what would have been taken."""
        response = errors.handle_exception(exc)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(self.allowed_methods)
        return response

    def _finish(self, request: HttpRequest, response: Response) -> HttpResponseBase:
        """Headers that every answer carries; reads get an ETag and honour If-None-Match."""
        answer = self.finalize_response(self.request, response, *self.args, **self.kwargs).render()
        read = request.method in ("GET", "HEAD")
        length = len(answer.content)
        answer.headers["Cache-Control"] = "private, no-cache" if read else "no-store"
        if read and answer.status_code == HTTPStatus.OK:
            answer.headers["ETag"] = etag = quote_etag(blake2b(answer.content, digest_size=16).hexdigest())
            conditional = cast(HttpResponseBase, get_conditional_response(request, etag=etag, response=answer))
            if conditional.status_code == HTTPStatus.NOT_MODIFIED:  # it would judge preconditions of writes as well
                answer = conditional
        if request.method == "HEAD" or answer.status_code == HTTPStatus.NOT_MODIFIED:
            answer.headers["Content-Length"] = str(length)  # of what a GET would send (RFC 9110 §8.6)
            answer.content = b""
        if hasattr(self, "usage"):
            self.usage.put_on(answer)
        return answer


def _is_multipart(request: Request) -> bool:
    return (request.content_type or "").startswith("multipart/form-data")


@csrf_exempt  # no cookie is believed under /v1/: Django would refuse a POST with a page
def not_found(request: HttpRequest) -> HttpResponseBase:
    """Any other path under `/v1/`. Counted by address, so that paths cannot be searched at will."""
    return errors.counted(request, errors.not_found)
