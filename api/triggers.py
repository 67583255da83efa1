"""What migrations make triggers with.

Whoever writes to a table need have no right on what its triggers look up and write: hence SECURITY DEFINER, and a
search path that nobody can put something else into. Nobody else may make triggers of the functions, which is asked when
a trigger is made, and not when it fires.
"""

from django.db.migrations import RunSQL

FUNCTION = """
    CREATE OR REPLACE FUNCTION {name}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp {settings} AS $$
    BEGIN
        {body}
    END $$
"""
TRIGGER = f"""
    {FUNCTION};
    REVOKE EXECUTE ON FUNCTION {{name}}() FROM PUBLIC;
    CREATE TRIGGER {{name}} {{event}} ON {{table}} {{how}} EXECUTE FUNCTION {{name}}()
"""
ROWS = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}


def after(event: str, table: str, name: str, body: str) -> RunSQL:
    """Once after each statement, whose rows `body` finds as `old_rows` and `new_rows`."""
    how = f"REFERENCING {ROWS[event]} FOR EACH STATEMENT"
    return _trigger(name, table, f"AFTER {event}", how, f"{body} RETURN NULL;")


def after_changed(name: str, body: str, *, from_body: str, settings: str) -> RunSQL:
    """What a trigger made by `after` does from then on, with these settings. Locks nothing: whoever is in the middle of
    a statement ends it with the one or the other."""
    new = FUNCTION.format(name=name, body=f"{body} RETURN NULL;", settings=settings)
    return RunSQL(new, FUNCTION.format(name=name, body=f"{from_body} RETURN NULL;", settings=""))


def before(event: str, table: str, name: str, body: str, *, when: str = "true") -> RunSQL:
    """Before each row of which `when` is true: `body` may change NEW, or raise."""
    return _trigger(name, table, f"BEFORE {event}", f"FOR EACH ROW WHEN ({when})", f"{body} RETURN NEW;")


def _trigger(name: str, table: str, event: str, how: str, body: str) -> RunSQL:
    return RunSQL(
        TRIGGER.format(name=name, table=table, event=event, how=how, body=body, settings=""),
        f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}()",
    )
