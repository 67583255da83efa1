"""What every page of the admin has in common.

Reading is Django's. Each write goes through a service, as in the API, so the same rules hold and the audit trail
tells of both. What is more than an edit is an *act*: a button on the object's page that leads to a page that asks,
and a POST that does it. Nothing is deleted but by such an act.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from api.errors import Invalid
from api.lookups import Narrowed
from api.principals import Administrator
from audit.models import AuditEntry

REFUSALS = (Invalid, ValidationError)


def administrator(request: HttpRequest) -> Administrator:
    """Who acts."""
    return Administrator(user_id=request.user.pk)


class ActForm(forms.Form):
    """Asks before an act on `target`. `seen` is the last change of the object that the audit trail told of when the
    page was shown: an act is for what its administrator saw, so a page sent twice, or after somebody else's act, does
    nothing."""

    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, *args: Any, target: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.target = target


@dataclass(frozen=True, slots=True)
class Act:
    """One act, as its page shows it."""

    name: str
    title: str
    explanation: str
    form: type[ActForm]
    applies: Callable[[Any], bool]
    perform: Callable[..., HttpResponse | None]


def act(
    *,
    title: str,
    explanation: str,
    form: type[ActForm] = ActForm,
    applies: Callable[[Any], bool] = lambda _: True,
    permission: str = "change",
) -> Callable[[Callable[..., HttpResponse | None]], Any]:
    """Makes the method `(self, request, target, values)` an act, for those who may see the object and change it, or who
    have the `permission` named instead (`has_…_permission`).

    `applies` says for which objects there is a button. The method may answer by itself; else the object's page follows.
    """

    def decorate(perform: Callable[..., HttpResponse | None]) -> Any:
        declared = Act(perform.__name__, title, explanation, form, applies, perform)

        def view(self: "ServiceAdmin", request: HttpRequest, object_id: str) -> HttpResponse:
            return self.ask_or_act(request, object_id, declared)

        view.__name__ = perform.__name__  # from which unfold names the URL
        path = perform.__name__.replace("_", "-")
        decorated = action(description=title, url_path=path, permissions=["view", permission])(view)
        decorated.act = declared
        return decorated

    return decorate


class AuditedHistory:
    """An object's history is its part of the audit trail: Django's own log is not written."""

    opts: Any
    has_view_permission: Callable[[HttpRequest], bool]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        url = reverse("admin:audit_auditentry_changelist")
        return HttpResponseRedirect(f"{url}?q={self.opts.model_name}:{object_id}")


class ServiceAdmin(AuditedHistory, Narrowed, ModelAdmin):
    """A model whose writes go through services. Subclasses say how an edit is saved: `update`."""

    actions = None
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # each is a count of the whole table: of a million agents, too long for an answer
    list_per_page = 50
    compressed_fields = False

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """The list's own form refuses the character that PostgreSQL has not; what fills choices in has no form."""
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    def update(self, request: HttpRequest, target: Any, values: dict[str, Any]) -> None:
        """Saves the fields that were changed. Raises Invalid or ValidationError."""
        raise NotImplementedError

    def shown(self, request: HttpRequest, target: Any) -> None:
        """Called before a page shows the object; where people are to know who looked, it goes into the audit trail."""

    # --- edits --------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: Any) -> None:
        self.update(request, obj, {name: form.cleaned_data[name] for name in form.changed_data})

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """What a service refuses is shown on the form, with all that was typed."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except REFUSALS as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """What was changed on the page is saved, and no more: each field is compared with what it was shown with, and
        not with what somebody else has made of it since."""
        form = super().get_form(request, obj, change=change, **kwargs)
        for field in form.base_fields.values():
            field.show_hidden_initial = True
        refusal = getattr(request, "refusal", None)
        return type(form.__name__, (RefusedForm, form), {"refusal": refusal}) if refusal else form

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if context["original"]:
            self.shown(request, context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # --- not Django's log ---------------------------------------------------------------------------

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Django's own log would keep names of people; the services write to the audit trail."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """See `log_addition`."""

    # --- acts ---------------------------------------------------------------------------------------

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        allowed = super().get_actions_detail(request, object_id)
        target = self.get_object(request, object_id)
        return [one for one in allowed if target and one.method.act.applies(target)]

    def ask_or_act(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        target = self.get_object(request, object_id)
        if target is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = act.form(request.POST or None, initial={"seen": _last_change(target)}, target=target)
        if request.method == "POST" and form.is_valid():
            try:
                return self._act(request, target, act, form.cleaned_data)
            except REFUSALS as refusal:
                show_refusal(form, refusal)
        self.shown(request, target)
        return self.form_page(
            request,
            title=f"{act.title}: {target}",
            form=form,
            explanation=act.explanation,
            button=act.title,
            variant="danger",
        )

    def _act(self, request: HttpRequest, target: Model, act: Act, values: dict[str, Any]) -> HttpResponse:
        page = HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[target.pk])
        )
        with transaction.atomic():
            _one_at_a_time(target)
            if values.pop("seen") != _last_change(target):
                messages.warning(request, "Nothing was done: this has changed since the page was shown.")
                return page
            answer = act.perform(self, request, target, values)
        if answer is None:
            messages.success(request, f"Done: {act.title.lower()}.")
        return answer or page

    # --- pages --------------------------------------------------------------------------------------

    def form_page(
        self, request: HttpRequest, *, form: forms.Form, button: str = "Create", variant: str = "primary", **told: str
    ) -> HttpResponse:
        """`told` are the page's `title` and `explanation`; `variant` is the button's, as Unfold names them."""
        return self._page(request, "admin/form.html", {"form": form, "button": button, "variant": variant, **told})

    def secret_page(self, request: HttpRequest, *, title: str, explanation: str, shown: dict[str, str]) -> HttpResponse:
        """Shows a secret once: in this answer, which nobody keeps (admin pages are `no-store`), and nowhere else."""
        context = {"title": title, "explanation": explanation, "shown": shown}
        return self._page(request, "admin/secret.html", context)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, template, shared | context)


class ReadOnlyInline(TabularInline):
    """Rows that hang from an object, to be read on its page and not changed there."""

    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


class RefusedForm(forms.ModelForm):
    """A form that was valid, and that a service refused."""

    refusal: Invalid | ValidationError

    def clean(self) -> dict[str, Any] | None:
        values = super().clean()
        show_refusal(self, self.refusal)
        return values


def show_refusal(form: forms.BaseForm, refusal: Invalid | ValidationError) -> None:
    """Puts what a service refused where its field is, or above the form."""
    for field, message in _complaints(refusal):
        form.add_error(field if field in form.fields else None, message)


def _complaints(refusal: Invalid | ValidationError) -> list[tuple[str | None, str]]:
    if isinstance(refusal, Invalid):
        return [(one["field"], one["message"]) for one in refusal.details or []] or [(None, refusal.message)]
    if hasattr(refusal, "error_dict"):
        return [(field, text) for field, texts in refusal.message_dict.items() for text in texts]
    return [(None, text) for text in refusal.messages]


def _last_change(target: Model) -> int:
    changes = AuditEntry.objects.changes()
    of_target = changes.filter(target_type=target._meta.model_name, target_id=str(target.pk))
    return of_target.order_by("-id").values_list("id", flat=True).first() or 0


def _one_at_a_time(target: Model) -> None:
    """Until the transaction ends, no other act on this object is between looking and acting."""
    with connection.cursor() as cursor:
        names = [target._meta.label, str(target.pk)]
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", names)
