"""`python -m clients.reading.child SECONDS`: the text of the PDF on standard input, to standard output.

A process of its own, because the file may be hostile and the PDF library is written in C: whatever happens to it, the
worker lives on. It binds itself before it looks at the file, and it knows no secret: nothing of Django is imported and
its environment is empty (clients.reading.extraction starts it).
"""

import ctypes
import math
import os
import resource
import signal
import sys
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

import pypdfium2
from pypdfium2 import raw

from clients.reading.bounds import DAMAGED, ENCRYPTED, MAX_BYTES, MAX_CHARACTERS, MAX_MEMORY, MAX_PAGES, NO_ROOM
from clients.reading.layout import Run, text_from, upright

BETWEEN_PAGES = "\n\f\n"
HYPHENS = dict.fromkeys(map(ord, "\x02\ufffe\u2010\u2011\u2212\xad"), "-")
"""How the library writes a hyphen at the end of a line, and others that look like one."""


def main(seconds: int) -> int:
    bind(seconds)
    try:
        text = read(sys.stdin.buffer)
    except pypdfium2.PdfiumError as failure:
        return ENCRYPTED if failure.err_code == raw.FPDF_ERR_PASSWORD else DAMAGED
    try:
        with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as answer:
            answer.write(text.encode())
    except OSError:
        return NO_ROOM
    return 0


def bind(seconds: int) -> None:
    """From here on: little memory, little time, a small answer, no other process, no core file."""
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: MAX_BYTES,
        resource.RLIMIT_NOFILE: 8,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform != "darwin":  # which refuses to bound memory
        limits[resource.RLIMIT_AS] = MAX_MEMORY
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    signal.alarm(seconds + 1)  # should the worker be gone that would end it


def read(file: BinaryIO) -> str:
    """The text of the first pages. Raises pypdfium2.PdfiumError where there is nothing to be read at all."""
    document = pypdfium2.PdfDocument(file)
    number = min(len(document), MAX_PAGES)
    if not number:
        raise pypdfium2.PdfiumError("No page")
    texts: list[str] = []
    left = MAX_CHARACTERS
    for index in range(number):
        try:
            text = text_from(_letters(document, index, left))[:left]
        except pypdfium2.PdfiumError:  # this page is damaged; the next ones may not be
            continue
        texts.append(text)
        left -= len(text) + len(BETWEEN_PAGES)
        if left <= 0:
            break
    if not texts:
        raise pypdfium2.PdfiumError("No page can be read")
    return BETWEEN_PAGES.join(texts)


def _letters(document: pypdfium2.PdfDocument, index: int, most: int) -> Iterator[Run]:
    """What is drawn on a page, letter by letter, as it is normalised for all that comes after."""
    page = _flat(document, index)
    words = page.get_textpage()
    box, x, y = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    blank = False
    for at in range(min(raw.FPDFText_CountChars(words), most)):
        drawn = _normal(raw.FPDFText_GetUnicode(words, at))
        if not drawn.strip():
            blank = blank or drawn != ""
            continue
        raw.FPDFText_GetLooseCharBox(words, at, box)
        raw.FPDFText_GetCharOrigin(words, at, x, y)
        quarter = round(raw.FPDFText_GetCharAngle(words, at) / (math.pi / 2)) % 4
        (left, bottom), (right, top) = upright(quarter, box.left, box.bottom), upright(quarter, box.right, box.top)
        base = upright(quarter, x.value, y.value)[1]
        size = max(abs(top - bottom) / 1.2, 0.01)  # the box is as high as a line
        if not math.isfinite(left + right + base + size):
            continue
        yield Run(drawn, min(left, right), max(left, right), base, size, quarter, blank)
        blank = False


def _flat(document: pypdfium2.PdfDocument, index: int) -> pypdfium2.PdfPage:
    """A page with what was typed into its form fields drawn on it."""
    page = document[index]
    if raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY) != raw.FLATTEN_SUCCESS:
        return page
    page.close()
    return document[index]


def _normal(code: int) -> str:
    """A letter without its typesetting (ligatures, wide forms); "" for what does not show and what is no letter."""
    if code in HYPHENS:
        return HYPHENS[code]
    letter = chr(code) if code <= sys.maxunicode else ""
    if letter.isspace():
        return " "
    normal = unicodedata.normalize("NFKC", letter)
    return "".join(one for one in normal if unicodedata.category(one)[0] != "C")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
