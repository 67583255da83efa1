"""manage.py create_oauth_client"""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from oauth_clients.models import OAuthClient


def run(*args):
    out = StringIO()
    call_command("create_oauth_client", *args, stdout=out)
    return out.getvalue()


def test_json_is_one_object_whose_credentials_work(db, api):
    created = json.loads(run("Partner", "--json"))
    assert sorted(created) == ["client_id", "client_secret"]
    assert api.post("/oauth/token", {"grant_type": "client_credentials", **created}).status_code == 200
    assert OAuthClient.objects.get().name == "Partner"


def test_people_are_told_that_the_secret_is_shown_once(db, api):
    text = run("Partner")
    assert OAuthClient.objects.get().client_id in text
    assert "not shown again" in text


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a" * 256])
def test_a_bad_name_is_refused(db, name):
    with pytest.raises(CommandError):
        run(name, "--json")
    assert not OAuthClient.objects.exists()
