"""Webhooks and their deliveries."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from administration.base import ActForm, ReadOnlyInline, ServiceAdmin, act, administrator
from administration.pagination import InfinitePaginator
from webhooks.catalogue import EVERY, SUBSCRIBABLE
from webhooks.models import Attempt, Delivery, Subscription, message_id
from webhooks.services import deliveries, events, subscriptions


class EventsField(forms.MultipleChoiceField):
    """Types of events; where every one is chosen, that alone."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [(name, "every event" if name == EVERY else name) for name in SUBSCRIBABLE]
        super().__init__(choices=choices, widget=UnfoldAdminCheckboxSelectMultipleWidget, **kwargs)

    def clean(self, value: Any) -> list[str]:
        chosen = super().clean(value)
        return [EVERY] if EVERY in chosen else chosen


class NewWebhookForm(ActForm):
    url = forms.CharField(max_length=2000, widget=UnfoldAdminTextInputWidget, help_text="https, not pointing inward.")
    events = EventsField()
    description = forms.CharField(max_length=200, required=False, widget=UnfoldAdminTextInputWidget)


class RecoverForm(ActForm):
    since = forms.SplitDateTimeField(widget=UnfoldAdminSplitDateTimeWidget, help_text="UTC.")


class SubscriptionForm(forms.ModelForm):
    events = EventsField()


def _is_enabled(subscription: Subscription) -> bool:
    return subscription.status == Subscription.Status.ENABLED


@admin.register(Subscription)
class SubscriptionAdmin(ServiceAdmin):
    """Made on the page of its agency (agencies.admin)."""

    form = SubscriptionForm
    list_display = ("url", "agency", "status", "failing_since", "last_success_at", "created_at")
    list_filter = ("status", "disabled_reason")
    lookups = ("status__exact", "disabled_reason__exact")
    list_select_related = ("agency",)
    search_fields = ("url", "agency__name")
    ordering = ("-id",)
    fields = (
        "url", "events", "description", "agency", "status", "disabled_reason", "failing_since", "last_success_at",
        "created_at", "updated_at", "log",
    )  # fmt: skip
    readonly_fields = fields[3:]
    actions_detail = ("send_test", "recover", "rotate_secret", "disable", "enable", "remove")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        return Subscription.objects.kept().select_related("agency")

    @admin.display
    def log(self, subscription: Subscription) -> SafeString:
        url = reverse("admin:webhooks_delivery_changelist")
        return format_html('<a href="{}?subscription__id__exact={}">The log of deliveries</a>', url, subscription.pk)

    def update(self, request: HttpRequest, target: Subscription, values: dict[str, Any]) -> None:
        subscriptions.update_subscription(actor=administrator(request), subscription=target, values=values)

    @act(title="Send a test event", explanation="Of the type webhook.test, to this address alone.", applies=_is_enabled)
    def send_test(self, request: HttpRequest, target: Subscription, values: dict[str, Any]) -> None:
        events.emit_test(actor=administrator(request), subscription=target)

    @act(
        title="Recover",
        form=RecoverForm,
        explanation="Every event since then whose attempts all failed, or which was held, is sent again.",
        applies=_is_enabled,
    )
    def recover(self, request: HttpRequest, target: Subscription, values: dict[str, Any]) -> None:
        deliveries.recover(actor=administrator(request), subscription=target, since=values["since"])

    @act(
        title="Rotate the secret",
        explanation="A new signing secret is made and shown once. The one before signs beside it for 24 hours.",
    )
    def rotate_secret(self, request: HttpRequest, target: Subscription, values: dict[str, Any]) -> HttpResponse:
        changed, secret = subscriptions.rotate_secret(actor=administrator(request), subscription=target)
        return show_secret(self, request, changed, secret)

    @act(title="Disable", explanation="Deliveries are held for 30 days, until it is enabled.", applies=_is_enabled)
    def disable(self, request: HttpRequest, target: Subscription, values: dict[str, Any]) -> None:
        self.update(request, target, {"status": Subscription.Status.DISABLED})

    @act(
        title="Enable",
        explanation="New events are delivered from now on. What was held is sent by Recover.",
        applies=lambda subscription: not _is_enabled(subscription),
    )
    def enable(self, request: HttpRequest, target: Subscription, values: dict[str, Any]) -> None:
        self.update(request, target, {"status": Subscription.Status.ENABLED})

    @act(title="Delete", explanation="Nothing is sent to this address any more, and its secrets are gone.")
    def remove(self, request: HttpRequest, target: Subscription, values: dict[str, Any]) -> HttpResponse:
        subscriptions.delete_subscription(actor=administrator(request), subscription=target)
        messages.success(request, "Done: the webhook was deleted.")
        return HttpResponseRedirect(reverse("admin:webhooks_subscription_changelist"))


class AttemptInline(ReadOnlyInline):
    model = Attempt
    fields = readonly_fields = ("number", "started_at", "duration_ms", "address", "status", "error", "answered")
    ordering = ("number", "id")
    verbose_name_plural = "attempts"

    @admin.display
    def answered(self, attempt: Attempt) -> str:
        return bytes(attempt.answer).decode(errors="replace")


@admin.register(Delivery)
class DeliveryAdmin(ServiceAdmin):
    """The log of one subscription, reached from its page: a list of all of them would be nobody's."""

    list_display = ("id", "event_type", "state", "attempts", "next_attempt_at", "created_at", "finished_at")
    list_filter = ("state",)
    lookups = ("state__exact", "subscription__id__exact")
    ordering = ("-id",)
    paginator = InfinitePaginator
    fields = readonly_fields = (
        "subscription", "message_id", "event_type", "payload", "state", "replay", "attempts", "next_attempt_at",
        "created_at", "finished_at",
    )  # fmt: skip
    inlines = (AttemptInline,)
    actions_detail = ("send_again",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return Delivery.objects.filter(subscription__deleted_at__isnull=True).select_related("subscription")

    @admin.display(description="webhook-id")
    def message_id(self, delivery: Delivery) -> str:
        return message_id(delivery.event_id)

    @admin.display
    def payload(self, delivery: Delivery) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(json.loads(bytes(delivery.event.body)), indent=2))

    @act(
        title="Send again",
        explanation="At once if it still waits for an attempt; else as a new delivery of the same event.",
        applies=lambda delivery: _is_enabled(delivery.subscription),
    )
    def send_again(self, request: HttpRequest, target: Delivery, values: dict[str, Any]) -> None:
        deliveries.retry_delivery(actor=administrator(request), delivery=target)


def show_secret(page: ServiceAdmin, request: HttpRequest, subscription: Subscription, secret: str) -> HttpResponse:
    """The answer to what made a secret."""
    return page.secret_page(
        request,
        title=f"{subscription.url} has a new secret",
        explanation="The receiver verifies with it that a delivery comes from here.",
        shown={"Signing secret": secret},
    )
