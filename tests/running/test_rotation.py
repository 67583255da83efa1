"""The service's own secret is replaced, as the runbook says: what was given out goes on working."""

import os
import subprocess
from pathlib import Path

import pytest
import redis
import requests
from django.contrib.auth.models import User

from api import roles
from config import embedded
from config.run import CELERY_WORKER
from oauth_clients.services import create_client
from tests.conftest import COMMAND_LINE
from tests.webhooks.drills.stage import verifies
from tests.webhooks.scripted import receiving

from .conftest import Serve, Server, Start, finish, migrated_database_url, wait_for
from .day import PASSWORD, Browser, Day, declarations

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.drill]
OLD, NEW = {"SECRET_KEY": "old" * 20}, {"SECRET_KEY": "new" * 20}
BOTH = {**NEW, "SECRET_KEY_FALLBACKS": OLD["SECRET_KEY"]}
TRIAL = {"ALLOW_INSECURE_HTTP": "true", "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true"}
WORKER = [*CELERY_WORKER, "--queues", "webhooks", "--concurrency", "1"]


def replaced(serve: Serve, server: Server | None, **settings: str) -> Server:
    """The server, restarted with these."""
    if server:
        stop(server.process)
    return serve(migrated_database_url(), os.environ["REDIS_URL"], **{**TRIAL, **settings})


def stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    process.wait(60)


def logged_in(url: str) -> Browser:
    User.objects.create_superuser("admin", password=PASSWORD)
    browser = Browser(url)
    browser.get("/admin/login/", headers={})
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": browser.session.cookies["csrftoken"]}
    assert browser.post("/admin/login/", {name: [one] for name, one in form.items()}, headers={}).status_code == 302
    return browser


def is_logged_in(browser: Browser) -> bool:
    return browser.get("/admin/", headers={}).status_code == 200


def test_the_secret_key(serve: Serve, start: Start, tmp_path: Path) -> None:
    row, secret = create_client(name="Partner", actor=COMMAND_LINE)
    server = replaced(serve, None, **OLD)
    neighbours = {"DATABASE_URL": migrated_database_url(roles.WORKER), "REDIS_URL": os.environ["REDIS_URL"], **TRIAL}
    with receiving() as receiver:
        day = Day(server.url, row.client_id, secret, receiver.url("/crm"))
        day.begin()
        day.collect()
        browser, link = logged_in(server.url), day.link()

        server = replaced(serve, server, **BOTH)
        assert is_logged_in(browser)
        assert requests.get(link, timeout=60).content == declarations()
        day.change()
        assert finish("manage.py", "reseal_webhook_secrets", **neighbours, **BOTH).returncode == 0

        replaced(serve, server, **NEW)
        assert is_logged_in(browser)  # who came by in between got a session of the new key
        assert requests.get(link, timeout=60).status_code != 200
        day.change()
        start("-m", *WORKER, output=tmp_path / "worker", DATA_DIR=str(tmp_path), **neighbours, **NEW)
        wait_for(lambda: receiver.hits)
        assert any(verifies(receiver.hits[0], one) for one in day.secrets if one.startswith("whsec_"))


def test_the_password_of_valkey(serve: Serve, tmp_path: Path) -> None:
    """It takes both for a while."""
    valkey = embedded.Valkey(tmp_path / "valkey", durable=False)
    valkey.start()
    store = redis.Redis(unix_socket_path=str(valkey.socket))
    try:
        store.execute_command("ACL", "SETUSER", "default", "resetpass", ">old")
        server = served_by(serve, None, valkey, "old")
        store.execute_command("AUTH", "old")
        store.execute_command("ACL", "SETUSER", "default", ">new")
        server = served_by(serve, server, valkey, "new")
        store.execute_command("ACL", "SETUSER", "default", "<old")
        assert counts(server)
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(unix_socket_path=str(valkey.socket), password="old").ping()
    finally:
        store.execute_command("ACL", "SETUSER", "default", "nopass")
        valkey.stop()


def served_by(serve: Serve, before: Server | None, valkey: embedded.Valkey, password: str) -> Server:
    if before:
        stop(before.process)
    server = serve(migrated_database_url(), valkey.url.replace("unix://", f"unix://:{password}@"))
    assert counts(server)
    return server


def counts(server: Server) -> bool:
    """Whether the store counts, and whether it takes what is rung for."""
    checks = server.get("/readyz").json()["checks"]
    first, second = (int(server.get("/v1/agents").headers["X-RateLimit-Remaining"]) for _ in range(2))
    return second < first and {checks["counterStore"], checks["broker"]} == {"ok"}
