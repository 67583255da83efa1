from django.urls import re_path

from api import views

urlpatterns: list = [
    re_path(r"^v1/", views.not_found),
]
