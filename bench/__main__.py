"""`python -m bench [NAME…]`: the benchmarks of these names, or all but the large one, on an embedded PostgreSQL and
Valkey of their own, thrown away afterwards."""

import os
import sys
from importlib import import_module
from pathlib import Path

from django.db import connection

from config import embedded

BENCHMARKS = ("agents_list", "tokens", "clients_list", "uploads", "webhooks")
LARGE = ("scale",)


def main(names: list[str]) -> None:
    if unknown := set(names).difference(BENCHMARKS + LARGE):
        sys.exit(f"There is no {min(unknown)}; there are {', '.join(BENCHMARKS + LARGE)}.")
    with embedded.thrown_away("bench", durable=True, LOG_LEVEL="WARNING"):
        for name in names or BENCHMARKS:
            import_module(f"bench.{name}").main(Path(os.environ["DATA_DIR"]))
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
