from django.urls import path, re_path

from api import docs, media, views

urlpatterns = [
    path("openapi.json", docs.openapi, name="openapi"),
    path("docs/", docs.page, name="docs"),
    re_path(r"^media/pictures/(?P<name>(?:[\d-]{10}/)?\w{1,64}\.[a-z]{1,10})$", media.picture, name="picture"),
    re_path(r"^v1/", views.not_found, name="nowhere"),
]
