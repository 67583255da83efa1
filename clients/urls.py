from django.urls import path

from clients import links, views

CLIENT = "v1/agents/<int:agent_id>/clients/<str:client_uuid>"
SUBMISSION = f"{CLIENT}/submissions/<str:submission_uuid>"
PAGE = "<str:declaration_page_uuid>"

urlpatterns = [
    path("v1/client", views.NewClientView.as_view(), name="new-client"),
    path("v1/agents/<int:agent_id>/clients", views.ClientsView.as_view(), name="clients"),
    path(CLIENT, views.ClientView.as_view(), name="client"),
    path(f"{CLIENT}/reassign", views.ReassignClientView.as_view(), name="client-reassign"),
    path(f"{CLIENT}/destroy", views.DestroyClientView.as_view(), name="client-destroy"),
    path(f"{CLIENT}/submissions", views.SubmissionsView.as_view(), name="submissions"),
    path(SUBMISSION, views.SubmissionView.as_view(), name="submission"),
    path(f"{SUBMISSION}/complete", views.CompleteSubmissionView.as_view(), name="submission-complete"),
    path(f"{SUBMISSION}/declaration-pages", views.DeclarationPagesView.as_view(), name="declaration-pages"),
    path(f"{SUBMISSION}/declaration-pages/{PAGE}", views.DeclarationPageView.as_view(), name="declaration-page"),
    path(
        f"{CLIENT}/submission/<str:submission_uuid>/declaration-page/{PAGE}",
        views.DeclarationPageLinkView.as_view(),
        name="declaration-page-link",
    ),
    path("v1/additional-questions", views.QuestionSetsView.as_view(), name="additional-questions"),
    path("files/<str:signed>", links.download, name="download"),
]
