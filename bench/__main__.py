"""`python -m bench`: every benchmark, on an embedded PostgreSQL and Valkey of its own, thrown away afterwards."""

import os
import tempfile
from pathlib import Path

from config import embedded


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data_dir = Path(folder)
        services = embedded.start(data_dir, durable=True)
        try:
            os.environ.update(
                DATABASE_URL=services.database_url,
                REDIS_URL=services.redis_url,
                DATA_DIR=folder,
                SECRET_KEY="bench",
                LOG_LEVEL="WARNING",
                ALLOW_INSECURE_HTTP="true",
                WEBHOOKS_ALLOW_PRIVATE_ADDRESSES="true",
                ALLOWED_HOSTS="127.0.0.1",
                DJANGO_SETTINGS_MODULE="config.settings",
            )
            _measure(data_dir)
        finally:
            services.stop()


def _measure(data_dir: Path) -> None:
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    call_command("migrate", verbosity=0)
    from bench import agents_list, tokens, webhooks

    agents_list.main(data_dir)
    tokens.main()
    webhooks.main(data_dir)
    connection.close()


if __name__ == "__main__":
    main()
