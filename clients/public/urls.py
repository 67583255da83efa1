from django.urls import path, re_path, register_converter

from clients.public import views


class SlugConverter:
    """The form of an agent's slug: at least two words, so that no path of one word can be one."""

    regex = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(SlugConverter, "agent_slug")

urlpatterns = [
    re_path(r"^theme/(?P<code>[0-9A-Fa-f]{6})\.css$", views.theme, name="public-theme"),
    path("<agent_slug:slug>", views.start, name="public-page"),
    path("<agent_slug:slug>/", views.start),
    path("<agent_slug:slug>/s/<str:secret>", views.submission, name="public-submission"),
]
