"""The alarms of docs/alarms.yml: told in the runbook, about what `/metrics` shows, and heard when they should be."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from .conftest import ROOT, Serve, migrated_database_url

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "metrics-token-" + "0123456789abcdef" * 2
RULES = yaml.safe_load((ROOT / "docs/alarms.yml").read_text())["groups"][0]["rules"]
ALARMS: dict[str, str] = {rule["alert"]: rule["expr"] for rule in RULES}
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
TOLD = dict(re.findall(r"^\| (\w+) \| `([^`]+)` \|", RUNBOOK, re.MULTILINE))
SELECTOR = re.compile(r"(agency_api_\w+)(?:\{(\w+)=\"([^\"]+)\"\})?")
STEPS = 40
"""Scrapes, 15 seconds apart, before an alarm is looked for."""
HEARD = {
    "DatabaseAway": ("1", "0"),
    "ServerErrors": ("0", "1"),
    "Refusing": ("0+1", "0+2"),  # 1.5 would be one in ten seconds
    "CounterStoreAway": ("0", "1"),
    "BrokerAway": ("0", "1"),
    "Deadlocks": ("0", "11"),
    "DeliveriesLate": ("60", "61"),
    "OutboxDeep": ("99999", "100000"),
    "ManyWebhooksFail": ("20", "21"),
    "ReadingLate": ("900", "901"),
    "LimitsHit": ("0+14", "0+16"),  # 15 would be one a second
}
"""The values between which it lies. A counter grows once, or by so many at each scrape."""


@pytest.fixture
def shown(serve: Serve) -> list[Any]:
    """What a new server shows, one of whose callers has guessed too often."""
    settings = {"METRICS_TOKEN": TOKEN, "RATE_LIMIT_ADDRESS": "1/m", "WEB_CONCURRENCY": "2"}
    server = serve(migrated_database_url(), os.environ["REDIS_URL"], **settings)
    assert [server.get("/v1/agents").status_code for _ in range(2)] == [401, 429]
    answer = server.get("/metrics", Authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    return list(text_string_to_metric_families(answer.text))


def series_of(expression: str, shown: list[Any]) -> list[tuple[str, dict[str, str]]]:
    """Name and labels of each that the expression asks for."""
    found = SELECTOR.search(expression)
    assert found
    name, label, value = found.groups()
    samples = [sample for family in shown for sample in family.samples if sample.name == name]
    return [(name, one.labels) for one in samples if label is None or one.labels.get(label) == value]


def test_the_runbook_tells_what_each_means() -> None:
    assert TOLD == ALARMS


def test_what_they_ask_for_is_shown_from_the_start(shown: list[Any]) -> None:
    """A series that begins with its first error has not grown, and nobody hears of it."""
    assert [alarm for alarm, expression in ALARMS.items() if not series_of(expression, shown)] == []
    names = {family.name for family in shown} | {sample.name for family in shown for sample in family.samples}
    assert {name.rstrip("_") for name in re.findall(r"agency_api_\w+[a-z]", RUNBOOK)} - names <= {
        "agency_api_webhook", "agency_api_reading",
    }  # fmt: skip


@pytest.mark.drill
def test_they_are_heard_when_they_should_be_and_not_before(shown: list[Any], tmp_path: Path) -> None:
    """By Prometheus' own test of rules, with the series of two servers, of which one is in trouble."""
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: it comes with Debian's package prometheus"
    shutil.copy(ROOT / "docs/alarms.yml", tmp_path)
    tests = [trial(alarm, shown, loud=loud) for alarm in ALARMS for loud in (True, False)]
    (tmp_path / "tests.yml").write_text(
        yaml.safe_dump({"rule_files": ["alarms.yml"], "evaluation_interval": "15s", "tests": tests})
    )
    for command in (["check", "rules", "alarms.yml"], ["test", "rules", "tests.yml"]):
        ended = subprocess.run(
            [promtool, *command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def trial(alarm: str, shown: list[Any], *, loud: bool) -> dict[str, Any]:
    quiet, trouble = HEARD[alarm]
    series = series_of(ALARMS[alarm], shown)
    assert series, alarm
    rest = quiet.partition("+")[0]
    values = {"a": over_time(rest, rest), "b": over_time(quiet, trouble if loud else quiet)}
    grouped = [{"exp_labels": {"group": labels["group"]} if "group" in labels else {}} for _, labels in series]
    return {
        "name": f"{alarm} {'loud' if loud else 'quiet'}",
        "interval": "15s",
        "input_series": [
            {"series": written(name, {**labels, "instance": instance}), "values": of_instance}
            for name, labels in series
            for instance, of_instance in values.items()
        ],
        "alert_rule_test": [
            {"eval_time": f"{STEPS * 15}s", "alertname": alarm, "exp_alerts": grouped[:1] if loud else []}
        ],
    }


def over_time(before: str, after: str) -> str:
    """As promtool writes what is scraped: half of the time the one, then the other; or it grows all the time."""
    if "+" in after:
        return f"{after}x{STEPS}"
    return f"{before}x{STEPS - 10} {after}x{10}"


def written(name: str, labels: dict[str, str]) -> str:
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
