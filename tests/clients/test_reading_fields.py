"""What is found in the text of a declaration page, and what is not taken for it."""

import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.models import DeclarationPage, InsuranceType
from clients.reading.bounds import MAX_CHARACTERS
from clients.reading.fields import find

PAGES = [
    (
        """MERIDIAN
Policy Number: 912345678-0
Underwritten by:
Meridian Casualty Insurance Company
January 2, 2026
Policy Period: Jan 15, 2026 - Jul 15, 2026
Auto Insurance
Coverage Summary
This is your Declarations Page""",
        ("Meridian Casualty Insurance Company", "912345678-0", "auto", "2026-01-15", "2026-07-15"),
    ),
    (
        """                                   Tel: 1-800-555-3000
Harrow General Insurance Company                                   Declarations Page
One Harrow Center                                                  This is a description of your coverage.
Macon, GA 31295-0001                                               Please retain for your records.
                                                                   Policy Number: 4012-34-56-78
Date Issued: December 3, 2025                                      Coverage Period:
                                                                   01-15-26 through 07-15-26
ANN REED                                                           12:01 a.m. local time at the insured's address.
1 MILL RD
Vehicles        VIN          Vehicle Location       Finance Company/
                                                    Lienholder
1 2019 Ardent   1ARD         Dayton OH 45402        Allied Bank""",
        ("Harrow General Insurance Company", "4012-34-56-78", "auto", "2026-01-15", "2026-07-15"),
    ),
    (
        """Prairie Star Mutual Automobile Insurance Company
PO Box 2356                                     DECLARATIONS PAGE
Bloomington IL 61702-2356                       POLICY NUMBER      123 4567-A15-22B
NAMED INSURED                                   POLICY PERIOD JAN 15 2026 to JUL 15 2026
REED, ANN                                       12:01 A.M. Standard Time
YOUR CAR
YEAR MAKE""",
        ("Prairie Star Mutual Automobile Insurance Company", "123 4567-A15-22B", "auto", "2026-01-15", "2026-07-15"),
    ),
    (
        """RENEWAL
Homeowners
Policy Declarations                             Your agency is
Summary                                         Reed Agency Inc
NAMED INSURED(S)
Ann Reed
POLICY NUMBER              YOUR POLICY PERIOD
9 04 123456                Begins on Jan. 25, 2026 at 12:01 A.M.
                           and ends on Jan. 25, 2027
Location of property insured
Alder Vehicle and Property Insurance Company""",
        ("Alder Vehicle and Property Insurance Company", "9 04 123456", "home", "2026-01-25", "2027-01-25"),
    ),
    (
        """The Wayfarers Home and Marine Insurance Company
HOMEOWNERS POLICY DECLARATIONS
Named Insured                          Your Agency's Name and Address
ANN REED                               REED INSURANCE GROUP LLC
Your Policy Number: 993456789 633 1
Your Account Number: 993456789
Policy Period     From: 01-15-26     To: 01-15-27 12:01 A.M. Standard Time at the residence premises.
Mortgagee Name and Address
WELLS UNION BANK NA #936""",
        ("The Wayfarers Home and Marine Insurance Company", "993456789 633 1", "home", "2026-01-15", "2027-01-15"),
    ),
    (
        """WORKERS COMPENSATION AND EMPLOYERS LIABILITY INSURANCE POLICY
INFORMATION PAGE
Insurer: Hallmark Underwriters Insurance Company
NCCI Company Number: 10456
POLICY NO. 76 WEG AB1234                     Previous Policy No. 76 WEG AB1000
2. The policy period is from 01/01/2026 to 01/01/2027 12:01 a.m., Standard time at the insured's mailing address.
Producer's Name: REED AGENCY INC""",
        ("Hallmark Underwriters Insurance Company", "76 WEG AB1234", "commercial", "2026-01-01", "2027-01-01"),
    ),
    (
        """FLOOD DECLARATIONS PAGE
Policy Number:  87 04567890 2025          NFIP Policy Number:   0456789012
Agent: REED INSURANCE          Payor: INSURED
Policy Term: 05/01/2026 12:01 AM - 05/01/2027 12:01 AM      Policy Form: Dwelling
Orville National Flood Insurance Company
A Stock Company""",
        ("Orville National Flood Insurance Company", "87 04567890 2025", "other", "2026-05-01", "2027-05-01"),
    ),
    (
        """PERSONAL UMBRELLA LIABILITY POLICY
DECLARATIONS
Policy No.: PUP 1234567
Effective Date: 03/01/2026 at 12:01 AM     Expiration Date: 03/01/2027 at 12:01 AM
Required underlying insurance
Automobile liability      $250,000/$500,000
Auto policy number: 555 123 987
RJN Insurance Company""",
        ("RJN Insurance Company", "PUP 1234567", "umbrella", "2026-03-01", "2027-03-01"),
    ),
    (
        """COMMERCIAL GENERAL LIABILITY DECLARATIONS
CERTAIN UNDERWRITERS AT LLOYD'S, LONDON
POLICY NUMBER: CGL-0012345          RENEWAL OF: CGL-0011111
POLICY PERIOD: FROM 06/15/2026 TO 06/15/2027 AT 12:01 A.M. STANDARD TIME AT YOUR MAILING ADDRESS""",
        ("CERTAIN UNDERWRITERS AT LLOYD'S", "CGL-0012345", "commercial", "2026-06-15", "2027-06-15"),
    ),
    (
        """Lake Insurance Exchange                          LAKE FAMILY AUTO POLICY
AGENT                       ITEM 2. POLICY PERIOD                    POLICY NUMBER
AA1234 REED AGENCY          03/12/26 TO 03/12/27                     Q01 1234567 H
ITEM 1. NAMED INSURED AND ADDRESS""",
        ("Lake Insurance Exchange", "Q01 1234567", "auto", "2026-03-12", "2027-03-12"),
    ),
    (
        """Amity Mutual Insurance Company
Auto Insurance Policy Declarations
Policy Number: 930112-20PZ
Your policy is effective January 15, 2026 and expires January 15, 2027 at 12:01 A.M.
Total premium: $1,204.00   Paid in full discount""",
        ("Amity Mutual Insurance Company", "930112-20PZ", "auto", "2026-01-15", "2027-01-15"),
    ),
]

