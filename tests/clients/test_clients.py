"""Clients: created, shown, changed, given to a colleague, destroyed (contract §6)."""

from tests.answers import data
from tests.clients.conftest import PageSeat
from tests.conftest import AgencySeat, AgentSeat, Api


def test_smoke(api: Api, agency: AgencySeat, agent: AgentSeat, colleague: AgentSeat, page: PageSeat) -> None:
    submission = page.submission
    client = submission.client
    print(data(api.get(f"{client.path}?include=submissions.declaration_pages", token=agent.token)))
    answer = api.get(
        f"/v1/agents/{agent.id}/clients?search=jo 212&sort=-last_name&include=submissions", token=agent.token
    )
    assert answer.status_code == 200, answer.content
    print(answer.json())
    print(data(api.patch(page.path, token=agent.token, json={"carrier": "X", "effective_date": "2026-01-01"})))
    link = data(api.get(page.link_path, token=agent.token))
    print(link)
    got = api.get(link["url"].removeprefix("http://testserver"))
    print(got, got.headers, b"".join(got))
    print(data(api.post(f"{submission.path}/complete", token=agent.token)))
    print(data(api.post(f"{client.path}/reassign", token=agent.token, json={"agent_id": colleague.id})))
    moved = f"/v1/agents/{colleague.id}/clients/{client.uuid}"
    assert api.get(moved, token=agent.token).status_code == 403
    assert api.get(client.path, token=agent.token).status_code == 404
    assert api.post(f"{moved}/destroy", token=colleague.token).status_code == 204
