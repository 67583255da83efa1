from django.urls import path

from agents import views

urlpatterns = [
    path("agents", views.AgentsView.as_view(), name="agents"),
    path("agents/<int:agent_id>", views.AgentView.as_view(), name="agent"),
    path("agents/<int:agent_id>/reactivate", views.ReactivateAgentView.as_view(), name="agent-reactivate"),
    path(
        "agents/<int:agent_id>/reset-access-token",
        views.ResetAccessTokenView.as_view(),
        name="agent-reset-access-token",
    ),
    path(
        "agents/<int:agent_id>/additional-questions",
        views.AdditionalQuestionsView.as_view(),
        name="agent-additional-questions",
    ),
]
