"""`POST /oauth/token`: this code, and the OAuth toolkit as it comes, with its default hashing of secrets."""

import os
import subprocess
import sys
from pathlib import Path

from api.principals import Administrator
from bench import contest
from oauth_clients import services


def main(data_dir: Path) -> None:
    print("\nThe token endpoint.")
    client, secret = services.create_client(name="bench", actor=Administrator(user_id=None))
    form = f"grant_type=client_credentials&client_id={client.client_id}&client_secret={secret}"
    mine = {"FORM": form, "RATE_LIMIT_TOKEN": "100000000/m"}
    theirs = {"FORM": _toolkit_client(), "TOKEN_PATH": "/oauth/token/"}
    ours = contest.Contender("this code", "config.wsgi", load=mine)
    usual = contest.Contender(
        "the toolkit, default hashing", "config.wsgi", "bench.toolkit", contest.OWNER, theirs, seconds=10
    )
    contest.run([usual, ours], script="token.lua")
    contest.tell("POST /oauth/token", [usual, ours], [(ours, usual, 300)])


def _toolkit_client() -> str:
    """A client in the toolkit's own tables, in a database beside ours."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "bench.toolkit"}
    made = subprocess.run(
        [sys.executable, "-m", "bench.toolkit_client"], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return made.stdout.strip()
