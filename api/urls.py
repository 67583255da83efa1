from django.urls import path, re_path

from api import media, views

urlpatterns: list = [
    path("media/pictures/<str:name>", media.picture, name="picture"),
    re_path(r"^v1/", views.not_found),
]
