"""Development pages that are forms: boxes, captions, fields that were filled in."""

from random import Random

from evaluation.development import cast
from evaluation.page import Layout, Truth, address, before, digits, later, person, term, truth
from evaluation.sheet import BOLD, SERIF, SERIF_BOLD, Sheet


def ruled_boxes(dice: Random) -> tuple[Sheet, Truth]:
    """Boxes, each with a small title above its value."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice)
    write = cast.any_form(dice)
    sheet.write(40, 50, title.upper(), size=13, font=BOLD)
    rows = (
        (("Policy number", number), ("Policy effective date", write(begins)), ("Policy expiration date", write(ends))),
        (("Insurance company", carrier), ("NAIC number", digits(dice, "#####")), ("Form", digits(dice, "HO ## ##"))),
        (("Insured", person(dice)), ("Agency", dice.choice(cast.AGENCIES)), ("Issued", write(before(dice, begins)))),
        (("Lienholder", dice.choice(cast.BANKS)), ("Loan number", digits(dice, "########")), ("Claims", "None")),
    )
    for row, boxes in enumerate(rows):
        for column, (label, value) in enumerate(boxes):
            x, y = (40, 240, 400)[column], 70 + 34 * row
            sheet.box(x, y, (200, 160, 160)[column], 34)
            sheet.write(x + 3, y + 9, label, size=6)
            sheet.write(x + 3, y + 25, value, size=7.5, font=SERIF)
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def captions_below(dice: Random) -> tuple[Sheet, Truth]:
    """Values on ruled lines, each with its caption below the rule."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice)
    write = dice.choice((cast.slashed, cast.dashed, cast.abbreviated))
    sheet.write(306, 50, f"{title} Declarations", size=14, font=SERIF_BOLD, align="centre")
    for y, cells in (
        (90, ((60, carrier, "Name of insurer"), (360, number, "Policy number"))),
        (150, ((60, write(begins), "Effective date"), (240, write(ends), "Expiration date"), (420, "12", "Months"))),
        (210, ((60, person(dice), "Name of insured"), (360, dice.choice(cast.AGENCIES), "Name of agency"))),
        (270, ((60, write(before(dice, begins)), "Date signed"), (360, digits(dice, "##-####"), "Agency code"))),
    ):
        for x, value, caption in cells:
            sheet.write(x, y, value, size=10, font=SERIF)
            sheet.rule(x, y + 4, 150)
            sheet.write(x, y + 14, caption, size=7, font=SERIF)
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def filled_in(dice: Random) -> tuple[Sheet, Truth]:
    """A form whose values are fields that somebody typed into."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice, cast.BUSINESS)
    sheet.write(60, 60, f"{title} - Declarations", size=13, font=BOLD)
    y = 100.0
    for name, label, value in (
        ("carrier", "Insurance Carrier", carrier),
        ("number", "Policy Number", number),
        ("begins", "Policy Effective Date", cast.slashed(begins)),
        ("ends", "Policy Expiration Date", cast.slashed(ends)),
        ("insured", "Named Insured", person(dice)),
        ("producer", "Producer", dice.choice(cast.AGENCIES)),
        ("old", "Expiring Policy Number", digits(dice, "@@########")),
    ):
        sheet.write(60, y, label)
        sheet.field(200, y, name, value, width=300)
        y += 26
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def under_an_agency(dice: Random) -> tuple[Sheet, Truth]:
    """The agency's letterhead, a crowd of other parties and numbers, and the insurer among them."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice)
    agency, write, (street, town) = dice.choice(cast.AGENCIES), cast.any_form(dice), address(dice)
    sheet.write(306, 50, agency, size=18, font=BOLD, align="centre")
    sheet.write(306, 66, f"{street}, {town}", size=8, align="centre")
    y = sheet.lines(
        50,
        110,
        (f"Date: {write(before(dice, begins))}", f"Re: {title}", f"Claim #: {digits(dice, '######')}"),
    )
    label = dice.choice(("Insurance Carrier:", "Writing Company:", "Underwriting Company:", "Insurance provided by:"))
    for pair in (
        ((label, carrier), ("Policy #:", number)),
        (("Inception:", write(begins)), ("Expiry:", write(ends))),
        (("Mortgagee:", dice.choice(cast.BANKS)), ("Loan #:", digits(dice, "#########"))),
        (("Prior carrier:", dice.choice(cast.EARLIER)), ("Prior policy #:", digits(dice, cast.number_form(dice)))),
        (("Insured:", person(dice)), ("Phone:", digits(dice, "(###) ###-####"))),
    ):
        y += 18
        for x, (name, value) in zip((50, 350), pair, strict=True):
            sheet.write(x, y, f"{name} {value}", size=8.5)
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def checked_lines(dice: Random) -> tuple[Sheet, Truth]:
    """A renewal certificate: sentences cut into fields, a term in months and its first day only."""
    sheet, (begins, _) = Sheet(), term(dice, 6)
    carrier, number, title, kind = cast.policy(dice)
    write = cast.any_form(dice)
    sheet.write(50, 60, carrier, size=12, font=SERIF_BOLD)
    sheet.write(50, 76, "A stock company, Home Office: Omaha, Nebraska", size=7, font=SERIF)
    sheet.write(560, 60, "RENEWAL CERTIFICATE", size=12, font=BOLD, align="right")
    sheet.lines(
        50,
        120,
        (
            f"Certificate for policy: {number}    Kind: {title}",
            f"Term: 6 months from {write(begins)}",
            f"Insured since {later(begins, -60).year}    Agent of record: {dice.choice(cast.AGENCIES)}",
            f"Next payment: {write(later(begins, 1))}    Last claim: {write(later(begins, -19))}",
        ),
        size=9,
        font=SERIF,
    )
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins)


LAYOUTS: tuple[Layout, ...] = (ruled_boxes, captions_below, filled_in, under_an_agency, checked_lines)