DAYS = [
    "01/15/2026", "1/15/26", "01-15-2026", "01-15-26", "01.15.2026", "2026-01-15", "2026/01/15", "Jan 15, 2026",
    "Jan. 15, 2026", "JAN 15 2026", "January 15, 2026", "January 15th, 2026", "15 January 2026", "15-JAN-2026",
    "15th of January 2026", "15JAN2026", "15/01/2026",
]  # fmt: skip

NOTHING = [
    "Prior Policy Number: AB-123456",
    "Claim Number: 123456789",
    "Previous Carrier: Old Colony Insurance Company",
    "Agent: Smith Insurance Agency",
    "Mortgagee: Mutual Savings Bank",
    "Date of Birth: 01/15/1980",
    "Effective Date: 02/30/2026",
    "Policy Number: To be assigned",
    "Policy Number: (614) 555-0100 x",
    "Expiration Date:",
    "",
    "\f",
]


def values(text: str) -> dict[str, str]:
    return {name: str(one.value) for name, one in find(text).items()}


@pytest.mark.parametrize(("text", "expected"), PAGES)
def test_pages_as_insurers_write_them(text: str, expected: tuple[str, ...]) -> None:
    assert values(text) == dict(zip(DeclarationPage.READ_FIELDS, expected, strict=True))


@pytest.mark.parametrize("day", DAYS)
def test_a_date_in_each_way_of_writing_it(day: str) -> None:
    text = f"Effective Date: {day} at 12:01 AM"
    found = find(text)["effective_date"]
    assert (found.value, text[found.start : found.end]) == (date(2026, 1, 15), day)


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_something_else_is_not_taken_for_it(text: str) -> None:
    assert find(text) == {}


def test_dates_out_of_order_are_not_both_given() -> None:
    found = find("Effective Date: 01/15/2027\nExpiration Date: 01/15/2026")
    assert len(found) == 1


def test_a_value_below_its_label_is_found_whatever_stands_beside() -> None:
    text = "Insured           Policy Number       Agent\nAnn Reed          GM-104-2288         555-0100-22"
    found = find(text)["policy_number"]
    assert (found.value, text[found.start : found.end]) == ("GM-104-2288", "GM-104-2288")


def test_nothing_is_looked_for_on_the_next_page() -> None:
    assert find("Policy Number\n\f\nGM-104-2288") == {}


# --- any text at all ------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["Policy", "Number", ":", "Effective", "Date", "Expiration", "From", "to", "Period", "01/15/2026", "Jan 15, 2027",
     "GM-104 2288", "Granite", "Mutual", "Insurance", "Company", "of", "Co.", "underwritten by", "Auto", "Homeowners",
     "Declarations", "Prior", "Agency", "\n", "\f", "", "  ", "ﬁ", "İ"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("\n".join))


@given(TEXTS)
def test_any_text_is_survived_and_what_is_found_stands_in_it(text: str) -> None:
    for name, found in find(text).items():
        said = text[found.start : found.end]
        assert said
        assert said == said.strip()
        if name == "carrier":
            assert set(str(found.value).replace(",", " ").split()) <= set(said.replace(",", " ").split())
            assert len(str(found.value)) <= 200
        elif name == "policy_number":
            assert found.value == said
            assert len(said) <= 50
        elif name == "policy_type":
            assert found.value in InsuranceType.values
        else:
            assert isinstance(found.value, date)


PIECES = [
    " ", "\n", "a", "1", "A1-", "1-", "jan ", "policy ", "Policy Number  ", "Policy Number\n", "Effective Date  ",
    "from ", "01/15/2026 ", "01/15/2026 to 01/15/2027\n", "Granite Mutual Insurance Company ", "Insurance ",
    "company: ", "underwritten by ", "Company Granite Mutual  ", "auto policy declarations ", "home\n",
    f"policy\n{' ' * 199}", f"motor\n{' ' * 200}", f"from{' ' * 50}\n{' ' * 60}",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * (MAX_CHARACTERS // len(piece) + 1))[:MAX_CHARACTERS]
    began = time.process_time()
    find(text)
    assert time.process_time() - began < 5
