from django.urls import path

from agencies import views

urlpatterns = [
    path("agencies", views.AgenciesView.as_view(), name="agencies"),
    path("agencies/<int:agency_id>", views.AgencyView.as_view(), name="agency"),
    path("agencies/<int:agency_id>/reactivate", views.ReactivateAgencyView.as_view(), name="agency-reactivate"),
    path(
        "agencies/<int:agency_id>/transfer-ownership",
        views.TransferOwnershipView.as_view(),
        name="agency-transfer-ownership",
    ),
    path("agencies/<int:agency_id>/agents", views.AgencyAgentsView.as_view(), name="agency-agents"),
    path("agencies/<int:agency_id>/agents/bulk", views.BulkAgentsView.as_view(), name="agency-agents-bulk"),
    path("agencies/<int:agency_id>/agents/<int:agent_id>", views.AgencyAgentView.as_view(), name="agency-agent"),
]
