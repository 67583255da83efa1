from tests.admin import conftest as admin
from tests.clients import conftest as clients
from tests.webhooks import conftest as webhooks

client_seat, submission, page, visitor = clients.client_seat, clients.submission, clients.page, clients.visitor
webhook, receiver = webhooks.webhook, webhooks.receiver
desk, desk_of = admin.desk, admin.desk_of
