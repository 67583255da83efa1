"""What must hold of an agency whatever happened to it at once, asked of the database itself and of the storage."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY

from tests.threads import another_connection

# Each finds what is wrong; nothing, where all is well.
WRONG = {
    "an agency without an owner, or with several": """
        SELECT a.id FROM agencies_agency a LEFT JOIN agents_agent g ON g.agency_id = a.id AND g.is_owner
        WHERE a.id = ANY(%(agencies)s) GROUP BY a.id HAVING count(g.id) <> 1
    """,
    "active agents without an active admin": """
        SELECT agency_id FROM agents_agent WHERE agency_id = ANY(%(agencies)s) AND deactivated_at IS NULL
        GROUP BY agency_id HAVING NOT bool_or(is_admin)
    """,
    "an active agent in a deactivated agency": """
        SELECT g.id FROM agents_agent g JOIN agencies_agency a ON a.id = g.agency_id
        WHERE a.id = ANY(%(agencies)s) AND a.deactivated_at IS NOT NULL AND g.deactivated_at IS NULL
    """,
    "an e-mail address of two active agents of an agency": """
        SELECT lower(email) FROM agents_agent WHERE agency_id = ANY(%(agencies)s) AND deactivated_at IS NULL
        GROUP BY agency_id, lower(email) HAVING count(*) > 1
    """,
    "a slug of two agents": "SELECT slug FROM agents_agent GROUP BY slug HAVING count(*) > 1",
    "a live token of a deactivated agent": """
        SELECT t.id FROM agents_agenttoken t JOIN agents_agent g ON g.id = t.agent_id
        WHERE g.agency_id = ANY(%(agencies)s) AND g.deactivated_at IS NOT NULL AND t.revoked_at IS NULL
    """,
    "an agent with two live tokens": """
        SELECT t.agent_id FROM agents_agenttoken t JOIN agents_agent g ON g.id = t.agent_id
        WHERE g.agency_id = ANY(%(agencies)s) AND t.revoked_at IS NULL GROUP BY t.agent_id HAVING count(*) > 1
    """,
    "an agent whose making nobody recorded": """
        SELECT g.id FROM agents_agent g WHERE g.agency_id = ANY(%(agencies)s) AND (
            SELECT count(*) FROM audit_auditentry e
            WHERE e.target_type = 'agent' AND e.target_id = g.id::text AND e.action = 'agent.create'
        ) <> 1
    """,
    "a client whose changes are not all recorded": """
        SELECT c.id FROM clients_client c JOIN agents_agent g ON g.id = c.agent_id
        WHERE g.agency_id = ANY(%(agencies)s) AND c.revision <> (
            SELECT count(*) FROM audit_auditentry e WHERE e.target_type = 'client' AND e.target_id = c.id::text
            AND e.action IN ('client.create', 'client.update', 'client.reassign')
        )
    """,
    "two events of one revision and type": """
        SELECT object_id FROM webhooks_event WHERE agency_id = ANY(%(agencies)s) AND object_id IS NOT NULL
        GROUP BY object_id, object_revision, type HAVING count(*) > 1
    """,
    "a delivery that waits for a webhook that is disabled or deleted": """
        SELECT d.id FROM webhooks_delivery d JOIN webhooks_subscription s ON s.id = d.subscription_id
        WHERE s.agency_id = ANY(%(agencies)s) AND d.state = 'pending'
        AND (s.status = 'disabled' OR s.deleted_at IS NOT NULL)
    """,
}
FILES = {
    "pictures": """
        SELECT profile_picture FROM agents_agent WHERE agency_id = ANY(%(agencies)s) AND profile_picture <> ''
        UNION ALL SELECT logo FROM agencies_agency WHERE id = ANY(%(agencies)s) AND logo <> ''
    """,
    "declaration-pages": """
        SELECT p.stored_name FROM clients_declarationpage p JOIN clients_submission s ON s.id = p.submission_id
        JOIN clients_client c ON c.id = s.client_id JOIN agents_agent g ON g.id = c.agent_id
        WHERE g.agency_id = ANY(%(agencies)s)
    """,
}


def assert_all_is_well(agencies: Sequence[int], files: Path) -> None:
    """Of these agencies, whose files are all that there are in the folder."""
    asked = {"agencies": list(agencies)}
    with another_connection() as onlooker:
        found = {what: onlooker.execute(query, asked).fetchall() for what, query in WRONG.items()}
        named = {kind: sorted(name for (name,) in onlooker.execute(query, asked)) for kind, query in FILES.items()}
    assert {what: rows for what, rows in found.items() if rows} == {}
    assert {kind: stored(files, kind) for kind in named} == named


def stored(files: Path, kind: str) -> list[str]:
    folder = files / kind
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def outlived() -> float:
    """Deadlocks of this process, after which the act was done again."""
    return REGISTRY.get_sample_value("agency_api_deadlocks_total") or 0


def contents() -> dict[str, Any]:
    """Of every table, as one digest each: what two moments have in common."""
    with another_connection() as onlooker:
        return {table: _digest(onlooker, table) for table in _tables(onlooker)}


def _tables(onlooker: Any) -> Iterable[str]:
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    return sorted(name for (name,) in onlooker.execute(query))


def _digest(onlooker: Any, table: str) -> Any:
    query = f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{table}\" t"  # noqa: S608
    return onlooker.execute(query).fetchone()
