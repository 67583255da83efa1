"""An agency's colour beside text: readable, whatever colour it is."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clients.public.colours import BLACK, GROUND, TEXT_RATIO, WHITE, contrast, theme
from tests.conftest import Api

INK = (28, 33, 40)
"""Of plain text, as page.css has it."""
COLOURS = st.text("0123456789abcdefABCDEF", min_size=6, max_size=6)


@given(code=COLOURS)
@settings(max_examples=500)
@example("000000")
@example("FFFFFF")
@example("FFFF00")
@example("777777")
@example("00FF00")
def test_each_pair_that_is_read_together_reaches_its_ratio(code: str) -> None:
    shades = theme(code)
    pairs = {
        "text on the agency's own": (shades.on_brand, shades.brand),
        **{f"accent on {ground}": (shades.accent, ground) for ground in (WHITE, GROUND, shades.tint)},
        "a button": (WHITE, shades.accent),
        "a button that is pointed at": (WHITE, shades.accent_deep),
        "plain text on what is chosen": (INK, shades.tint),
    }
    assert {name: contrast(*pair) for name, pair in pairs.items() if contrast(*pair) < TEXT_RATIO} == {}


def test_contrast_is_as_wcag_counts_it() -> None:
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == 21
    assert contrast(WHITE, WHITE) == 1
    assert contrast((0x77, 0x77, 0x77), WHITE) == pytest.approx(4.478, abs=0.001)  # the grey just short of it
    assert contrast((0xFF, 0, 0), WHITE) == pytest.approx(3.998, abs=0.001)


def test_a_colour_that_can_be_read_is_left_as_it_is() -> None:
    assert theme("1D4ED8").accent == theme("1D4ED8").brand == (0x1D, 0x4E, 0xD8)


def test_the_shades_are_a_stylesheet_to_keep_and_cost_no_query(api: Api) -> None:
    answer = api.get("/theme/1D4ED8.css")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    assert re.fullmatch(r":root\{(--[a-z-]+:#[0-9a-f]{6};?){5}\}\n", answer.content.decode())


@pytest.mark.parametrize("code", ["", "12345", "1234567", "gggggg", "red", "12345%0a", "};x:{}"])
def test_nothing_else_is_a_colour(api: Api, db: None, code: str) -> None:
    assert api.get(f"/theme/{code}.css").status_code == 404
