"""Development pages that are read from top to bottom."""

from random import Random

from evaluation.development import cast
from evaluation.page import Layout, Truth, address, before, digits, later, person, term, truth
from evaluation.sheet import BOLD, MONO, SERIF, SERIF_BOLD, Sheet


def labelled_lines(dice: Random) -> tuple[Sheet, Truth]:
    """A letterhead, a title, a label and a value a line."""
    sheet, (begins, ends) = Sheet(), term(dice, dice.choice((6, 12)))
    carrier, number, title, kind = cast.policy(dice)
    write = cast.any_form(dice)
    sheet.write(72, 72, carrier, size=16, font=BOLD)
    sheet.write(72, 96, f"{title} Declarations", size=13)
    sheet.lines(
        72,
        130,
        (
            f"Policy Number: {number}",
            f"Named Insured: {person(dice)}",
            f"Policy Period: {write(begins)} {dice.choice(('to', '-', 'through', 'until'))} {write(ends)}",
            f"Agent: {dice.choice(cast.AGENCIES)}",
            f"Print Date: {write(before(dice, begins))}",
            f"Previous Policy Number: {digits(dice, cast.number_form(dice))}",
            f"Loan Number: {digits(dice, '##########')}",
            f"Date of Birth: {write(later(begins, -480))}",
        ),
        size=11,
    )
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def agreement(dice: Random) -> tuple[Sheet, Truth]:
    """Sentences, with the end given as a term and a date."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice)
    write = dice.choice((cast.long_form, cast.day_first, cast.slashed))
    sheet.write(306, 80, f"{title} Declarations".upper(), size=12, font=SERIF_BOLD, align="centre")
    y = sheet.paragraph(
        90,
        120,
        430,
        f"In return for the payment of premium, {carrier} (we, us, our) agrees with {person(dice)} of "
        f"{', '.join(address(dice))} to provide the insurance stated in policy number {number}.",
        size=11,
    )
    y = sheet.paragraph(
        90,
        y + 10,
        430,
        f"The policy takes effect on {write(begins)} and expires on {write(ends)}, both at 12:01 a.m. at the address "
        f"above. It was issued on {write(before(dice, begins))} through {dice.choice(cast.AGENCIES)}.",
        size=11,
    )
    sheet.paragraph(90, y + 10, 430, f"It replaces a policy of {dice.choice(cast.EARLIER)}.", size=11)
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def mainframe(dice: Random) -> tuple[Sheet, Truth]:
    """Capitals of one width, in columns made by blanks."""
    sheet, (begins, ends) = Sheet(), term(dice, 6)
    carrier, number = dice.choice(cast.CARRIERS).upper(), digits(dice, cast.number_form(dice))
    title, kind = dice.choice((("PERSONAL AUTOMOBILE POLICY", "auto"), ("HOMEOWNERS POLICY", "home")))
    street, town = address(dice)
    sheet.lines(
        36,
        60,
        (
            f"{carrier:<58}PAGE   1",
            f"{title + ' DECLARATIONS':<58}{cast.short(before(dice, begins))}",
            "*" * 72,
            f"POLICY NO   {number:<24}FROM {cast.short(begins)} TO {cast.short(ends)} 12:01 AM STD",
            f"INSURED     {person(dice).upper():<24}AGENT {dice.choice(cast.AGENCIES).upper()}",
            f"            {street.upper():<24}AGENT NO {digits(dice, '##-####')}",
            f"            {town.upper()}",
            f"CLAIM NO    {digits(dice, '##########'):<24}NAIC {digits(dice, '#####')}",
            "*" * 72,
            "VEH  COVERAGE        LIMIT OF LIABILITY      PREMIUM",
            f" 1   BODILY INJURY   100,000/300,000         {dice.randint(80, 300)}.00",
            f"LIENHOLDER {dice.choice(cast.BANKS).upper()}",
        ),
        size=9,
        font=MONO,
    )
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def behind_a_bill(dice: Random) -> tuple[Sheet, Truth]:
    """A bill first, with an account and due dates of its own; the declarations on the second page."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice)
    write = cast.any_form(dice)
    sheet.write(72, 80, "Billing Statement", size=18, font=BOLD)
    sheet.lines(
        72,
        120,
        (
            f"Account Number: {digits(dice, '###########')}",
            f"Invoice Date: {write(before(dice, begins))}",
            f"Payment Due Date: {write(before(dice, begins, 10))}",
            f"Amount Due: ${dice.randint(90, 900)}.00",
            "Make checks payable to your agent.",
        ),
    )
    sheet.next_page()
    sheet.write(540, 60, f"{title} Declarations", size=14, font=BOLD, align="right")
    sheet.lines(
        72,
        110,
        (
            f"Insurance Company: {carrier}",
            f"Policy No. {number}",
            f"Effective: {write(begins)}",
            f"Expires: {write(ends)}",
            f"Insured: {person(dice)}",
        ),
        size=11,
    )
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def small_capitals(dice: Random) -> tuple[Sheet, Truth]:
    """Titles in small capitals and in spread letters."""
    sheet, (begins, ends) = Sheet(), term(dice)
    carrier, number, title, kind = cast.policy(dice)
    write = cast.any_form(dice)
    sheet.small_caps(72, 70, carrier, size=18)
    sheet.spread(72, 96, "DECLARATIONS", by=5, size=12, font=BOLD)
    y = 140.0
    for label, value in (
        ("Policy Number", number),
        ("Type of Policy", title),
        ("Effective Date", write(begins)),
        ("Expiration Date", write(ends)),
        ("Insured", person(dice)),
        ("Claims Reported To", dice.choice(cast.AGENCIES)),
        ("Issue Date", write(before(dice, begins))),
    ):
        sheet.small_caps(72, y, label, size=11)
        sheet.write(240, y, value, size=11, font=SERIF)
        y += 18
    return sheet, truth(carrier=carrier.upper(), number=number, kind=kind, begins=begins, ends=ends)


