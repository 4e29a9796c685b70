"""Colours as `#rrggbb`: how well one reads on another, and one that does."""


def contrast(one: str, other: str) -> float:
    """The contrast ratio, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable(colour: str, ground: str, ratio: float = 4.5) -> str:
    """The colour itself, or the nearest darker (on a light ground) or lighter one that reaches the ratio."""
    towards = 0 if _luminance(ground) > 0.18 else 255
    parts = _parts(colour)
    for step in range(101):
        mixed = tuple(round(part + (towards - part) * step / 100) for part in parts)
        tried = "#{:02x}{:02x}{:02x}".format(*mixed)
        if contrast(tried, ground) >= ratio:
            return tried
    return "#000000" if towards == 0 else "#ffffff"


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(part) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
