"""What agents do with what their clients submit."""

import hashlib
import random
from io import BytesIO

from reportlab.pdfgen.canvas import Canvas

from clients.models import InsuranceType
from tests.soak.acts.common import key, on_a_client
from tests.soak.caller import Turn
from tests.soak.model import Client, Submission, World, require_like


@on_a_client
async def go_on(turn: Turn, world: World, client: Client) -> None:
    """The next step of a client's newest submission: started, changed, given declaration pages, completed."""
    submission = client.submissions[-1] if client.submissions else None
    if submission is None or submission.complete:
        await start_submission(turn, client)
    elif not submission.types:
        await change_submission(turn, client, submission)
    elif len(submission.pages) < 2:
        await upload_page(turn, world, client, submission)
    else:
        await complete_submission(turn, client, submission)


async def start_submission(turn: Turn, client: Client) -> None:
    types = random.choice([[], ["auto"], ["auto", "home"]])
    path, token = f"{client.path}/submissions", client.seat.token
    made = (await turn.call("POST", path, expect=201, token=token, json={"insurance_types": types}, key=key())).data
    client.submissions.append(Submission(made["uuid"], types))
    require_like({**made, "declaration_pages": []}, client.submissions[-1].shown())


async def change_submission(turn: Turn, client: Client, submission: Submission) -> None:
    submission.types = random.choice([["home"], list(InsuranceType.values)])
    path, token = f"{client.path}/submissions/{submission.uuid}", client.seat.token
    told = (await turn.call("PATCH", path, token=token, json={"insurance_types": submission.types})).data
    require_like(told["insurance_types"], submission.types)


async def upload_page(turn: Turn, world: World, client: Client, submission: Submission) -> None:
    policy = f"GM-{world.number()}-2288"
    content = declarations(policy)
    path = f"{client.path}/submissions/{submission.uuid}/declaration-pages"
    client.seat.agency.events["client-submission.declaration-page-upload"] += 1
    body = multipart(content)
    made = (await turn.call("POST", path, expect=201, token=client.seat.token, body=body, key=key())).data
    told = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "content_type": "application/pdf"}
    require_like(made, told)
    submission.pages.append({"uuid": made["uuid"], **told})
    world.policies[made["uuid"]] = policy


async def complete_submission(turn: Turn, client: Client, submission: Submission) -> None:
    path, token = f"{client.path}/submissions/{submission.uuid}/complete", client.seat.token
    client.seat.agency.events["client-submission.complete"] += 1
    submission.complete = True
    told = (await turn.call("POST", path, token=token, key=key())).data
    require_like(told["status"], "complete")


@on_a_client
async def download_page(turn: Turn, world: World, client: Client) -> None:
    """By a link that works without a token; of a client without pages, the list of submissions."""
    submission = next((one for one in client.submissions if one.pages), None)
    if submission is None:
        told = await turn.call("GET", f"{client.path}/submissions?include=declaration_pages", token=client.seat.token)
        return require_like(told.data, client.in_full()["submissions"])
    page = random.choice(submission.pages)
    path = f"{client.path}/submission/{submission.uuid}/declaration-page/{page['uuid']}"
    link = (await turn.call("GET", path, token=client.seat.token)).data["url"]
    came = await turn.call("GET", link.removeprefix(turn.caller.url))
    return require_like(hashlib.sha256(came.content).hexdigest(), page["sha256"])


def declarations(policy: str) -> bytes:
    """A declaration page with this policy's number, for a worker to find."""
    buffer = BytesIO()
    canvas = Canvas(buffer)
    lines = ("Granite Mutual Insurance Company", "Personal Auto Policy Declarations", f"Policy Number: {policy}")
    for number, line in enumerate(lines):
        canvas.drawString(72, 720 - 24 * number, line)
    canvas.save()
    return buffer.getvalue()


def multipart(content: bytes) -> tuple[bytes, str]:
    head = b'--soak\r\nContent-Disposition: form-data; name="file"; filename="page.pdf"\r\n\r\n'
    return head + content + b"\r\n--soak--\r\n", "multipart/form-data; boundary=soak"
