from django.apps import AppConfig


class ClientsConfig(AppConfig):
    name = "clients"

    def ready(self) -> None:
        from api import metrics
        from clients.metrics import Reading

        metrics.register(Reading())
