"""Held-out pages on which it matters what stands below or beside what."""

from random import Random

from evaluation.held_out import cast
from evaluation.page import Layout, Truth, address, before, digits, later, person, term, truth
from evaluation.sheet import BOLD, SERIF, SERIF_BOLD, Sheet


def rows_of_boxes(dice: Random) -> tuple[Sheet, Truth]:
    """A form: each box holds a small title and what was filled in below it."""
    sheet, (begins, ends) = Sheet(), term(dice, dice.choice((6, 12)))
    carrier, number = (
        dice.choice(cast.BUSINESS),
        digits(dice, dice.choice(("CPP #######", "@@@-#####-##", "BA########"))),
    )
    words = dice.choice(("BUSINESS AUTO", "COMMERCIAL PACKAGE", "BUSINESSOWNERS"))
    write = cast.any_form(dice)
    sheet.write(30, 40, "COMMON POLICY DECLARATIONS", size=13, font=BOLD)
    for y, boxes in (
        (60, (("COMPANY", carrier, 330), ("NAIC CODE", digits(dice, "#####"), 220))),
        (96, (("POLICY NO.", number, 180), ("EFF DATE", write(begins), 120), ("EXP DATE", write(ends), 120),
              ("LINE OF BUSINESS", words, 130))),
        (132, (("PRODUCER", dice.choice(cast.AGENCIES), 330), ("PRODUCER CODE", digits(dice, "##-###"), 220))),
        (168, (("NAMED INSURED AND MAILING ADDRESS", f"{person(dice)}, {address(dice)[0]}", 330),
               ("DATE ISSUED", write(before(dice, begins)), 220))),
    ):  # fmt: skip
        x = 30.0
        for label, value, width in boxes:
            sheet.box(x, y, width, 36)
            sheet.write(x + 4, y + 9, label, size=5.5)
            sheet.write(x + 4, y + 27, value, size=9, font=SERIF)
            x += width
    sheet.write(30, 240, f"ADDITIONAL INTEREST: {dice.choice(cast.BANKS)}  LOAN # {digits(dice, '#########')}", size=7)
    return sheet, truth(carrier=carrier, number=number, kind="commercial", begins=begins, ends=ends)


def side_panel(dice: Random) -> tuple[Sheet, Truth]:
    """Prose on the left; on the right a panel with each label above its value."""
    sheet, (begins, ends) = Sheet(), term(dice, 6)
    carrier, number, write = dice.choice(cast.PERSONAL), digits(dice, "####-##-##-##"), cast.any_form(dice)
    sheet.write(50, 60, "Auto Insurance Coverage Summary", size=17, font=BOLD)
    sheet.write(50, 78, "This is your Declarations Page. Your coverage has changed.", size=10, font=BOLD)
    y = sheet.paragraph(
        50,
        110,
        300,
        f"The coverages, limits and premiums below apply to the vehicles listed. This page replaces the one dated "
        f"{cast.long_form(before(dice, begins))}. Your customer number is {digits(dice, '#########')}.",
    )
    for text in (
        "2019 Ardent Wagon   VIN 1ARDT00X9K1000123",
        "Liability   $100,000 / $300,000",
        "Comprehensive   $500",
    ):
        sheet.write(50, y + 20, text, size=9)
        y += 16
    y = 70.0
    sheet.box(395, 50, 185, 280)
    for label, value in (
        ("Policy Number", number),
        ("Underwritten by", carrier),
        ("Policyholder", person(dice)),
        ("Statement date", write(before(dice, begins))),
        ("Policy Period", f"{write(begins)} - {write(ends)}"),
        ("Your agent", dice.choice(cast.AGENCIES)),
    ):
        sheet.write(405, y, label, size=7, font=BOLD)
        sheet.paragraph(405, y + 12, 170, value, size=9)
        y += 44
    return sheet, truth(carrier=carrier, number=number, kind="auto", begins=begins, ends=ends)


def sideways_schedule(dice: Random) -> tuple[Sheet, Truth]:
    """A wide table, printed sideways: titles in one row, the policy in the next."""
    sheet, (begins, ends) = Sheet(), term(dice)
    sheet.turn()
    carrier, number = dice.choice(cast.BUSINESS), digits(dice, dice.choice(("XUM-####-###", "UL########")))
    words, kind = dice.choice(
        (
            ("Excess Liability (Umbrella)", "umbrella"),
            ("Commercial Umbrella", "umbrella"),
            ("Farm & Ranch", "commercial"),
        )
    )
    write = cast.any_form(dice)
    sheet.write(40, 50, "Schedule of Insurance", size=16, font=SERIF_BOLD)
    sheet.write(40, 68, f"Prepared for {person(dice)} by {dice.choice(cast.AGENCIES)}, {write(before(dice, begins))}")
    xs = (40, 170, 390, 500, 600, 700)
    sheet.row(xs, 110, ("Coverage", "Carrier", "Policy #", "Effective", "Expires", "Premium"), font=BOLD)
    sheet.rule(40, 114, 720)
    sheet.row(xs, 130, (words, carrier, number, write(begins), write(ends), f"${dice.randint(300, 9000)}"), size=8)
    sheet.rule(40, 136, 720)
    sheet.write(
        40, 170, f"Supersedes policy # {digits(dice, 'OLD-####')} which expired {write(later(begins, -1))}.", size=7
    )
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def item_numbers(dice: Random) -> tuple[Sheet, Truth]:
    """Numbered items, as in older forms, with the period over two lines and the values at a distance."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, write = (
        dice.choice(cast.PERSONAL),
        digits(dice, dice.choice(("MH #####-#", "DP-######"))),
        cast.any_form(dice),
    )
    words = dice.choice(("MOBILE HOMEOWNERS POLICY", "DWELLING POLICY", "HOMEOWNERS POLICY - FORM HO-5"))
    sheet.small_caps(60, 60, carrier, size=15)
    sheet.write(60, 76, "(herein called the Company)", size=8, font=SERIF)
    sheet.write(560, 60, number, size=12, font=SERIF_BOLD, align="right")
    sheet.write(560, 72, "Policy No.", size=7, font=SERIF, align="right")
    sheet.write(60, 110, f"{words} DECLARATIONS", size=12, font=SERIF_BOLD)
    street, town = address(dice)
    y = 140.0
    for label, value in (
        ("Item 1. Insured:", person(dice)),
        ("", street),
        ("", town),
        ("Item 2. Policy period:", f"From {write(begins)}"),
        ("", f"To {write(ends)}"),
        ("", "12:01 A.M. Standard Time at the residence premises"),
        ("Item 3. Mortgagee:", dice.choice(cast.BANKS)),
        ("Item 4. Countersigned:", write(before(dice, begins))),
    ):
        sheet.write(60, y, label, font=SERIF_BOLD)
        sheet.write(300, y, value, font=SERIF)
        y += 16
    return sheet, truth(carrier=carrier.upper(), number=number, kind="home", begins=begins, ends=ends)


LAYOUTS: tuple[Layout, ...] = (rows_of_boxes, side_panel, sideways_schedule, item_numbers)
