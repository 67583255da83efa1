"""An agency's colour, and shades that can be read beside it, whatever colour that is (WCAG 2.2, 1.4.3, 1.4.11)."""

from dataclasses import dataclass
from itertools import count

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
GROUND = (246, 247, 249)
"""Around the white panels."""
TEXT_RATIO = 4.5
TINT, DEEPER, STEP = 0.08, 0.2, 0.02

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Theme:
    """What a page is coloured with. Each pair that is read together has a contrast of at least TEXT_RATIO."""

    brand: Colour
    """The agency's own; never text."""
    on_brand: Colour
    """Text on it: black or white, one of which always can be read."""
    accent: Colour
    """The same hue, dark enough for text on white, GROUND and `tint`, and for white text on it."""
    accent_deep: Colour
    """Of a button that is pointed at."""
    tint: Colour
    """Behind what is chosen."""

    def css(self) -> str:
        """As custom properties: a stylesheet of its own, so that no page needs an inline style."""
        shades = {
            "brand": self.brand,
            "on-brand": self.on_brand,
            "accent": self.accent,
            "accent-deep": self.accent_deep,
            "tint": self.tint,
        }
        return ":root{" + ";".join(f"--{name}:{written(shade)}" for name, shade in shades.items()) + "}\n"


def theme(code: str) -> Theme:
    """For six hexadecimal digits."""
    brand = (int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16))
    tint = mixed(WHITE, brand, TINT)
    accent = _darkened(brand, beside=(WHITE, GROUND, tint))
    return Theme(
        brand=brand,
        on_brand=max(BLACK, WHITE, key=lambda text: contrast(text, brand)),
        accent=accent,
        accent_deep=mixed(accent, BLACK, DEEPER),
        tint=tint,
    )


def contrast(one: Colour, other: Colour) -> float:
    """From 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """With that share of the other one in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def written(colour: Colour) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)


def _darkened(colour: Colour, *, beside: tuple[Colour, ...]) -> Colour:
    """By as little as makes it readable; black is, at the latest."""
    shades = (mixed(colour, BLACK, min(1.0, step * STEP)) for step in count())
    return next(shade for shade in shades if all(contrast(shade, ground) >= TEXT_RATIO for ground in beside))


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
