"""Prints the form that asks for a token, for a new client in the toolkit's own tables."""

import os

import django
import psycopg
from django.core.management import call_command


def main() -> None:
    django.setup()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
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
