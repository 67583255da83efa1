"""Logos and profile pictures: judged by content, bounded, re-encoded without metadata (contract §4.1)."""

from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Value
from django.db.models.functions import Replace
from PIL import Image

from agencies.models import Agency
from agencies.tasks import sweep_pictures
from agents.models import Agent
from tests.answers import data, faults
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.factories import agencies_of_client, agents_of_agency
from tests.pictures import picture, png, png_that_claims, several_in_one, upload
from tests.scans import scans_counted


def send(api: Api, agency: AgencySeat, logo: Any, **fields: str) -> Any:
    return api.call("PATCH", agency.path, token=agency.owner.token, form={"logo": logo, **fields})


def opened(api: Api, url: str) -> Image.Image:
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("http", "testserver")
    answer = api.get(parts.path)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    shown = Image.open(BytesIO(answer.getvalue()))
    assert answer.headers["Content-Type"] == shown.get_format_mimetype()
    return shown


@pytest.mark.parametrize("encoding", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_seen_by_anybody_at_its_url(api: Api, agency: AgencySeat, encoding: str) -> None:
    shown = data(send(api, agency, upload(picture(encoding), "any.name", "application/octet-stream")))
    assert data(api.get(agency.path, token=agency.owner.token)) == shown
    seen = opened(api, shown["logo_url"])
    assert (seen.format, seen.size) == (encoding, (8, 4))


def test_a_profile_picture_comes_with_a_new_agent_or_later(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    new = {"first_name": "Ann", "last_name": "Agent", "email": "ann@example.com", "profile_picture": png()}
    made = data(api.post(f"{agency.path}/agents", token=partner.token, form=new))
    path, token = f"{agency.path}/agents/{made['id']}", made["access_token"]
    first = data(api.get(path, token=token))["profile_picture_url"]
    second = data(api.post(path, token=token, form={"_method": "PATCH", "profile_picture": png("blue")}))
    assert opened(api, second["profile_picture_url"]).convert("RGB").getpixel((0, 0)) == (0, 0, 255)
    assert second["profile_picture_url"] != first


def test_metadata_is_gone_and_the_picture_upright(api: Api, agency: AgencySeat) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken at home"  # turned a quarter; a description
    shown = data(send(api, agency, upload(picture("JPEG", exif=exif, comment=b"a secret", icc_profile=b"profile"))))
    seen = opened(api, shown["logo_url"])
    assert seen.size == (4, 8)
    assert (dict(seen.getexif()), "comment" in seen.info, "icc_profile" in seen.info) == ({}, False, False)


def test_transparency_stays(api: Api, agency: AgencySeat) -> None:
    buffer = BytesIO()
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(buffer, "PNG")
    shown = data(send(api, agency, upload(buffer.getvalue())))
    assert opened(api, shown["logo_url"]).getpixel((0, 0))[3] == 0


def pixel(api: Api, agency: AgencySeat, content: bytes) -> Any:
    shown = data(send(api, agency, upload(content)))
    return opened(api, shown["logo_url"]).convert("RGBA").getpixel((0, 0))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_colour_that_is_said_to_be_transparent_is(api: Api, agency: AgencySeat, mode: str) -> None:
    colour = Image.new(mode, (1, 1), "white").getpixel((0, 0))
    buffer = BytesIO()
    Image.new(mode, (2, 2), "white").save(buffer, "PNG", transparency=colour)
    assert pixel(api, agency, buffer.getvalue())[3] == 0


def test_a_grey_of_16_bits_is_as_bright_as_it_was(api: Api, agency: AgencySeat) -> None:
    buffer = BytesIO()
    Image.new("I;16", (2, 2), 0x8000).save(buffer, "PNG")
    assert pixel(api, agency, buffer.getvalue()) == (128, 128, 128, 255)


def test_a_telephones_jpeg_with_a_second_picture_in_it_is_a_jpeg(api: Api, agency: AgencySeat) -> None:
    shown = data(send(api, agency, upload(several_in_one())))
    assert opened(api, shown["logo_url"]).format == "JPEG"


def test_4096_pixels_a_side_are_taken(api: Api, agency: AgencySeat) -> None:
    assert send(api, agency, upload(picture(size=(4096, 1)))).status_code == 200


def gif() -> bytes:
    return picture("GIF")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (gif(), "invalid_image"),
        (SVG, "invalid_image"),
        (b"%PDF-1.7", "invalid_image"),
        (b"\x89PNG\r\n\x1a\n", "invalid_image"),
        (picture()[:-30], "invalid_image"),
        (b"", "empty"),
        (picture(size=(4097, 1)), "too_many_pixels"),
        (picture(size=(1, 4097)), "too_many_pixels"),
        (png_that_claims(60_000, 60_000), "too_many_pixels"),
        (png_that_claims(4096, 4096), "invalid_image"),
    ],
    ids=["gif", "svg", "pdf", "no pixels", "cut off", "empty", "too wide", "too high", "bomb", "a lie"],
)
def test_anything_else_is_422_and_leaves_no_file(
    api: Api, agency: AgencySeat, pictures_dir: Path, content: bytes, expected: str
) -> None:
    assert faults(send(api, agency, upload(content), name="Renamed")) == {"logo": expected}
    assert Agency.objects.get(pk=agency.id).name == agency.name
    assert files(pictures_dir) == []


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_5_mb_are_taken_and_a_byte_more_is_413(api: Api, agency: AgencySeat, settings: Any) -> None:
    padded = picture() + b"\0" * (settings.MAX_PICTURE_BYTES - len(picture()))
    assert send(api, agency, upload(padded)).status_code == 200
    answer = send(api, agency, upload(padded + b"\0"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\\b.png", "x" * 300, "名.png", "\u202e.png"])
def test_a_file_name_is_never_used(api: Api, agency: AgencySeat, pictures_dir: Path, name: str) -> None:
    file = SimpleUploadedFile("any.png", picture())
    file._name = name  # as a client may send it: SimpleUploadedFile would cut it down
    answer = send(api, agency, file)
    assert answer.status_code == 200, answer.content
    [stored] = files(pictures_dir)
    assert answer.json()["data"]["logo_url"] == f"http://testserver/media/pictures/{stored}"


def test_a_text_in_the_place_of_a_file_is_422(api: Api, agency: AgencySeat) -> None:
    assert faults(send(api, agency, "logo.png")) == {"logo": "invalid"}


@pytest.mark.django_db(transaction=True)
def test_a_replaced_picture_is_removed_after_the_change(api: Api, agency: AgencySeat, pictures_dir: Path) -> None:
    send(api, agency, png())
    [first] = files(pictures_dir)
    send(api, agency, png("blue"))
    [second] = files(pictures_dir)
    assert first != second
    assert api.get(f"/media/pictures/{first}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_refused_change_keeps_the_old_picture_and_no_new_one(
    api: Api, agency: AgencySeat, agent: AgentSeat, colleague: AgentSeat, pictures_dir: Path
) -> None:
    path = f"{agency.path}/agents/{agent.id}"
    api.call("PATCH", path, token=agent.token, form={"profile_picture": png()})
    before = files(pictures_dir)
    form = {"profile_picture": png("blue"), "email": colleague.email}
    assert faults(api.call("PATCH", path, token=agent.token, form=form)) == {"email": "email_taken"}
    assert files(pictures_dir) == before
    assert len(before) == 1


@pytest.mark.parametrize("name", ["absent.png", "..", "%2e%2e%2fsettings.py", "\u0000", "x" * 3000, "x" * 300 + ".png"])
def test_no_other_file_is_reached(api: Api, db: None, name: str) -> None:
    assert api.get(f"/media/pictures/{name}").status_code in (400, 404)


def test_the_sweep_removes_pictures_that_no_row_names_of_days_that_are_over(
    api: Api, agency: AgencySeat, agent: AgentSeat, pictures_dir: Path
) -> None:
    send(api, agency, png())
    api.call("PATCH", f"{agency.path}/agents/{agent.id}", token=agent.token, form={"profile_picture": png()})
    old = pictures_dir / "2026-01-01"
    [today] = pictures_dir.iterdir()
    today.rename(old)
    for model, field in ((Agency, "logo"), (Agent, "profile_picture")):
        model.objects.exclude(**{field: ""}).update(**{field: Replace(field, Value(today.name), Value(old.name))})
    kept = files(pictures_dir)
    orphan, on_its_way = old / "orphan.png", today / "on-its-way.png"
    today.mkdir()
    for one in (orphan, on_its_way):
        one.write_bytes(picture())
    sweep_pictures()
    assert files(pictures_dir) == sorted([*kept, f"{today.name}/{on_its_way.name}"])
    assert len(kept) == 2


@pytest.mark.usefixtures("new_files")
def test_the_sweep_reads_no_table_whole(api: Api, partner: PartnerSeat, agency: AgencySeat, pictures_dir: Path) -> None:
    agencies_of_client(partner.row, 3_000)
    agents_of_agency(agency.id, 3_000)
    old = pictures_dir / "2026-01-01"
    old.mkdir(parents=True)
    for n in range(300):
        (old / f"{n}.png").write_bytes(b"")
    with (
        scans_counted("agencies_agency", "agency_by_logo") as of_agencies,
        scans_counted("agents_agent", "agent_by_picture") as of_agents,
    ):
        sweep_pictures()
    assert files(pictures_dir) == []
    assert (of_agencies["agencies_agency"], of_agents["agents_agent"]) == (0, 0)
    assert of_agencies["agency_by_logo"]
    assert of_agents["agent_by_picture"]
