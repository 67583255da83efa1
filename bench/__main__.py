"""`python -m bench [NAME…]`: the benchmarks of these names, or all but the large one, on an embedded PostgreSQL and
Valkey of their own, thrown away afterwards."""

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from config import embedded

BENCHMARKS = ("agents_list", "tokens", "clients_list", "uploads", "webhooks")
LARGE = ("scale",)


def main(names: list[str]) -> None:
    if unknown := set(names).difference(BENCHMARKS + LARGE):
        sys.exit(f"There is no {min(unknown)}; there are {', '.join(BENCHMARKS + LARGE)}.")
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
            _measure(data_dir, names or BENCHMARKS)
        finally:
            services.stop()


def _measure(data_dir: Path, names: list[str] | tuple[str, ...]) -> None:
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    call_command("migrate", verbosity=0)
    for name in names:
        import_module(f"bench.{name}").main(data_dir)
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
