"""Migrations run while the release before serves: none holds up a table that is in use, or takes away what is read."""

import re

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

OURS = {"api", "audit", "webhooks", "oauth_clients", "agents", "agencies", "clients"}
REFUSED = {
    r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)": "an index holds up writes while it is built: api.indexes",
    r"ADD CONSTRAINT (?!.*NOT VALID)": "every row is read under a lock: NOT VALID, then VALIDATE CONSTRAINT",
    r"ALTER COLUMN .* (TYPE|SET NOT NULL)": "every row is read or written under a lock",
    r"DROP COLUMN|DROP TABLE|RENAME": "the release before still reads it: let go of it a release later",
}
"""What a statement on a table that is there already may not do, and why."""
BODY = re.compile(r"(\bFUNCTION\b[^$]*)\$(\w*)\$.*?\$\2\$", re.DOTALL)
"""Of a function that is created: nothing of it happens now."""


def faults(statements: list[str]) -> list[str]:
    """What is wrong with these; what a table that they make themselves goes through does not count."""
    new = {name for one in statements for name in re.findall(r'^CREATE TABLE "?(\w+)', one)}
    return [
        f"{one}: {why}"
        for one in (BODY.sub(r"\1''", statement) for statement in statements)
        if _table(one) not in new
        for form, why in REFUSED.items()
        if re.search(form, one)
    ]


def _table(statement: str) -> str:
    found = re.search(r'(?:ALTER TABLE|DROP TABLE| ON) (?:IF EXISTS |ONLY )*"?(\w+)', statement)
    return found[1] if found else ""


@pytest.mark.django_db(transaction=True)  # where there is a transaction, no index is built CONCURRENTLY
def test_none_holds_up_a_table_that_is_in_use() -> None:
    loader = MigrationLoader(connection)
    found = {}
    for key in loader.graph.nodes:
        if key[0] in OURS:
            plan = [(loader.graph.nodes[key], False)]
            found[key] = faults(loader.collect_sql(plan))
    assert {key for key in found if key[1].startswith("0001")} >= {(app, "0001_initial") for app in OURS}
    assert {key: wrong for key, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX "i" ON "agents_agent" ("email");',
        'CREATE UNIQUE INDEX "i" ON "agents_agent" ("email") WHERE "x" IS NULL;',
        'ALTER TABLE "agents_agent" ADD CONSTRAINT "c" CHECK ("id" > 0);',
        'ALTER TABLE "agents_agent" ALTER COLUMN "id" TYPE bigint USING "id"::bigint;',
        'ALTER TABLE "agents_agent" ALTER COLUMN "email" SET NOT NULL;',
        'ALTER TABLE "agents_agent" DROP COLUMN "email" CASCADE;',
        'ALTER TABLE "agents_agent" RENAME COLUMN "email" TO "mail";',
        'DROP TABLE "agents_agent" CASCADE;',
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$; DROP TABLE agents_agent;",
        "DO $$ BEGIN DROP TABLE agents_agent; END $$;",
    ],
)
def test_what_would_is_seen(statement: str) -> None:
    assert len(faults([statement])) == 1


@pytest.mark.parametrize(
    "statements",
    [
        [
            'CREATE TABLE "new" ("id" bigint);',
            'CREATE INDEX "i" ON "new" ("id");',
            'ALTER TABLE "new" ADD CONSTRAINT "c" CHECK (true);',
        ],
        ['CREATE INDEX CONCURRENTLY "i" ON "agents_agent" ("email");'],
        ["CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $body$ DROP TABLE agents_agent $body$;"],
        [
            'ALTER TABLE "agents_agent" ADD COLUMN "x" integer DEFAULT 0 NOT NULL;',
            'ALTER TABLE "agents_agent" ALTER COLUMN "x" DROP DEFAULT;',
        ],
        [
            'ALTER TABLE "agents_agent" ADD CONSTRAINT "c" CHECK ("id" > 0) NOT VALID;',
            'ALTER TABLE "agents_agent" VALIDATE CONSTRAINT "c";',
        ],
    ],
)
def test_what_would_not_is_let_pass(statements: list[str]) -> None:
    assert faults(statements) == []
