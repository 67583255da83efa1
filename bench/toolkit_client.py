"""Prints the form that asks for a token, for a new client in the toolkit's own tables."""

import django
import psycopg
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    django.setup()
    database = settings.DATABASES["default"]
    options = {"host": database["HOST"], "port": database["PORT"] or None, "user": database["USER"]}
    with psycopg.connect(dbname="postgres", password=database["PASSWORD"], autocommit=True, **options) as server:
        server.execute("DROP DATABASE IF EXISTS bench_toolkit")
        server.execute("CREATE DATABASE bench_toolkit")
    call_command("migrate", verbosity=0)
    from oauth2_provider.models import Application

    client = Application(
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )
    secret = client.client_secret
    client.save()
    print(f"grant_type=client_credentials&client_id={client.client_id}&client_secret={secret}")


if __name__ == "__main__":
    main()
