"""Where every path leads."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

import administration.views
from api.methods import only_read

urlpatterns = [
    path("", include("oauth_clients.urls")),
    path("v1/", include("agents.urls")),
    path("v1/", include("agencies.urls")),
    path("v1/", include("webhooks.urls")),
    path("", include("clients.urls")),
    path("", include("api.urls")),
    path("", only_read(RedirectView.as_view(url="/docs/"))),  # who comes with no more than the name
    path("docs", only_read(RedirectView.as_view(url="/docs/"))),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/login/", administration.views.login),
    path("admin/password_change/", admin.site.admin_view(administration.views.change_password)),
    path("admin/", admin.site.urls),
    path("", include("clients.public.urls")),  # last: a slug shadows nothing
]
handler400 = "api.errors.bad_request"
handler403 = "api.errors.permission_denied"
handler404 = "api.errors.not_found"
handler500 = "api.errors.server_error"
