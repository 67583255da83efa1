import logging

from django.apps import AppConfig


class OauthClientsConfig(AppConfig):
    name = "oauth_clients"
    verbose_name = "Partners"

    def ready(self) -> None:
        """oauthlib writes each new token into its debug lines: they stay off at any LOG_LEVEL."""
        logging.getLogger("oauthlib").setLevel(logging.INFO)
