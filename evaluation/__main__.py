"""`python -m evaluation`: how well declaration pages are read. With `--faults`, what was misread on the development
pages; of those held out only sums are shown, so that no rule is written by them."""

import sys

from evaluation import development, held_out
from evaluation.measure import Report, measure
from evaluation.page import pages

EACH = 4
"""Pages of each layout."""


def main() -> None:
    for name, layouts in (("Development", development.LAYOUTS), ("Held out", held_out.LAYOUTS)):
        if "--development" in sys.argv and layouts is held_out.LAYOUTS:
            continue
        report = measure(pages(layouts, EACH))
        print(f"{name}: {report.pages} pages in {len(layouts)} layouts")
        _show(report)
        if "--faults" in sys.argv and layouts is development.LAYOUTS:
            for fault in report.faults:
                print(f"  {fault.page} {fault.field}: {fault.given!r}, and the page says {fault.true!r}")
        print()


def _show(report: Report) -> None:
    print(f"  {'field':<16}{'precision':>10}{'recall':>10}   right/given/on the pages")
    for field, score in report.scores.items():
        counts = f"{score.right}/{score.given}/{score.there}"
        print(f"  {field:<16}{score.precision:>10.3f}{score.recall:>10.3f}   {counts}")


if __name__ == "__main__":
    main()
