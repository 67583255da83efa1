"""The additional questions: what is asked now, edited by publishing the next version, and what was asked before."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import StackedInline
from unfold.widgets import UnfoldAdminTextareaWidget

from administration.base import ServiceAdmin, administrator
from clients.models import Question, QuestionSet
from clients.services.questions import FIELDS, MAX_QUESTIONS, publish_questions


class LinesField(forms.CharField):
    """A list of short texts, a line each."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != self.to_python(data)


class QuestionForm(forms.ModelForm):
    options = LinesField(
        required=False,
        max_length=4_000,
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
        help_text="What to choose from, where there is a choice: one on each line.",
    )

    position = forms.IntegerField(required=False, min_value=0, max_value=2**15 - 1)

    def place(self) -> tuple[bool, int]:
        """A new question has no position: it stands at the end, as on the page."""
        position = self.cleaned_data["position"]
        return position is None, position or 0


class QuestionInline(StackedInline):
    model = Question
    form = QuestionForm
    fields = (("label", "help_text"), ("key", "kind", "required"), "options", "position")
    extra = 0
    max_num = MAX_QUESTIONS
    ordering_field = "position"
    hide_ordering_field = True

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """However many rows are said to be sent, no more are shown again."""
        return super().get_formset(request, obj, absolute_max=self.max_num, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of its set."""
        return self.admin_site.get_model_admin(QuestionSet).has_change_permission(request, obj)

    has_add_permission = has_delete_permission = has_change_permission

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.get_model_admin(QuestionSet).has_view_permission(request, obj)


@admin.register(QuestionSet)
class QuestionSetAdmin(ServiceAdmin):
    list_display = ("insurance_type", "version", "is_asked_now", "questions", "created_at")
    list_filter = ("insurance_type",)
    lookups = ("insurance_type__exact",)
    fieldsets = ((None, {
        "fields": (("insurance_type", "version", "is_asked_now", "created_at"),),
        "description": (
            "A version is never changed: saving publishes the next one. Submissions go on with the version that they "
            "began with, so the answers to this one stay readable."
        ),
    }),)  # fmt: skip
    readonly_fields = ("insurance_type", "version", "is_asked_now", "created_at")
    inlines = (QuestionInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuestionSet]:
        later = QuestionSet.objects.filter(insurance_type=OuterRef("insurance_type"), version__gt=OuterRef("version"))
        return super().get_queryset(request).annotate(asked_now=~Exists(later), asked=Count("questions"))

    @admin.display(boolean=True, description="asked now")
    def is_asked_now(self, one: Any) -> bool:
        return one.asked_now

    @admin.display
    def questions(self, one: Any) -> int:
        return one.asked

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An earlier version is shown and not edited. What was sent for one that was the newest when its page was
        opened is refused by the service, on a page that keeps what was typed."""
        earlier = isinstance(obj, QuestionSet) and not obj.asked_now  # type: ignore[attr-defined]
        return super().has_change_permission(request, obj) and (request.method == "POST" or not earlier)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """A set has its questions only; see `save_related`."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        [formset] = formsets
        kept = [one for one in formset.forms if one not in formset.deleted_forms and _has_question(one)]
        questions = [{name: one.cleaned_data[name] for name in FIELDS} for one in sorted(kept, key=QuestionForm.place)]
        form.instance.published = publish_questions(
            actor=administrator(request), based_on=form.instance, questions=questions
        )

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """The audit trail is the one history."""

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if obj.published.pk == obj.pk:
            messages.info(request, "Nothing was changed, so this version stays.")
        else:
            messages.success(request, f"Published: {obj.published}.")
        return HttpResponseRedirect(reverse("admin:clients_questionset_change", args=[obj.published.pk]))


def _has_question(form: Any) -> bool:
    """Not one of the empty rows."""
    return form.instance.pk is not None or form.has_changed()
