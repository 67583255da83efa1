"""The second lock: with the first one taken away, the database itself shows and takes nothing of another tenant's."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, models, transaction
from django.utils import timezone

from agencies.models import Agency
from agencies.serializers import AGENCIES
from agents.models import Agent, AgentLink
from agents.serializers import AGENTS
from api import pagination
from api.models import IdempotentAnswer, Total
from api.principals import AgentPrincipal, ApiPrincipal, Partner, Principal
from api.roles import ADMIN, API, WORKER
from api.statements import LISTED
from api.tenancy import Standing, acting_as, acting_for, standing_as
from audit.models import AuditEntry
from clients.models import Client
from oauth_clients.models import AgencyLink, OAuthClient
from tests import test_permission_matrix as matrix
from tests.conftest import Api
from tests.factories import agencies_of_client, agents_of_agency
from tests.scans import plan_of, scans_counted
from tests.test_permission_matrix import ROWS, WITH_ID, WITH_UUID, Row, World
from webhooks import partitions
from webhooks.models import Attempt
from webhooks.services import upkeep

world = matrix.world
OURS = ("agencies", "agents", "api", "audit", "clients", "oauth_clients", "webhooks")


def points_at(model: type[models.Model]) -> Iterator[type[models.Model]]:
    return (field.related_model for field in model._meta.concrete_fields if field.related_model)


def tenants_models() -> list[type[models.Model]]:
    """Every model that leads to an agency, so that a new one cannot be left out; and the three that lead nowhere."""
    found = {Agency, AuditEntry, IdempotentAnswer, Total}
    all_models = [model for app in OURS for model in apps.get_app_config(app).get_models()]
    while more := {one for one in all_models if found.intersection(points_at(one))} - found:
        found |= more
    return sorted(found, key=lambda model: model._meta.db_table)


TENANTS = tenants_models()
TABLES = [model._meta.db_table for model in TENANTS]
READABLE = {"clients_questionset", "clients_question"}
"""The platform's own, which every agent may read."""


