"""The usual way's views."""

from typing import Any

from django.urls import include, path
from rest_framework import serializers, viewsets
from rest_framework.pagination import PageNumberPagination
from rest_framework.routers import SimpleRouter

from agencies.models import Agency
from agents.models import Agent


class PerPage(PageNumberPagination):
    page_size_query_param = "perPage"
    max_page_size = 100


class AgencySerializer(serializers.ModelSerializer):
    class Meta:
        model = Agency
        fields = ["id", "name", "color_code"]


class AgentSerializer(serializers.ModelSerializer):
    agency = AgencySerializer()

    class Meta:
        model = Agent
        fields = [
            "id", "first_name", "last_name", "email", "slug", "phone_number", "is_admin", "is_owner", "agency",
            "profile_picture", "created_at", "deactivated_at",
        ]  # fmt: skip


class AgentViewSet(viewsets.ModelViewSet):
    serializer_class = AgentSerializer
    pagination_class = PerPage
    required_scopes = ["provisioning"]

    def get_queryset(self) -> Any:
        return (
            Agent.objects.filter(
                agency__oauth_links__oauth_client=self.request.auth.application, deactivated_at__isnull=True
            )
            .select_related("agency")
            .order_by("id")
        )


router = SimpleRouter(trailing_slash=False)
router.register("agents", AgentViewSet, basename="agents")
urlpatterns = [path("v1/", include(router.urls))]
