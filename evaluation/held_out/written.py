"""Held-out pages that are read from top to bottom: letters, prose, listings, small print."""

from random import Random

from reportlab.lib.pagesizes import A4

from evaluation.held_out import cast
from evaluation.page import Layout, Truth, address, before, digits, later, person, term, truth
from evaluation.sheet import BOLD, MONO, SERIF, SERIF_BOLD, Sheet


def renewal_letter(dice: Random) -> tuple[Sheet, Truth]:
    """A letter whose sentences hold everything."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, who = dice.choice(cast.PERSONAL), person(dice)
    number = digits(dice, dice.choice(("HX-#######", "### @ ####-##", "@@#### ####")))
    words, kind = dice.choice(
        (("homeowners", "home"), ("condominium owners", "home"), ("renters", "renters"), ("auto", "auto"))
    )
    sheet.write(306, 70, carrier, size=16, font=SERIF_BOLD, align="centre")
    sheet.write(306, 86, "Post Office Box 4410, Columbus, Ohio", size=8, font=SERIF, align="centre")
    sheet.write(72, 130, cast.long_form(before(dice, begins)), font=SERIF)
    y = sheet.lines(72, 160, (who, *address(dice)), font=SERIF)
    y = sheet.paragraph(72, y + 20, 460, f"Dear {who}:", font=SERIF)
    y = sheet.paragraph(
        72,
        y + 10,
        460,
        f"Thank you for trusting us again. This letter is the declarations of your {words} policy. Policy {number} is "
        f"in force from {cast.long_form(begins)} until {cast.long_form(ends)}, beginning and ending at 12:01 a.m. "
        f"standard time where you live, provided that the premium of ${dice.randint(400, 2900)}.00 is received by "
        f"{cast.long_form(before(dice, begins, 10))}.",
        size=11,
    )
    y = sheet.paragraph(
        72,
        y + 10,
        460,
        f"Your agent, {dice.choice(cast.AGENCIES)}, will gladly answer questions. Claims made before "
        f"{cast.long_form(later(begins, -36))} had no bearing on this renewal.",
        size=11,
    )
    sheet.write(72, y + 24, "Respectfully,", font=SERIF)
    sheet.write(72, y + 60, "Secretary", font=SERIF)
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def line_printer(dice: Random) -> tuple[Sheet, Truth]:
    """An old machine's capitals, in columns of its own."""
    months = dice.choice((6, 12))
    sheet, (begins, ends) = Sheet((792, 612)), term(dice, months)
    carrier = dice.choice(cast.PERSONAL).upper()
    number = digits(dice, dice.choice(("## ### ### #", "#######-##", "@####-##-##")))
    street, town = address(dice)
    kind_line, kind = dice.choice(
        (("FAMILY AUTOMOBILE", "auto"), ("DWELLING FIRE FORM 3", "home"), ("MOTORCYCLE", "auto"))
    )
    effective, expires = f"{begins:%m/%d/%y}", f"{ends:%m/%d/%y}"
    rows = (
        f"{carrier:<66}RUN DATE {before(dice, begins):%m/%d/%y}",
        f"{kind_line} AMENDED DECLARATION",
        "",
        f"POLICY NBR {number:<20} TERM EFF {effective}  TERM EXP {expires}   ACCT {digits(dice, '########')}",
        f"PRIOR POL  {digits(dice, 'Z######'):<20} ORIG INCEPT {later(begins, -48):%m/%d/%y}",
        "",
        f"INSD {person(dice).upper():<40} PRODUCER {dice.choice(cast.AGENCIES).upper()}",
        f"     {street.upper():<40} PROD CD  {digits(dice, '##-####')}",
        f"     {town.upper():<40}",
        "",
        "UNIT COVERAGE                       LIMIT          DED       PREM",
        f"001  BODILY INJ                  100/300                   {dice.randint(90, 400)}.00",
        f"001  COLLISION                       ACV          500      {dice.randint(90, 400)}.00",
        f"LOSS PAYEE {dice.choice(cast.BANKS).upper()}  LN {digits(dice, '##########')}",
    )
    sheet.lines(40, 60, rows, size=9, font=MONO)
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def small_print(dice: Random) -> tuple[Sheet, Truth]:
    """A brand on top, and who stands behind it in small print at the bottom."""
    sheet, (begins, ends) = Sheet(A4), term(dice)
    carrier, brand = dice.choice(cast.PERSONAL), dice.choice(("Nestly", "cobalt.", "HomeFox", "Brightside"))
    number, write = digits(dice, dice.choice(("NR#########", "@@@-####-####"))), cast.any_form(dice)
    words, kind = dice.choice(
        (("Renters insurance", "renters"), ("Apartment tenant's insurance", "renters"), ("Pet insurance", "other"))
    )
    sheet.write(50, 70, brand, size=26, font=BOLD)
    sheet.write(50, 110, f"{words} | Summary of coverage", size=13)
    y = 150.0
    for label, value in (
        ("Who is covered", person(dice)),
        ("Where", ", ".join(address(dice))),
        ("Policy", number),
        ("Starts", f"{write(begins)} at 12:01 AM"),
        ("Ends", f"{write(ends)} at 12:01 AM"),
        ("You pay", f"${dice.randint(5, 40)}.{dice.randint(10, 99)} a month"),
    ):
        sheet.write(50, y, label, size=8)
        sheet.write(230, y, value, size=8, font=BOLD)
        y += 18
    y = sheet.lines(50, y + 30, ("Personal property    $25,000", "Liability    $100,000", "Deductible    $250"), size=8)
    sheet.paragraph(
        50,
        790,
        480,
        f"{brand} Insurance Services LLC is a licensed agency (NPN {digits(dice, '########')}). Policies are "
        f"underwritten by {carrier}. Form {digits(dice, 'NS ## ## ## ##')}. © {begins.year} {brand}.",
        size=5.5,
    )
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def life_after_a_cover(dice: Random) -> tuple[Sheet, Truth]:
    """A cover sheet of other dates and numbers, and the specifications behind it."""
    sheet, (begins, ends) = Sheet(), term(dice, 12 * dice.choice((10, 20, 30)))
    carrier, number, write = dice.choice(cast.LIFE), digits(dice, "@########"), cast.any_form(dice)
    sheet.write(72, 90, "Your privacy", size=18, font=SERIF_BOLD)
    sheet.paragraph(
        72,
        120,
        450,
        f"This notice took effect on {cast.long_form(later(begins, -30))} and replaces that of "
        f"{cast.long_form(later(begins, -66))}. Questions about group coverage, certificate "
        f"{digits(dice, 'C######')}, go to the plan's administrator, {dice.choice(cast.AGENCIES)}.",
    )
    sheet.next_page()
    sheet.write(306, 80, carrier.upper(), size=15, font=SERIF_BOLD, align="centre")
    sheet.write(306, 100, "POLICY SPECIFICATIONS", size=12, font=SERIF, align="centre")
    y = 140.0
    for label, value in (
        ("INSURED", person(dice)),
        ("DATE OF BIRTH", write(later(begins, -12 * 37))),
        ("POLICY NUMBER", number),
        ("PLAN", f"Level {dice.choice(('Term', 'Premium Term'))} Life Insurance"),
        ("POLICY DATE", write(begins)),
        ("EXPIRY DATE", write(ends)),
        ("FACE AMOUNT", f"${dice.choice((100, 250, 500))},000"),
        ("OWNER", "The Insured"),
    ):
        sheet.write(72, y, f"{label} {'.' * (40 - len(label))}", font=SERIF)
        sheet.write(360, y, value, font=SERIF)
        y += 20
    return sheet, truth(carrier=carrier.upper(), number=number, kind="life", begins=begins, ends=ends)


