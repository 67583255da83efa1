from django.urls import path

from webhooks import views

WEBHOOK = "webhooks/<str:webhook_uuid>"
DELIVERY = f"{WEBHOOK}/deliveries/<str:delivery_uuid>"

urlpatterns = [
    path("webhook-events", views.WebhookEventsView.as_view(), name="webhook-events"),
    path("webhooks", views.WebhooksView.as_view(), name="webhooks"),
    path(WEBHOOK, views.WebhookView.as_view(), name="webhook"),
    path(f"{WEBHOOK}/rotate-secret", views.RotateSecretView.as_view(), name="webhook-rotate-secret"),
    path(f"{WEBHOOK}/test", views.TestWebhookView.as_view(), name="webhook-test"),
    path(f"{WEBHOOK}/recover", views.RecoverWebhookView.as_view(), name="webhook-recover"),
    path(f"{WEBHOOK}/deliveries", views.DeliveriesView.as_view(), name="webhook-deliveries"),
    path(DELIVERY, views.DeliveryView.as_view(), name="webhook-delivery"),
    path(f"{DELIVERY}/retry", views.RetryDeliveryView.as_view(), name="webhook-delivery-retry"),
]
