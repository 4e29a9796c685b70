"""Medians as a picture: two bars for each contestant, letters a second and CPU a letter. SVG, drawn by hand."""

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.measure import Run, median

ROW, LEFT, BAR, GAP = 24, 190, 230, 90
WIDTH = LEFT + 2 * (BAR + GAP)
INK, FAST, COSTLY = "#222222", "#1d4f91", "#b3541e"


def draw(results: Mapping[str, Mapping[str, Sequence[Run]]], note: str) -> str:
    """results: of each part, the runs of each contestant."""
    rows: list[str] = []
    y = 20
    for title, runs in results.items():
        y += ROW
        rows.append(_text(0, y, title, weight="bold"))
        rows.append(_text(LEFT, y, "letters a second"))
        rows.append(_text(LEFT + BAR + GAP, y, "CPU a letter, \u00b5s"))
        rates = {name: median(some, lambda run: run.rate) for name, some in runs.items()}
        costs = {name: median(some, lambda run: run.micros) for name, some in runs.items()}
        for name in runs:
            y += ROW
            rows.append(_text(0, y, name))
            rows.append(_bar(LEFT, y, rates[name] / max(rates.values()), FAST, f"{rates[name]:,.0f}"))
            share = costs[name] / max(costs.values())
            rows.append(_bar(LEFT + BAR + GAP, y, share, COSTLY, f"{costs[name]:.0f}"))
        y += ROW // 2
    rows.append(_text(0, y + ROW, note))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 2 * ROW}" font-family="sans-serif" '
        f'font-size="13" fill="{INK}"><rect width="100%" height="100%" fill="#ffffff"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def _text(x: float, y: float, words: str, weight: str = "normal") -> str:
    return f'<text x="{x:.0f}" y="{y}" font-weight="{weight}">{escape(words)}</text>'


def _bar(x: float, y: float, share: float, colour: str, words: str) -> str:
    width = max(share * BAR, 1)
    bar = f'<rect x="{x:.0f}" y="{y - 13}" width="{width:.0f}" height="16" fill="{colour}"/>'
    return bar + _text(x + width + 6, y, words)