def binder(dice: Random) -> tuple[Sheet, Truth]:
    """Cover before there is a policy number, and now and then before there is an end."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, write, open_ended = dice.choice(cast.BUSINESS), cast.any_form(dice), dice.random() < 0.5
    words = dice.choice(("Commercial General Liability", "Workers' Compensation", "Businessowners", "Inland Marine"))
    sheet.write(72, 70, dice.choice(cast.AGENCIES), size=14, font=BOLD)
    sheet.write(72, 86, "Evidence of insurance pending issuance of declarations", size=9)
    y = sheet.lines(
        72,
        130,
        (
            f"Named Insured: {person(dice)} dba Larkspur Bakery",
            f"Insurer: {carrier}",
            "Policy Number: To be assigned",
            f"Coverage: {words}",
            f"Coverage begins: {write(begins)}",
            *(() if open_ended else (f"Coverage ends: {write(ends)}",)),
            f"Quote no.: {digits(dice, 'Q-######')}",
            f"Prior carrier: {dice.choice(cast.PERSONAL)}",
            f"Prior policy no.: {digits(dice, 'PP#######')}",
            f"Date prepared: {write(before(dice, begins))}",
        ),
        size=11,
    )
    sheet.paragraph(72, y + 20, 460, "This binder is replaced by the policy once that is issued.", font=SERIF)
    return sheet, truth(carrier=carrier, kind="commercial", begins=begins, ends=None if open_ended else ends)


LAYOUTS: tuple[Layout, ...] = (renewal_letter, line_printer, small_print, life_after_a_cover, binder)