def asked(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


# --- what stands in the database ----------------------------------------------------------------------

RIGHTS = """
    SELECT c.relname, c.relispartition, c.relrowsecurity AND c.relforcerowsecurity, ARRAY(
        SELECT DISTINCT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) privilege
        WHERE has_any_column_privilege(%s, c.oid, privilege)
        UNION SELECT privilege FROM unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER']) privilege
        WHERE has_table_privilege(%s, c.oid, privilege)
    )
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""


def test_every_tenants_table_is_locked(db: None) -> None:
    locked = {name for name, _, is_locked, _ in asked(RIGHTS, API, API) if is_locked}
    assert locked == set(TABLES)


def test_the_api_has_rights_on_nothing_else(db: None) -> None:
    """A new table fails here until a migration says whose its rows are (api.policies)."""
    rights = {name: set(held) for name, _, _, held in asked(RIGHTS, API, API) if held}
    assert {name for name in rights if name not in TABLES} == READABLE
    assert all(rights[name] == {"SELECT"} for name in READABLE)
    assert not any(held & {"TRUNCATE", "TRIGGER", "REFERENCES"} for held in rights.values())


@pytest.mark.parametrize("role", [API, ADMIN, WORKER])
def test_the_audit_trail_is_added_to_and_not_rewritten(db: None, role: str) -> None:
    [held] = [set(held) for name, _, _, held in asked(RIGHTS, role, role) if name == "audit_auditentry"]
    assert held == {"SELECT", "INSERT"}


def test_a_worker_has_no_part_in_administrators_logins(db: None) -> None:
    rights = {name: held for name, _, _, held in asked(RIGHTS, WORKER, WORKER) if held}
    assert [name for name in rights if name.startswith(("auth_", "django_admin"))] == []
    assert asked(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'django_session'::regclass AND attnum > 0"
        " AND has_column_privilege(%s, attrelid, attnum, 'SELECT')",
        WORKER,
    ) == [("expire_date",)]


def test_nor_on_a_month_by_itself(db: None) -> None:
    months = [(name, held) for name, is_month, _, held in asked(RIGHTS, API, API) if is_month]
    assert len(months) >= 2 * partitions.MONTHS_AHEAD
    assert not any(held for _, held in months)


def test_each_locked_table_asks_the_api_whose_rows(db: None) -> None:
    policies = asked("SELECT tablename, policyname, roles::text[], cmd, qual FROM pg_policies ORDER BY 1, 2")
    assert {(table, name, *roles) for table, name, roles, _, _ in policies} == {
        *((table, "everything", ADMIN, WORKER) for table in TABLES),
        *((table, "of_caller", API) for table in TABLES),
    }
    assert {command for _, _, _, command, _ in policies} == {"ALL"}
    assert not [table for table, name, _, _, qual in policies if name == "of_caller" and qual == "true"]


@pytest.mark.parametrize("role", [API, ADMIN, WORKER])
def test_the_roles_are_no_more_than_roles(db: None, role: str) -> None:
    [powers] = asked(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = %s",
        role,
    )
    assert powers == (False,) * 5
    assert asked("SELECT relname FROM pg_class WHERE relowner = %s::regrole", role) == []
    assert asked("SELECT proname FROM pg_proc WHERE proowner = %s::regrole", role) == []
    [(may_create,)] = asked("SELECT has_schema_privilege(%s, 'public', 'CREATE')", role)
    assert not may_create


def test_the_api_has_the_admins_rights_only_where_it_says_so(db: None) -> None:
    others = asked(
        "SELECT rolname, pg_has_role(%s, oid, 'USAGE'), pg_has_role(%s, oid, 'MEMBER') FROM pg_roles", API, API
    )
    assert {name for name, inherits, _ in others if inherits} == {API}
    assert {name for name, _, member in others if member} == {API, ADMIN}


@pytest.mark.parametrize("role", [API, ADMIN, WORKER])
def test_what_triggers_do_as_the_owner_is_no_trigger_of_anybody_elses(db: None, role: str) -> None:
    functions = [
        f"{one}()"
        for (one,) in asked("SELECT proname FROM pg_proc WHERE prosecdef AND prorettype = 'trigger'::regtype")
    ]
    assert "agents_agent_total_insert()" in functions
    assert [
        one for one in functions if asked("SELECT has_function_privilege(%s, %s, 'EXECUTE')", role, one)[0][0]
    ] == []
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
        cursor.execute(
            "CREATE TEMPORARY TABLE mine (id bigint, agency_id bigint, deactivated_at timestamptz) ON COMMIT DROP"
        )
        with pytest.raises(ProgrammingError, match="permission denied for function"):
            cursor.execute(
                "CREATE TRIGGER counted AFTER INSERT ON mine REFERENCING NEW TABLE AS new_rows"
                " FOR EACH STATEMENT EXECUTE FUNCTION agents_agent_total_insert()"
            )


def test_what_is_done_as_the_owner_is_told_by_name(db: None) -> None:
    """And may be done by nobody in general; with a search path that no caller sets."""
    of_roles = {
        role: {
            name
            for (name,) in asked(
                "SELECT proname FROM pg_proc WHERE prosecdef AND prorettype <> 'trigger'::regtype"
                " AND has_function_privilege(%s, oid, 'EXECUTE')",
                role,
            )
        }
        for role in (API, ADMIN, WORKER)
    }
    assert of_roles == {
        API: {
            "agent_of_token", "partner_of_token", "agency_founded", "slugs_taken", "agents_with_email",
            "clients_with_words",
        },
        ADMIN: {"agent_of_token", "slugs_taken"},
        WORKER: {"partition_added", "partition_dropped"},
    }  # fmt: skip
    settings = [config for (config,) in asked("SELECT proconfig FROM pg_proc WHERE prosecdef")]
    assert all("search_path=public, pg_temp" in config for config in settings)


# --- nobody -------------------------------------------------------------------------------------------


def rows_seen(model: type[models.Model]) -> int:
    """As many as there are for whoever stands there; none where there is no right to look at all."""
    try:
        with transaction.atomic():
            return len(model._base_manager.values_list("pk"))
    except ProgrammingError as refusal:
        if "permission denied" not in str(refusal):
            raise
        return 0


@pytest.mark.django_db
@pytest.mark.parametrize("model", TENANTS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("number", ["", "0", "-1", "abc", "1 OR true", "9" * 40, "1.0", " 1", "{1}", "\u0661"])
def test_who_is_nobody_sees_nothing(attacked: World, model: type[models.Model], number: str) -> None:
    assert rows_seen(model)
    with standing_as(Standing(API, number, number, number)):
        assert not rows_seen(model)


@pytest.mark.django_db
def test_nobody_writes_nothing(world: World) -> None:
    with acting_as(API):
        assert Agent.objects.update(first_name="Mallory") == 0
        assert Client._base_manager.all().delete()[0] == 0
        with pytest.raises(DatabaseError), transaction.atomic():
            asked("SELECT * FROM agency_founded('Mine', '', '000000')")
    assert not Agency.objects.filter(name="Mine").exists()


# --- without the filters ------------------------------------------------------------------------------

FILTERS = sorted(
    {type(model._default_manager.all()) for model in TENANTS if hasattr(model._default_manager.all(), "visible_to")},
    key=lambda queryset: queryset.__name__,
)
INDEXES = {listing: listing.index for listing in (AGENCIES, AGENTS)}
LINK = "linkDeclarationPage"
READS = [row for row in ROWS if row.method == "GET"]
FOREIGN = ("foreign partner", "foreign agent")


@pytest.fixture
def no_filters(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Takes the first lock away: what a caller may see is everything."""

    def take_away() -> None:
        for queryset in FILTERS:
            monkeypatch.setattr(queryset, "visible_to", lambda self, _: self.all())
        for listing, index in INDEXES.items():
            object.__setattr__(listing, "index", everything_in(index))
        pagination._kept.cache_clear()

    yield take_away
    for listing, index in INDEXES.items():
        object.__setattr__(listing, "index", index)
    pagination._kept.cache_clear()


def everything_in(index: Callable[[ApiPrincipal], models.QuerySet[Any]]) -> Callable[[ApiPrincipal], Any]:
    """What a list is read from, of whomever."""

    def of_all(principal: ApiPrincipal) -> models.QuerySet[Any]:
        narrowed = index(principal)
        column = narrowed.query.annotations[LISTED].target.attname
        return narrowed.model._default_manager.annotate(**{LISTED: models.F(column)})

    return of_all


def path_to_agency(model: type[models.Model]) -> str:
    if model in (Agency, AuditEntry):
        return "pk" if model is Agency else "agency_id"
    field = next(one for one in model._meta.concrete_fields if one.related_model in TENANTS)
    return f"{field.name}__{path_to_agency(field.related_model)}".removesuffix("__pk")


def rows_of(world: World, model: type[models.Model]) -> models.QuerySet[Any]:
    """Of our agency, which is here the one that is attacked."""
    if model is IdempotentAnswer:
        return model._base_manager.filter(actor=f"agent:{world.ids['agent']}")
    if model is Total:
        return model._base_manager.filter(listed="clients_client", owner=world.ids["agent"])
    return model._base_manager.filter(**{path_to_agency(model): world.ids["agency"]})


def all_of(world: World) -> dict[str, list[tuple[Any, ...]]]:
    return {model.__name__: list(rows_of(world, model).order_by("pk").values_list()) for model in TENANTS}


def test_there_are_filters_to_take_away() -> None:
    assert {one.__name__ for one in FILTERS} >= {
        "AgencyQuerySet", "AgentQuerySet", "ClientQuerySet", "SubmissionQuerySet", "DeclarationPageQuerySet",
        "SubscriptionQuerySet", "DeliveryQuerySet",
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("caller", ["partner", "foreign partner", "agent", "admin agent", "foreign agent"])
@pytest.mark.parametrize("row", READS, ids=str)
def test_what_is_read_is_the_same(
    api: Api,
    world: World,
    no_filters: Callable[[], None],
    row: Row,
    caller: str,
) -> None:
    """Byte by byte: rows, totals and refusals."""
    with_filters = row.sent(api, world.ids, token=world.tokens[caller], x_request_id="same")
    no_filters()
    without = row.sent(api, world.ids, token=world.tokens[caller], x_request_id="same")
    assert without.status_code == with_filters.status_code
    assert without.content == with_filters.content or row.endpoint.operation.name == LINK  # which holds the time


@pytest.mark.django_db
@pytest.mark.parametrize("caller", FOREIGN)
@pytest.mark.parametrize("row", [row for row in ROWS if row.method != "GET"], ids=str)
def test_nothing_foreign_is_written(
    api: Api,
    world: World,
    no_filters: Callable[[], None],
    row: Row,
    caller: str,
) -> None:
    before = all_of(world)
    no_filters()
    assert row.sent(api, world.ids, token=world.tokens[caller]).status_code == row.statuses[caller]
    assert all_of(world) == before


@pytest.mark.django_db
@pytest.mark.parametrize("row", WITH_ID, ids=str)
def test_nor_are_foreign_ids_told_apart(
    api: Api,
    world: World,
    no_filters: Callable[[], None],
    row: Row,
) -> None:
    no_filters()
    matrix.test_foreign_and_absent_ids_are_told_apart_by_nobody(api, world, row)


@pytest.mark.django_db
@pytest.mark.parametrize("row", WITH_UUID, ids=str)
def test_nor_are_foreign_uuids(
    api: Api,
    world: World,
    no_filters: Callable[[], None],
    row: Row,
) -> None:
    no_filters()
    matrix.test_nor_are_uuids(api, world, row, "admin agent")


# --- statements that no endpoint sends ----------------------------------------------------------------


@pytest.fixture(scope="module")
def attacked(world: World) -> World:
    """With a row in each table, of both agencies; for all tests from here on."""
    api = Api()
    for ids, caller in ((world.ids, "agent"), (world.foreign, "foreign agent")):
        answer = api.post("/v1/client", token=world.tokens[caller], json=matrix.CLIENT, idempotency_key="once")
        assert answer.status_code == 201
        Attempt.objects.create(
            delivery_id=ids["delivery"], number=1, started_at=timezone.now(), duration_ms=1, answer=b"private"
        )
    assert all(all_of(world).values())
    return world


def intruder(world: World, caller: str) -> Principal:
    if caller == "foreign partner":
        row = OAuthClient.objects.get(name="Foreign partner")
        return Partner(row.pk, row.client_id, token_pk=0)
    return AgentPrincipal(world.foreign["agent"], world.foreign["agency"], is_admin=True, token_pk=0)


def refused(act: Callable[[], Any]) -> bool:
    """Whether it does nothing, by PostgreSQL's own word. What a constraint refuses instead tells that it is there."""
    try:
        with transaction.atomic():
            return not act()
    except (ProgrammingError, IntegrityError) as refusal:
        if not re.search("permission denied|row-level security|stays in its agency", str(refusal)):
            raise
        return True


@pytest.mark.django_db
@pytest.mark.parametrize("caller", FOREIGN)
@pytest.mark.parametrize("model", TENANTS, ids=lambda model: model.__name__)
def test_no_statement_reaches_a_foreign_row(attacked: World, model: type[models.Model], caller: str) -> None:
    theirs = rows_of(attacked, model)
    row, before = theirs.first(), all_of(attacked)
    copy = model(**{field.attname: getattr(row, field.attname) for field in model._meta.concrete_fields})
    if model is not AgentLink:  # whose key is what it ties together
        copy.pk = model._meta.pk.get_default() if model is not IdempotentAnswer else b"another"
    unchanged = {name: value for name, value in vars(row).items() if name not in ("_state", model._meta.pk.attname)}
    with acting_for(intruder(attacked, caller)):
        assert refused(lambda: list(theirs.values_list("pk")))
        assert refused(lambda: theirs.count())
        assert refused(lambda: list(theirs.select_for_update().values_list("pk")))
        assert refused(lambda: theirs.update(**unchanged))
        assert refused(lambda: theirs._raw_delete(theirs.db))
        assert refused(lambda: copy.save_base(raw=True, force_insert=True) is None)
    assert all_of(attacked) == before


MOVES = [(model, field) for model in TENANTS for field in model._meta.concrete_fields if field.related_model in TENANTS]


@pytest.mark.django_db
@pytest.mark.parametrize("caller", FOREIGN)
@pytest.mark.parametrize(("model", "field"), MOVES, ids=lambda one: getattr(one, "__name__", None) or one.name)
def test_no_row_of_ones_own_is_tied_to_a_foreign_one(
    attacked: World, model: type[models.Model], field: Any, caller: str
) -> None:
    target = rows_of(attacked, field.related_model).values_list("pk", flat=True).first()
    with acting_for(intruder(attacked, caller)):
        assert refused(lambda: model._base_manager.update(**{field.attname: target}))


@pytest.mark.django_db
def test_a_partner_links_itself_to_no_agency_that_is_there(attacked: World) -> None:
    principal = intruder(attacked, "foreign partner")
    link = AgencyLink(oauth_client_id=principal.client_pk, agency_id=attacked.ids["agency"])
    with acting_for(principal):
        assert refused(lambda: link.save(force_insert=True) is None)


@pytest.mark.django_db
def test_what_finds_by_index_finds_ones_own(api: Api, attacked: World) -> None:
    by_words = "SELECT clients_with_words(%s::tsquery)"
    word = f"'{attacked.ids['agent']}anew'"
    with acting_for(intruder(attacked, "foreign agent")):
        assert asked(by_words, word) == []
        assert asked("SELECT agents_with_email('0@example.com')") == []
    with acting_for(AgentPrincipal(attacked.ids["agent"], attacked.ids["agency"], is_admin=False, token_pk=0)):
        assert len(asked(by_words, word)) == 1
        assert len(asked("SELECT agents_with_email('0@EXAMPLE.com')")) == 1


@pytest.mark.django_db
def test_an_address_is_found_by_index(api: Api, world: World) -> None:
    """In the role that policies stand before."""
    many = (
        Agent(
            agency_id=world.foreign["agency"], first_name="A", last_name="B", email=f"{n}@many.example", slug=f"m-{n}"
        )
        for n in range(3_000)
    )
    Agent.objects.bulk_create(many)
    for caller in ("foreign partner", "foreign agent"):
        path = "/v1/agents" if caller == "foreign partner" else f"/v1/agencies/{world.foreign['agency']}/agents"
        with scans_counted("agents_agent", "agent_by_email") as scans:
            answer = api.get(f"{path}?filterByEmail=77@MANY.example", token=world.tokens[caller])
        assert [row["slug"] for row in answer.json()["data"]] == ["m-77"]
        assert scans["agents_agent"] == 0
        assert scans["agent_by_email"] > 0


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Agency, Agent])
def test_whose_it_is_is_asked_of_each_row_and_not_of_all_that_a_partner_reaches(
    world: World, model: type[models.Model]
) -> None:
    """PostgreSQL would make a list of all agencies of the partner, once there are some rows to ask about."""
    client = OAuthClient.objects.get(name="Foreign partner")
    for agency in agencies_of_client(client, 500):
        agents_of_agency(agency.pk, 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agencies_agency, agents_agent, oauth_clients_agencylink")
    some = model._default_manager.order_by("-pk")[:400].values_list("pk", flat=True)
    with acting_for(Partner(client.pk, client.client_id, token_pk=0)):
        plan = plan_of(f"SELECT 1 FROM {model._meta.db_table} WHERE id IN ({', '.join(map(str, some))})")  # noqa: S608
    assert "SubPlan" in plan
    assert "hashed" not in plan


# --- what workers do ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_worker_keeps_months_and_nothing_else(attacked: World) -> None:
    with acting_as(WORKER):
        assert all(rows_seen(model) for model in TENANTS)
        partitions.make_ready(connection, timezone.now() + timedelta(days=31))
        upkeep.remove_old()
        last = max(partitions.over(connection, "webhooks_attempt", timezone.now() + timedelta(days=1000)))
        partitions.drop(connection, "webhooks_attempt", last)
        for act in (
            "SELECT partition_dropped('clients_client', 'clients_client_2026_01')",
            "SELECT partition_dropped('webhooks_event', 'webhooks_subscription')",
            "SELECT partition_added('webhooks_event', 'agents_agent', gen_random_uuid(), gen_random_uuid())",
            "DROP TABLE webhooks_attempt",
            "ALTER TABLE agents_agent DISABLE ROW LEVEL SECURITY",
        ):
            with pytest.raises(ProgrammingError, match=r"is no month of|must be owner"), transaction.atomic():
                asked(act)
    assert not asked("SELECT 1 FROM pg_class WHERE relname = %s", last)
