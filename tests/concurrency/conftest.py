import os
from pathlib import Path

import pytest

from tests.admin import conftest as admin
from tests.clients import conftest as clients
from tests.running import conftest as running
from tests.running.conftest import Serve, Server, migrated_database_url
from tests.webhooks import conftest as webhooks

client_seat, submission, page, visitor = clients.client_seat, clients.submission, clients.page, clients.visitor
webhook, receiver = webhooks.webhook, webhooks.receiver
desk, desk_of = admin.desk, admin.desk_of
start, port, serve = running.start, running.port, running.serve
PLENTY = {f"RATE_LIMIT_{name}": "1000000/m" for name in ("CREDENTIAL", "TOKEN", "ADDRESS")}
TRIAL = {**PLENTY, "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true"}


@pytest.fixture
def server(serve: Serve, stored_files: Path) -> Server:
    """Its files are where this process has them."""
    (stored_files / "media").symlink_to(stored_files)
    return serve(migrated_database_url(), os.environ["REDIS_URL"], **TRIAL)
