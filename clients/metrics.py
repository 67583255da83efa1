"""What Prometheus is told of declaration pages that wait to be read."""

from collections.abc import Iterator

from django.db import connection
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# The state is written out, for PostgreSQL to see that there is an index of those that wait.
OLDEST = """
    SELECT coalesce(extract(epoch FROM now() - min(uploaded_at)), 0)::float8
    FROM clients_declarationpage WHERE reading = 'pending'
"""


class Reading(Collector):
    def collect(self) -> Iterator[Metric]:
        with connection.cursor() as cursor:
            cursor.execute(OLDEST)
            [oldest] = cursor.fetchone()
        yield GaugeMetricFamily("agency_api_reading_oldest_seconds", "How long the oldest unread page waits", oldest)
