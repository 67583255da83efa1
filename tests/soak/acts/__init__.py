"""What partners, agents and consumers do. Each act judges every answer that it gets, and raises Wrong."""

from tests.soak.acts.agencies import (
    change_webhook,
    colour_agency,
    list_colleagues,
    look_at_webhooks,
    show_agency,
    try_webhook,
)
from tests.soak.acts.clients import (
    destroy_client,
    find_client,
    list_clients,
    reassign_client,
    search_clients,
    show_client,
    update_client,
    walk_clients,
)
from tests.soak.acts.common import Act, create_client
from tests.soak.acts.consumers import open_page, send_form
from tests.soak.acts.partners import (
    create_agency,
    create_agent,
    create_agents,
    deactivate_agent,
    find_agent,
    list_agencies,
    list_agents,
    reset_token,
    take_token,
)
from tests.soak.acts.refusals import reach_for_anothers_client, reach_for_others, send_nonsense
from tests.soak.acts.submissions import download_page, go_on

MIX: dict[Act, float] = {
    take_token: 3, list_agents: 12, find_agent: 3, list_agencies: 3, create_agency: 0.5, create_agent: 2,
    create_agents: 0.5, reset_token: 1, deactivate_agent: 1.5,
    create_client: 10, show_client: 14, list_clients: 12, search_clients: 5, find_client: 4, walk_clients: 1,
    update_client: 8, reassign_client: 2, destroy_client: 1.5, go_on: 8, download_page: 2,
    show_agency: 3, colour_agency: 1, list_colleagues: 2, look_at_webhooks: 2, change_webhook: 0.5, try_webhook: 0.3,
    open_page: 3, send_form: 0.7, reach_for_others: 2, reach_for_anothers_client: 1, send_nonsense: 1.5,
}  # fmt: skip
"""How often each act comes, of all."""
