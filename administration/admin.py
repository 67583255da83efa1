"""The people who use this admin: superusers manage them, and nobody else does."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from administration.base import AuditedHistory, administrator
from api.lookups import Narrowed
from audit.services import record

admin.site.unregister([User, Group])


class ForSuperusers(AuditedHistory):
    """Whoever may change users may make themselves anything, so only those who are everything already may.

    They are deactivated and never deleted: the audit trail names them by their id.
    """

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        record(actor=administrator(request), action=f"{obj._meta.model_name}.create", target=obj)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """`message` is what Django says for its own log; of it, the names of the fields."""
        changed = sorted(name for one in message for name in one.get("changed", {}).get("fields", []))
        record(actor=administrator(request), action=f"{obj._meta.model_name}.update", target=obj, changed=changed)


@admin.register(User)
class UserAdmin(ForSuperusers, Narrowed, BaseUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    lookups = ("is_staff__exact", "is_superuser__exact", "is_active__exact", "groups__id__exact", "groups__isnull")
    list_display = ("username", "is_active", "is_staff", "is_superuser", "last_login")
    actions = None


@admin.register(Group)
class GroupAdmin(ForSuperusers, Narrowed, BaseGroupAdmin, ModelAdmin):
    actions = None
