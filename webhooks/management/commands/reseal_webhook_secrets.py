"""`manage.py reseal_webhook_secrets`"""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import CommandError
from django.http import Http404

from api.commands import WithEveryRow
from api.principals import Administrator
from webhooks.models import Subscription
from webhooks.services.subscriptions import reseal_secrets


class Command(WithEveryRow):
    help = "Encrypts every signing secret anew with the first of WEBHOOK_SECRET_KEYS: then the others can be dropped."

    def handle(self, *args: Any, **options: Any) -> None:
        resealed, unreadable = 0, []
        for subscription in Subscription.objects.kept().only("pk").order_by("pk"):
            try:
                reseal_secrets(actor=Administrator(user_id=None), subscription=subscription)
            except Http404:
                continue  # deleted meanwhile, and its secrets with it
            except InvalidToken:
                unreadable.append(str(subscription.pk))
            else:
                resealed += 1
        self.stdout.write(f"{resealed} webhooks have their secrets sealed with the first key.")
        if unreadable:
            raise CommandError(
                "No key opens the secrets of these; put the key back, or rotate them: " + ", ".join(unreadable)
            )
