"""Row-level security, as migrations write it down: the roles, and for each table whose rows are whose.

The API acts in one role, which sees of a tenant's table what belongs to the principal that goes with each statement
(api.tenancy). See docs/row-level-security.md.
"""

from collections.abc import Sequence

from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation

from api.roles import ADMIN, API, WORKER


def _number(name: str) -> str:
    """What is set by this name, read once a statement. Unset, empty and whatever is no number are nobody."""
    value = f"current_setting('tenancy.{name}', true)"
    return f"(SELECT CASE WHEN {value} ~ '^[0-9]{{1,18}}$' THEN {value}::bigint END)"


PARTNER, AGENCY = _number("partner"), _number("agency")
ACTOR = "(SELECT nullif(current_setting('tenancy.actor', true), ''))"


def is_reached(agency: str) -> str:
    """Whether this column names an agency of the caller's: one linked to the partner, or the agent's own.

    The value of a subquery, so that it is asked of each row: rows are found by their ids, a page of them. For EXISTS,
    PostgreSQL may make a list of all that the partner is linked to: milliseconds for a large one.
    """
    linked = f"SELECT true FROM oauth_clients_agencylink WHERE oauth_client_id = {PARTNER} AND agency_id = {agency}"  # noqa: S608 - ours
    return f"{agency} = {AGENCY} OR ({linked})"


def roles() -> list[Operation]:
    """The roles, where they are missing: they are the server's, so another database may have made them, or make them
    at this moment. They stay when the migration is undone. Whoever migrates may act in each."""
    create = """
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} {more}; END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
    """
    join = """
        DO $$ BEGIN
            IF NOT pg_has_role({member}, '{role}', '{already}') THEN GRANT {role} TO {grantee}; END IF;
        EXCEPTION WHEN unique_violation THEN NULL; END $$
    """
    # NOINHERIT: what the admin may do, the API may only where it says so, statement by statement.
    made = [create.format(role=role, more="NOINHERIT" if role == API else "") for role in (API, ADMIN, WORKER)]
    # Who made a role may grant it, but has no part in it by that.
    whoever = {"member": "current_user", "grantee": "CURRENT_USER", "already": "USAGE"}
    joined = [join.format(role=role, **whoever) for role in (API, ADMIN, WORKER)]
    joined.append(join.format(role=ADMIN, member=f"'{API}'", grantee=API, already="MEMBER"))
    return [RunSQL([*made, *joined], RunSQL.noop)]


def open_to_all_but_the_api() -> list[Operation]:
    """Admin and worker reach every table, those of later migrations too; the API none that is not named for it."""
    rights, both = "SELECT, INSERT, UPDATE, DELETE", f"{ADMIN}, {WORKER}"
    default = "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
    return [
        RunSQL(
            [
                f"GRANT USAGE ON SCHEMA public TO {API}, {both}",
                f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {both}",
                f"{default} GRANT {rights} ON TABLES TO {both}",
            ],
            [
                f"{default} REVOKE {rights} ON TABLES FROM {both}",
                f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {both}",
                f"REVOKE USAGE ON SCHEMA public FROM {API}, {both}",
            ],
        )
    ]


def protected(table: str, rows: str, rights: str, *, written: str | None = None) -> list[Operation]:
    """A tenant's table: the API has these rights on these rows, and on `written` ones where those it may leave behind
    differ. Security is turned on last, when everything that it asks for is there; so no transaction is needed, and no
    lock is held for longer than a moment."""
    check = f" WITH CHECK ({written})" if written else ""
    return [
        RunSQL(
            [
                f"GRANT {rights} ON {table} TO {API}",
                f"DROP POLICY IF EXISTS everything ON {table}",
                f"CREATE POLICY everything ON {table} TO {ADMIN}, {WORKER} USING (true)",
                f"DROP POLICY IF EXISTS of_caller ON {table}",
                f"CREATE POLICY of_caller ON {table} TO {API} USING ({rows}){check}",
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            ],
            [
                f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY",
                f"DROP POLICY IF EXISTS of_caller ON {table}",
                f"DROP POLICY IF EXISTS everything ON {table}",
                f"REVOKE ALL ON {table} FROM {API}",
            ],
        )
    ]


def readable(table: str) -> list[Operation]:
    """The platform's own table, which holds nothing of a tenant's."""
    return [RunSQL(f"GRANT SELECT ON {table} TO {API}", f"REVOKE ALL ON {table} FROM {API}")]


def function(signature: str, returns: str, body: str, *, to: Sequence[str]) -> list[Operation]:
    """A function that does, as the owner of the tables, the one thing that these roles may not do by themselves.

    `signature` is its name with the types of what it takes, which the body calls $1, $2 and so on.
    """
    as_owner = "SECURITY DEFINER SET search_path = public, pg_temp"
    return [
        RunSQL(
            [
                f"CREATE OR REPLACE FUNCTION {signature} RETURNS {returns} {as_owner} AS $body${body}$body$",
                f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC",
                f"GRANT EXECUTE ON FUNCTION {signature} TO {', '.join(to)}",
            ],
            [f"DROP FUNCTION {signature}"],
        )
    ]
