"""Paper to set made-up declaration pages on: positions in points, counted from the upper left corner."""

from collections.abc import Sequence
from io import BytesIO

from reportlab.lib.pagesizes import letter
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

PLAIN, BOLD, SERIF, SERIF_BOLD, MONO = "Helvetica", "Helvetica-Bold", "Times-Roman", "Times-Bold", "Courier"


class Sheet:
    """Pages of one size, the same bytes for the same calls."""

    def __init__(self, size: tuple[float, float] = letter) -> None:
        self.width, self.height = size
        self._buffer = BytesIO()
        self._canvas = Canvas(self._buffer, pagesize=size, invariant=1)

    def write(self, x: float, y: float, text: str, *, size: float = 10, font: str = PLAIN, align: str = "left") -> None:
        """One line of text, its baseline at `y`."""
        self._canvas.setFont(font, size)
        draw = {
            "left": self._canvas.drawString,
            "right": self._canvas.drawRightString,
            "centre": self._canvas.drawCentredString,
        }[align]
        draw(x, self.height - y, text)

    def lines(self, x: float, y: float, texts: Sequence[str], *, size: float = 10, font: str = PLAIN) -> float:
        """Lines below each other; gives where the next one would stand."""
        for text in texts:
            self.write(x, y, text, size=size, font=font)
            y += 1.3 * size
        return y

    def paragraph(self, x: float, y: float, width: float, text: str, *, size: float = 10, font: str = SERIF) -> float:
        """Text broken into lines no longer than `width`; gives where the next line would stand."""
        return self.lines(x, y, simpleSplit(text, font, size, width), size=size, font=font)

    def row(self, xs: Sequence[float], y: float, texts: Sequence[str], *, size: float = 9, font: str = PLAIN) -> None:
        """Cells that begin at `xs`."""
        for x, text in zip(xs, texts, strict=True):
            self.write(x, y, text, size=size, font=font)

    def small_caps(self, x: float, y: float, text: str, *, size: float = 12, font: str = SERIF) -> None:
        """Capitals, those that were small ones smaller."""
        for letter_ in text:
            shown, height = letter_.upper(), size * 0.75 if letter_.islower() else size
            self.write(x, y, shown, size=height, font=font)
            x += self._canvas.stringWidth(shown, font, height)

    def spread(self, x: float, y: float, text: str, *, by: float, size: float = 10, font: str = PLAIN) -> None:
        """Text with `by` more points between its letters."""
        self._canvas.setFont(font, size)
        self._canvas.drawString(x, self.height - y, text, charSpace=by)

    def box(self, x: float, y: float, width: float, height: float) -> None:
        self._canvas.rect(x, self.height - y - height, width, height)

    def rule(self, x: float, y: float, width: float) -> None:
        self._canvas.line(x, self.height - y, x + width, self.height - y)

    def field(self, x: float, y: float, name: str, value: str, *, width: float = 160) -> None:
        """A field of a form, filled in."""
        self._canvas.acroForm.textfield(
            name=name, value=value, x=x, y=self.height - y - 4, width=width, height=16, fontSize=10, borderWidth=0
        )

    def turn(self) -> None:
        """From here on this page is printed sideways: what is written stands upright once it is turned."""
        self._canvas.setPageRotation(90)
        self._canvas.setPageSize((self.height, self.width))  # the canvas turns it back
        self._canvas.translate(self.width, 0)
        self._canvas.rotate(90)
        self.width, self.height = self.height, self.width

    def next_page(self) -> None:
        self._canvas.showPage()

    def pdf(self) -> bytes:
        self._canvas.save()
        return self._buffer.getvalue()
