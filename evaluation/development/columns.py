"""Development pages in columns and tables."""

from random import Random

from evaluation.development import cast
from evaluation.page import Layout, Truth, address, before, digits, later, person, term, truth
from evaluation.sheet import BOLD, SERIF, SERIF_BOLD, Sheet


def two_columns(dice: Random) -> tuple[Sheet, Truth]:
    """Labels and values on the left, others on the right."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice)
    write, (street, town) = cast.any_form(dice), address(dice)
    sheet.write(306, 60, f"{title} Declarations", size=15, font=SERIF_BOLD, align="centre")
    left = (("Named Insured:", person(dice)), ("Address:", street), ("", town), ("Mortgagee:", dice.choice(cast.BANKS)))
    right = (
        ("Policy Number:", number),
        ("Effective Date:", write(begins)),
        ("Expiration Date:", write(ends)),
        ("Company:", carrier),
        ("Agency:", dice.choice(cast.AGENCIES)),
        ("Printed:", write(before(dice, begins))),
    )
    for x, pairs, offset in ((40, left, 80), (300, right, 90)):
        y = 110.0
        for label, value in pairs:
            sheet.write(x, y, label, size=8, font=BOLD)
            sheet.write(x + offset, y, value, size=8)
            y += 16
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def titles_above_values(dice: Random) -> tuple[Sheet, Truth]:
    """A row of titles, and their values in the row below."""
    sheet, (begins, ends) = Sheet(), term(dice, dice.choice((6, 12)))
    carrier, number, title, kind = cast.policy(dice)
    write = cast.any_form(dice)
    sheet.write(40, 60, carrier, size=14, font=BOLD)
    sheet.write(40, 80, f"{title} Declarations Page")
    xs = (40, 170, 290, 410)
    sheet.row(xs, 120, ("Policy Number", "Effective Date", "Expiration Date", "Agent"), font=BOLD)
    sheet.row(xs, 134, (number, write(begins), write(ends), dice.choice(cast.AGENCIES)))
    sheet.row(xs, 170, ("Named Insured", "Birth Date", "Mailing Date", "Invoice Number"), font=BOLD)
    sheet.row(
        xs, 184, (person(dice), write(later(begins, -500)), write(before(dice, begins)), digits(dice, "IN-######"))
    )
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def double_titles(dice: Random) -> tuple[Sheet, Truth]:
    """A table whose `Policy Period` spans `From` and `To`."""
    sheet, (begins, ends) = Sheet(), term(dice, dice.choice((6, 12)))
    carrier, number, title, kind = cast.policy(dice)
    write = dice.choice((cast.slashed, cast.short, cast.dashed, cast.abbreviated))
    sheet.write(40, 50, "RENEWAL DECLARATIONS", size=14, font=SERIF_BOLD)
    sheet.box(40, 70, 530, 60)
    sheet.row((46, 185, 325), 84, ("POLICY NUMBER", "POLICY PERIOD", "COVERAGE IS PROVIDED IN THE"), size=7)
    sheet.row((170, 245), 96, ("From", "To"), size=7)
    sheet.row((46, 160, 235, 325), 114, (number, write(begins), write(ends), carrier), size=8, font=SERIF)
    sheet.write(46, 150, f"{title} for {person(dice)}", font=SERIF)
    xs = (46, 200, 350)
    sheet.row(xs, 200, ("Installment", "Due date", "Amount"), size=8, font=BOLD)
    for one in (1, 2, 3):
        sheet.row(xs, 200 + 14 * one, (str(one), write(later(begins, one)), f"${dice.randint(50, 300)}.00"), size=8)
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def far_right(dice: Random) -> tuple[Sheet, Truth]:
    """Values at the right edge, a page's width from their labels."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice, cast.BUSINESS)
    write = cast.any_form(dice)
    sheet.write(40, 60, "Declarations", size=20, font=BOLD)
    y = 110.0
    for label, value in (
        ("Policy", title),
        ("Policy number", number),
        ("Renewal of", digits(dice, cast.number_form(dice))),
        ("Issued to", person(dice)),
        ("Issued by", carrier),
        ("Effective from", write(begins)),
        ("Effective to", write(ends)),
        ("Billing date", write(before(dice, begins))),
        ("Total premium", f"${dice.randint(900, 9000)}.00"),
    ):
        sheet.write(40, y, label, size=10)
        sheet.write(570, y, value, size=10, align="right")
        y += 20
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def sideways(dice: Random) -> tuple[Sheet, Truth]:
    """Printed sideways, with values below their labels."""
    sheet, (begins, ends) = Sheet(), term(dice)
    sheet.turn()
    carrier, number, title, kind = cast.policy(dice, cast.BUSINESS)
    write = cast.any_form(dice)
    sheet.write(396, 50, carrier.upper(), size=14, font=SERIF_BOLD, align="centre")
    sheet.write(396, 68, f"{title} Declarations", size=11, font=SERIF, align="centre")
    xs = (40, 290, 540)
    sheet.row(xs, 110, ("Policy No.", "Policy Period", "Producer"), font=BOLD)
    sheet.row(xs, 124, (number, f"{write(begins)} to {write(ends)}", dice.choice(cast.AGENCIES)))
    sheet.row(xs, 150, ("Insured", "Audit Date", "Claim Number"), font=BOLD)
    sheet.row(xs, 164, (person(dice), write(later(ends, 2)), digits(dice, "CL-#######")))
    return sheet, truth(carrier=carrier.upper(), number=number, kind=kind, begins=begins, ends=ends)


def narrow_column(dice: Random) -> tuple[Sheet, Truth]:
    """A narrow column beside prose, each value below its label and broken where it is long."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice)
    write = cast.any_form(dice)
    y = 70.0
    for label, value in (
        ("YOUR POLICY", title),
        ("INSURER", carrier),
        ("POLICY NUMBER", number),
        ("START DATE", write(begins)),
        ("END DATE", write(ends)),
        ("AGENT", dice.choice(cast.AGENCIES)),
        ("CUSTOMER NUMBER", digits(dice, "########")),
    ):
        sheet.write(40, y, label, size=7, font=BOLD)
        y = sheet.paragraph(40, y + 11, 130, value, size=9) + 10
    sheet.write(200, 70, f"Welcome, {person(dice)}", size=16, font=BOLD)
    sheet.paragraph(
        200,
        100,
        360,
        f"These declarations were made on {write(before(dice, begins))}. Please keep them with your policy and call us "
        f"before {write(later(begins, 2))} if anything is wrong. Your earlier policy with "
        f"{dice.choice(cast.EARLIER)} need not be cancelled by you. " * 2,
    )
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


LAYOUTS: tuple[Layout, ...] = (two_columns, titles_above_values, double_titles, far_right, sideways, narrow_column)
