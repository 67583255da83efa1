"""`python -m evaluation`: how well declaration pages are read: those the rules were written by, and those held out.

`python -m evaluation faults` names what was misread, on the former alone: of the pages held out only sums are shown,
so that no rule is written by them.
"""

import sys

from evaluation import development, held_out
from evaluation.measure import Report, measure
from evaluation.page import pages

EACH = 4
"""Pages of each layout."""


def main(faults: bool) -> None:
    report = measure(pages(development.LAYOUTS, EACH))
    _show("Development", report)
    if faults:
        for fault in report.faults:
            print(f"{fault.page} {fault.field}: {fault.given!r}, and the page says {fault.true!r}")
    else:
        _show("Held out", measure(pages(held_out.LAYOUTS, EACH)))


def _show(part: str, report: Report) -> None:
    print(f"{part}: {report.pages} pages")
    print(f"  {'field':<16}{'precision':>10}{'recall':>10}   right/given/on the pages")
    for field, score in report.scores.items():
        counts = f"{score.right}/{score.given}/{score.there}"
        print(f"  {field:<16}{score.precision:>10.3f}{score.recall:>10.3f}   {counts}")


if __name__ == "__main__":
    main(faults=sys.argv[1:] == ["faults"])
