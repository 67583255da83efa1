"""How letters on a page become lines of text."""

import re
from collections.abc import Callable
from io import BytesIO

from clients.reading.extraction import text_of
from evaluation.sheet import MONO, Sheet


def text(draw: Callable[[Sheet], object]) -> list[str]:
    sheet = Sheet()
    draw(sheet)
    return text_of(BytesIO(sheet.pdf())).split("\n")


def test_cells_of_a_row_are_apart_and_values_stand_below_their_titles() -> None:
    def draw(sheet: Sheet) -> None:
        sheet.row((40, 200, 400), 100, ("Policy Number", "Effective", "Agent"))
        sheet.row((40, 200, 400), 114, ("GM-1", "01/15/2026", "Smith Agency"))

    titles, values = text(draw)
    for title, value in (("Policy Number", "GM-1"), ("Effective", "01/15/2026"), ("Agent", "Smith Agency")):
        assert titles.index(title) == values.index(value)


def test_the_order_in_which_a_file_draws_does_not_matter() -> None:
    def draw(sheet: Sheet) -> None:
        sheet.write(300, 100, "right")
        sheet.write(40, 140, "last")
        sheet.write(40, 100, "left")

    first, *_, last = text(draw)
    assert (first.split(), last) == (["left", "right"], "last")


def test_words_drawn_letter_by_letter_are_words() -> None:
    assert text(lambda sheet: sheet.small_caps(40, 100, "Granite Mutual")) == ["GRANITE MUTUAL"]


def test_blanks_of_a_typewriter_part_cells() -> None:
    line = text(lambda sheet: sheet.write(40, 100, "POLICY GM-1  FROM 01/15/26", font=MONO))[0]
    assert re.split(" {2,}", line) == ["POLICY GM-1", "FROM 01/15/26"]


def test_a_page_printed_sideways_is_read_upright() -> None:
    def draw(sheet: Sheet) -> None:
        sheet.turn()
        sheet.write(40, 100, "Policy Number")
        sheet.write(40, 114, "GM-1")

    assert text(draw) == ["Policy Number", "GM-1"]


def test_what_was_typed_into_a_form_is_part_of_the_page() -> None:
    def draw(sheet: Sheet) -> None:
        sheet.write(40, 100, "Policy Number")
        sheet.field(200, 100, "number", "GM-1")

    assert text(draw)[0].split("  ")[-1].strip() == "GM-1"


def test_pages_are_parted() -> None:
    def draw(sheet: Sheet) -> None:
        sheet.write(40, 100, "first")
        sheet.next_page()
        sheet.write(40, 100, "second")

    assert text(draw) == ["first", "\f", "second"]


def test_a_page_without_text_is_an_empty_one() -> None:
    assert text(lambda sheet: sheet.box(10, 10, 100, 100)) == [""]
