"""Secrets are replaced as the runbook says: what was given out goes on working, and callers notice nothing."""

import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis
import requests
from botocore.exceptions import ClientError
from django.contrib.auth.models import User

from api import roles
from config import embedded
from config.run import CELERY_WORKER
from oauth_clients.services import create_client
from tests.conftest import COMMAND_LINE
from tests.webhooks.drills.stage import verifies
from tests.webhooks.scripted import receiving

from . import object_store
from .conftest import OWNER, ROOT, Serve, Server, Site, Start, finish, migrated_database_url, wait_for
from .day import PASSWORD, Browser, Day, declarations
from .traffic import calling

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.drill]
OLD, NEW = {"SECRET_KEY": "old" * 20}, {"SECRET_KEY": "new" * 20}
BOTH = {**NEW, "SECRET_KEY_FALLBACKS": OLD["SECRET_KEY"]}
TRIAL = {"ALLOW_INSECURE_HTTP": "true", "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true"}
UNCOUNTED = {"RATE_LIMIT_CREDENTIAL": "1000000/m"}
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


TOLD_LOGINS = re.findall(r"```sql\n(ALTER ROLE .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
TOLD_SECTION = (ROOT / "docs/runbook.md").read_text().partition("**The database's passwords.**")[2]
TOLD_TURNS = re.findall(r"```sql\n(.*?)```", TOLD_SECTION, re.DOTALL)[:2]


def test_the_passwords_of_the_database(site: Site, serve: Serve, start: Start, tmp_path: Path) -> None:
    """Each request connects anew: it would meet a moment in which its server's login is refused."""
    [first_logins], [second_logins, first_off] = TOLD_LOGINS, TOLD_TURNS
    site.migrate()
    site.asked(OWNER, first_logins.replace("…", "old"))
    client_id, secret = re.findall(
        r"client_(?:id|secret)\W+(\S+)", site.finish("manage.py", "create_oauth_client", "Partner")
    )
    ask_for_passwords(site)
    settings = {**OLD, **TRIAL, **UNCOUNTED, "DATABASE_CONN_MAX_AGE": "0"}

    def worker(login: str, password: str) -> "subprocess.Popen[str]":
        facts = {"DATABASE_URL": site.url_of(login, password), "REDIS_URL": site.services.redis_url, **OLD, **TRIAL}
        return start("-m", *WORKER, output=tmp_path / login, DATA_DIR=str(tmp_path), **facts)

    server = serve(site.url_of(roles.API, "old"), site.services.redis_url, **settings)
    working = worker(roles.WORKER, "old")
    with receiving() as receiver:
        day = Day(server.url, client_id, secret, receiver.url("/crm"))
        day.begin()
        day.collect()

        def act(url: str) -> None:
            day.url = url
            day.change()
            assert len(day.data("GET", "/v1/agents", token=day.partner)) == 4

        with calling(server, act) as traffic:
            site.asked(OWNER, second_logins.replace("…", "new"))
            traffic.roll(serve, site.url_of("agency_api_b", "new"), site.services.redis_url, **settings)
            stop(working)
            worker("agency_worker_b", "new")
            in_use = site.administer("SELECT DISTINCT usename FROM pg_stat_activity WHERE usename IS NOT NULL")
            assert not {(roles.API,), (roles.WORKER,)} & set(in_use)
            site.asked(OWNER, first_off)
        wait_for(lambda: site.administer("SELECT id FROM webhooks_delivery WHERE state <> 'delivered'") == [], 60)
        assert len({hit.id for hit in receiver.hits}) > traffic.rounds
    for login in (roles.API, roles.WORKER):
        with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
            psycopg.connect(site.url_of(login, "old"))


def ask_for_passwords(site: Site) -> None:
    hba = site.services.postgres.data_dir / "pg_hba.conf"
    hba.write_text(f"local all postgres,{OWNER} trust\nlocal all all scram-sha-256\n")
    site.administer("SELECT pg_reload_conf()")
    wait_for(lambda: refused(site.url_of(roles.API, "wrong")))


def refused(database_url: str) -> bool:
    try:
        psycopg.connect(database_url).close()
    except psycopg.OperationalError:
        return True
    return False


def test_the_keys_of_the_object_store(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with object_store.running(tmp_path / "store") as store:
        row, secret = create_client(name="Partner", actor=COMMAND_LINE)
        neighbours = (migrated_database_url(), os.environ["REDIS_URL"])
        settings = {**OLD, **TRIAL, **UNCOUNTED}
        server = serve(*neighbours, **settings, **object_store.settings_for(store.port))
        day = Day(server.url, row.client_id, secret, "https://hooks.example.com/")
        day.begin()
        day.collect()

        def act(url: str) -> None:
            day.url = url
            begun = {"insurance_types": ["auto"], "answers": {}}  # a new one: the pages of each are bounded
            submission = day.data("POST", f"{day.client}/submissions", token=day.token, json=begun)["uuid"]
            day.submission = f"{day.client}/submissions/{submission}"
            day.page = f"{day.submission}/declaration-pages/{day.upload()['uuid']}"
            assert requests.get(day.link(), timeout=30).content == declarations()

        old, new = (object_store.KEY, object_store.SECRET), ("new-key", "new-secret")
        with calling(server, act) as traffic:
            store.take(dict([old, new]))
            wait_for(lambda: takes(store.port, *new))
            traffic.roll(serve, *neighbours, **settings, **object_store.settings_for(store.port, *new))
            store.take(dict([new]))
            wait_for(lambda: not takes(store.port, *old))


def takes(port: int, key: str, secret: str) -> bool:
    try:
        object_store.client_of(port, key, secret).list_objects_v2(Bucket=object_store.BUCKET)
    except ClientError:
        return False
    return True


def test_the_token_of_the_metrics(serve: Serve) -> None:
    old, new = "old-token-" * 4, "new-token-" * 4
    neighbours = (migrated_database_url(), os.environ["REDIS_URL"])
    told = [old]

    def scrape(url: str) -> int:
        return requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {told[-1]}"}, timeout=30).status_code

    def act(url: str) -> None:
        assert scrape(url) == 200

    with calling(serve(*neighbours, METRICS_TOKEN=old), act) as traffic:
        traffic.roll(serve, *neighbours, METRICS_TOKEN=f"{old},{new}")
        told.append(new)
        traffic.roll(serve, *neighbours, METRICS_TOKEN=new)
    told.append(old)
    assert scrape(traffic.server.url) == 401
