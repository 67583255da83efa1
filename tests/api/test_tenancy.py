"""In which role, and for whom, statements come to the database; and that nothing of it is left."""

from contextlib import nullcontext
from pathlib import Path
from threading import Timer

import pytest
from django.db import DatabaseError, connection, transaction

from api.principals import AgentPrincipal, Partner
from api.roles import ADMIN, API
from api.tenancy import acting_as, acting_for
from tests.conftest import AgencySeat, Api, PartnerSeat
from tests.threads import PATIENCE, at_once

pytestmark = pytest.mark.django_db(transaction=True)
WHO = (
    "SELECT current_user, nullif(current_setting('tenancy.partner', true), ''),"
    " nullif(current_setting('tenancy.agency', true), '')"
)


def asked(sql: str, *params: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def agent_of(number: int) -> AgentPrincipal:
    return AgentPrincipal(number, number, is_admin=False, token_pk=number)


@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_statement_comes_in_its_role_and_nothing_is_left(in_transaction: bool) -> None:
    [(owner, *_)] = as_before = asked(WHO)
    with transaction.atomic() if in_transaction else nullcontext():
        with acting_for(agent_of(7)):
            assert asked(WHO) == [(API, None, "7")]
            with acting_for(Partner(8, "id", 8)):
                assert asked(WHO) == [(API, "8", None)]
            with pytest.raises(DatabaseError), transaction.atomic():
                asked("SELECT 1 / 0")
            assert asked(WHO) == [(API, None, "7")]
            with acting_as(ADMIN):
                assert asked(WHO) == [(ADMIN, None, None)]
        assert asked(WHO) == [(owner, None, None)] == as_before
    assert asked(WHO) == as_before


def test_a_transaction_begins_with_nothing_to_take_back() -> None:
    with transaction.atomic(), acting_as(API):
        asked(WHO)
    with transaction.atomic():
        asked("SELECT 1; SELECT 2")  # taken only where nothing is sent before it


def test_nothing_is_sent_behind_a_sync(tmp_path: Path) -> None:
    """PgBouncer would give a connection for it, and wait for its end (api.pipelines)."""
    asked("SELECT 1")
    protocol, trace = connection.connection.pgconn, tmp_path / "trace"
    with trace.open("w") as file, acting_as(API):
        protocol.trace(file.fileno())
        asked("SELECT pg_sleep(0.1)")  # so that the answer is not there yet when all has been sent
        protocol.untrace()
    sent = [line.split("\t")[3].strip() for line in trace.read_text().splitlines() if line.split("\t")[1] == "F"]
    assert sent[0] == "Parse"
    assert sent[-1] == "Sync"


def test_what_is_larger_than_a_socket_takes_is_sent_whole() -> None:
    [(backend,)] = asked("SELECT pg_backend_pid()")
    end = Timer(PATIENCE, lambda: asked(f"SELECT pg_terminate_backend({backend})"))  # both sides would wait for ever
    end.start()
    try:
        with acting_as(API):
            assert asked("SELECT length(%s)", "x" * 20_000_000) == [(20_000_000,)]
    finally:
        end.cancel()


def test_a_request_leaves_nothing_on_its_connection(api: Api, agency: AgencySeat, partner: PartnerSeat) -> None:
    before, backend = asked(WHO), asked("SELECT pg_backend_pid()")
    for token, status in ((partner.token, 403), (agency.owner.token, 200), ("agency_pat_nonsense", 401)):
        assert api.get(agency.path, token=token).status_code == status
        assert (asked(WHO), asked("SELECT pg_backend_pid()")) == (before, backend)
    assert api.post("/v1/client", token=agency.owner.token, json={}).status_code == 422
    assert asked(WHO) == before


def test_two_at_once_are_not_mixed_up(api: Api, agency: AgencySeat, foreign_agency: AgencySeat) -> None:
    def ask(seat: AgencySeat) -> set[tuple[int, str]]:
        answers = [Api().get(f"{seat.path}/agents", token=seat.owner.token) for _ in range(20)]
        return {(answer.status_code, str([row["id"] for row in answer.json()["data"]])) for answer in answers}

    seats = [agency, foreign_agency] * 2
    seen = at_once(*[lambda seat=seat: ask(seat) for seat in seats])
    assert seen == [{(200, str([seat.owner.id]))} for seat in seats]
