"""What every call shares: its policy, the member behind the token, bodies in and answers out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import Model, QuerySet
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, ValidationError

from generation.api import references
from projects import access
from projects.models import ApiToken, Membership
from projects.plain import is_plain


class HasRight(BasePermission):
    """Lets a member in who has the right that the view's `policy` names for the method; raises MissingRight.

    A method that the policy does not name is left to be answered 405.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else request.method
        if request.auth is None:
            return False
        right = view.policy.get(method)
        if right is not None:
            access.require(view.membership, right)
        return True


class Pages(CursorPagination):
    """`results`, `next` and `previous`; up to 200 rows a page, 50 unless `page_size` says so."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    page_size_query_description = "Rows a page, 1 to 200; 50 where nothing is said."
    invalid_cursor_message = "This is no cursor: follow the addresses in “next” and “previous”."

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        return tuple(view.order)

    def decode_cursor(self, request: Request) -> Any:
        found = super().decode_cursor(request)
        if found is not None and found.position and not is_plain(str(found.position)):
            raise NotFound(self.invalid_cursor_message)
        return found

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """As the framework; a cursor that stands for no row's place is 422."""
        try:
            return super().paginate_queryset(queryset, request, view=view)
        except (NotFound, ValueError, InvalidValue):
            raise ValidationError({"cursor": [self.invalid_cursor_message]}) from None


class AnyForm(DefaultContentNegotiation):
    """For files: whatever the client says it accepts, the file is what there is."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class Call(GenericAPIView[Any]):
    """One address of the API. `policy` names the right that each method needs."""

    policy: ClassVar[Mapping[str, str]] = {}
    permission_classes = [HasRight]
    queryset: Any = None
    pagination_class = Pages
    order: ClassVar[tuple[str, ...]] = ("id",)

    @property
    def membership(self) -> Membership:
        """The acting member."""
        return cast(Membership, cast(ApiToken, self.request.auth).membership)

    def spends(self, request: Request) -> bool:
        """Whether this POST may spend, and hence needs an Idempotency-Key."""
        return True

    def get_queryset(self) -> QuerySet[Any]:
        """The rows of the member's workspace."""
        rows: Any = self.queryset
        if getattr(self, "swagger_fake_view", False):
            return cast(QuerySet[Any], rows.none())
        return cast(QuerySet[Any], rows.all().visible_to(self.membership))

    def body(self, serializer: type[BaseSerializer[Any]]) -> dict[str, Any]:
        """The validated body; raises ValidationError (422)."""
        read = serializer(data=self.request.data, context=self.get_serializer_context())
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def answer(
        self, row: Any, serializer: type[BaseSerializer[Any]] | None = None, *, code: int = status.HTTP_200_OK
    ) -> Response:
        made = (serializer or self.get_serializer_class())(row, context=self.get_serializer_context())
        return Response(made.data, status=code)

    def row(self, model: type[Model], name: object) -> Any:
        """The row that the address names, or 404."""
        return references.find(model, self.membership, str(name))


class Listing(ListModelMixin, Call):
    """An address with a list: `GET` answers a page of it."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request)
