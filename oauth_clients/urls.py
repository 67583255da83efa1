"""Mounted at the root. The names are the toolkit's: its metadata view looks the endpoints up by them."""

from django.urls import include, path, re_path

from oauth_clients import views

endpoints = [
    path("oauth/token", views.TokenView.as_view(), name="token"),
    path("oauth/revoke", views.RevokeView.as_view(), name="revoke-token"),
    path("oauth/introspect", views.IntrospectView.as_view(), name="introspect"),
    path(".well-known/oauth-authorization-server", views.MetadataView.as_view(), name="oauth-server-metadata"),
]
urlpatterns = [
    path("", include((endpoints, "oauth2_provider"))),
    re_path(r"^oauth/", views.UnknownView.as_view()),
]
