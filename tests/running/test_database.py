"""A database that is restarted, as a server sees it that kept connections to it."""

import os

import pytest
from django.db import connection

from tests.conftest import PartnerSeat

from .conftest import Serve, migrated_database_url

pytestmark = pytest.mark.django_db(transaction=True)
METRICS_TOKEN = "metrics-token-of-a-test-" * 2
END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def test_a_connection_that_the_database_ended_is_nobodys_503(serve: Serve, partner: PartnerSeat) -> None:
    server = serve(migrated_database_url(), os.environ["REDIS_URL"], WEB_THREADS="1", METRICS_TOKEN=METRICS_TOKEN)
    for path, token, shown in (
        ("/v1/agents", partner.token, '"data"'),
        ("/readyz", "", '"database": "ok"'),
        ("/metrics", METRICS_TOKEN, "agency_api_database_up 1.0"),
    ):
        for _ in range(2):
            answer = server.get(path, authorization=f"Bearer {token}")
            assert (answer.status_code, shown in answer.text) == (200, True), path
            with connection.cursor() as cursor:
                cursor.execute(END_OTHERS)
                assert (True,) in cursor.fetchall()
