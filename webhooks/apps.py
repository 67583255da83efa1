from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"

    def ready(self) -> None:
        from api import metrics
        from webhooks.metrics import Outbox

        metrics.register(Outbox())