def named_at_the_foot(dice: Random) -> tuple[Sheet, Truth]:
    """A brand on top, tiny letters, and the company that insures named at the foot."""
    sheet, (begins, ends) = Sheet(), term(dice, 6)
    carrier, number, title, kind = cast.policy(dice)
    write = cast.any_form(dice)
    sheet.write(60, 60, dice.choice(("Coverly", "Lantern", "Hometown Group")), size=22, font=BOLD)
    sheet.write(60, 90, title, size=9)
    sheet.lines(
        60,
        110,
        (
            f"Policy number {number}",
            f"Policyholder {person(dice)}",
            f"Policy term {write(begins)} to {write(ends)} (12:01 AM)",
            f"Statement created on {write(before(dice, begins))}",
            "Questions? 1-800-555-0134",
        ),
        size=6,
    )
    who = dice.choice(("Coverage is provided by", "Insurance is underwritten by", "This policy is issued by"))
    sheet.paragraph(
        60, 740, 480, f"{who} {carrier}. Not available in all states. Refer to form {digits(dice, '##-####')}.", size=6
    )
    return sheet, truth(carrier=carrier, number=number, kind=kind, begins=begins, ends=ends)


def life_summary(dice: Random) -> tuple[Sheet, Truth]:
    """Life insurance, term or for life: the latter has no end."""
    sheet, (begins, ends) = Sheet(), term(dice, 240)
    carrier, number, write = (
        dice.choice(cast.LIFE),
        digits(dice, dice.choice(("L########", "##-#######"))),
        cast.any_form(dice),
    )
    whole = dice.random() < 0.5
    sheet.write(72, 70, carrier, size=15, font=SERIF_BOLD)
    y = 110.0
    for label, value in (
        ("Policy Number:", number),
        ("Plan of Insurance:", "Whole Life" if whole else "20 Year Level Term Life"),
        ("Insured:", person(dice)),
        ("Date of Birth:", write(later(begins, -420))),
        ("Policy Effective Date:", write(begins)),
        *(() if whole else (("Term Expiration Date:", write(ends)),)),
        ("Beneficiary:", person(dice)),
        ("Application Date:", write(before(dice, begins))),
    ):
        sheet.write(72, y, label, font=SERIF_BOLD)
        sheet.write(250, y, value, font=SERIF)
        y += 18
    return sheet, truth(carrier=carrier, number=number, kind="life", begins=begins, ends=None if whole else ends)


def much_left_out(dice: Random) -> tuple[Sheet, Truth]:
    """A page without most of what one looks for, and with what could be taken for it."""
    sheet, (begins, _) = Sheet(), term(dice)
    write, (title, kind) = cast.any_form(dice), dice.choice(cast.PERSONAL)
    sheet.write(72, 70, dice.choice(cast.AGENCIES), size=16, font=BOLD)
    sheet.write(72, 92, f"{title} - application received", size=12)
    sheet.lines(
        72,
        130,
        (
            f"Applicant: {person(dice)}",
            f"Quote Number: {digits(dice, 'Q#######')}",
            f"Previous Carrier: {dice.choice(cast.EARLIER)}",
            f"Prior Policy Number: {digits(dice, cast.number_form(dice))}",
            f"Prior Policy Expiration Date: {write(begins)}",
            f"Requested Effective Date: {write(later(begins, 1))}",
            f"Mortgagee: {dice.choice(cast.BANKS)}",
            f"Date: {write(before(dice, begins))}",
        ),
        size=11,
    )
    return sheet, truth(kind=kind, begins=later(begins, 1))


LAYOUTS: tuple[Layout, ...] = (
    labelled_lines,
    agreement,
    mainframe,
    behind_a_bill,
    small_capitals,
    named_at_the_foot,
    life_summary,
    much_left_out,
)
