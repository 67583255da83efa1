"""`manage.py create_oauth_client NAME [--json]`"""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from api.commands import WithEveryRow
from api.principals import Administrator
from oauth_clients.services import create_client


class Command(WithEveryRow):
    help = "Creates an OAuth client for a partner platform. Its secret is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the partner platform is called")
        parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            client, secret = create_client(name=options["name"], actor=Administrator(user_id=None))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"client_id": client.client_id, "client_secret": secret}))
        else:
            self.stdout.write(f"client_id:     {client.client_id}\nclient_secret: {secret}\n")
            self.stdout.write("Keep the secret now: it is stored as a digest only, and is not shown again.")
