"""Fonts of figures: one that ships with matplotlib, then whatever the machine has for other scripts."""

from __future__ import annotations

from functools import cache

_OWN = "DejaVu Sans"
# Tried in this order for characters the first font lacks (Chinese, Japanese, Korean, ...).
_OTHERS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "SimHei",
    "Yu Gothic",
    "Malgun Gothic",
    "PingFang SC",
    "Hiragino Sans",
    "Arial Unicode MS",
)
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


@cache
def font_families() -> list[str]:
    """Return the installed families, our own first."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return [_OWN, *(name for name in _OTHERS if name in installed)]


@cache
def _characters() -> frozenset[int]:
    """Return the code points that can be drawn."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    fonts = (get_font(findfont(FontProperties(family=family))) for family in font_families())
    return frozenset().union(*(font.get_charmap() for font in fonts))


def drawable(text: str) -> str:
    """Return ``text`` on one line, with a mark for each character that no font here can draw."""
    known = _characters()
    line = " ".join(text.split())
    return "".join(letter if ord(letter) in known and letter.isprintable() else _UNKNOWN for letter in line)


def shortened(text: str, most: int) -> str:
    """Return :func:`drawable` text of at most ``most`` characters (at least 4), an ellipsis in the place of the rest."""
    words, most = drawable(text), max(most, 4)
    return words if len(words) <= most else words[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
