"""PDFs that nobody means well with, and what they are put together from."""

import zlib
from io import BytesIO

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
GRANITE = "Granite Mutual Insurance Company"


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A file of these objects, numbered from 1; the first is its catalogue."""
    file, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    xref = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(
        file + b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, trailer, xref)
    )


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def one_page(
    content: bytes, *more: bytes, font: bytes = FONT, page: bytes = b"", catalogue: bytes = CATALOGUE
) -> bytes:
    """A file whose page has this content stream (object 4) and font (object 5); `more` are objects from 6 on."""
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    own = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F 5 0 R >> %s >> >>" % page
    )
    return pdf(catalogue, pages, own, content, font, *more)


def written(text: bytes) -> bytes:
    return stream(b"BT /F 12 Tf 72 700 Td (%s) Tj ET" % text)


def swollen(block: bytes, times: int) -> bytes:
    """A stream of a few kilobytes that unpacks to a block so many times over."""
    packer = zlib.compressobj(9)
    once = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(9)
    head = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    assert head == once
    return stream(zlib.compress(head + again * (times - 1), 9), b"/Filter [/FlateDecode /FlateDecode]")


def drawn(text: str = GRANITE, password: str | None = None) -> bytes:
    """A well-made file; with a password, encrypted."""
    buffer = BytesIO()
    canvas = Canvas(buffer, encrypt=StandardEncryption(password) if password else None)
    canvas.drawString(72, 700, text)
    canvas.save()
    return buffer.getvalue()


def many_pages(number: int) -> bytes:
    """Each of them the same object."""
    pages = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b"3 0 R " * number, number)
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
    )
    return pdf(CATALOGUE, pages, page, written(GRANITE.encode()), FONT)


def mapped(*texts: str) -> bytes:
    """A page whose letters stand, says its font, for these texts."""
    codes = [65 + at for at in range(len(texts))]
    pairs = b"\n".join(
        b"<%02x> <%s>" % (code, text.encode("utf-16-be", "surrogatepass").hex().encode())
        for code, text in zip(codes, texts, strict=True)
    )
    cmap = (
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange\n"
        b"%d beginbfchar\n%s\nendbfchar endcmap end" % (len(texts), pairs)
    )
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>"
    return one_page(written(bytes(codes)), stream(cmap), font=font)
