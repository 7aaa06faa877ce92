"""The colours of the two themes as roles; every text role keeps a contrast of 4.5:1 on every surface it is used on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum


class ThemeName(StrEnum):
    """The two themes."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Roles:
    """Colours by what they are for, each as ``#rrggbb``.

    Attributes
    ----------
    window, panel, canvas, raised
        Surfaces: behind everything; docks and dialogs; plots, tables and fields; hovered rows and cards.
    border, border_strong
        Thin lines between surfaces; frames of fields and buttons.
    text, muted, disabled
        Text on any surface; secondary text; what cannot be used now.
    accent, accent_text, on_accent, accent_soft
        Fill of the one button that matters and of the chosen row; accent as text or focus ring; text on the fill; a
        quiet tint for selected rows.
    error, warning, success
        Text and marks with a meaning.
    error_soft, warning_soft, success_soft
        Backgrounds behind such text.
    """

    window: str
    panel: str
    canvas: str
    raised: str
    border: str
    border_strong: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_hover: str
    accent_text: str
    on_accent: str
    accent_soft: str
    error: str
    warning: str
    success: str
    error_soft: str
    warning_soft: str
    success_soft: str


LIGHT = Roles(
    window="#eef1f4",
    panel="#f8f9fb",
    canvas="#ffffff",
    raised="#eef1f4",
    border="#dde2e8",
    border_strong="#b9c1cb",
    text="#18212c",
    muted="#566170",
    disabled="#9aa4b0",
    accent="#0f6b74",
    accent_hover="#0b5a62",
    accent_text="#0c646d",
    on_accent="#ffffff",
    accent_soft="#d8ebed",
    error="#b3261e",
    warning="#8a5200",
    success="#1c6b3f",
    error_soft="#fbe9e7",
    warning_soft="#fcf1dc",
    success_soft="#e3f3e9",
)

DARK = Roles(
    window="#14171b",
    panel="#1b1f24",
    canvas="#15181c",
    raised="#272c33",
    border="#2c323a",
    border_strong="#4b5562",
    text="#e4e8ee",
    muted="#9da8b6",
    disabled="#626c79",
    accent="#1b7781",
    accent_hover="#207e89",
    accent_text="#63cdd6",
    on_accent="#ffffff",
    accent_soft="#1d3d43",
    error="#ff9388",
    warning="#eab765",
    success="#74cf9c",
    error_soft="#3a2322",
    warning_soft="#372c1a",
    success_soft="#1d3226",
)

ROLES = {ThemeName.LIGHT: LIGHT, ThemeName.DARK: DARK}


def as_mapping(roles: Roles) -> dict[str, str]:
    """Return the roles by name, for templates."""
    return {field.name: getattr(roles, field.name) for field in fields(roles)}


def rgb(color: str) -> tuple[int, int, int]:
    """Return ``#rrggbb`` as three numbers 0-255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def contrast(first: str, second: str) -> float:
    """Return the WCAG 2.1 contrast ratio of two colours, 1 to 21."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part / 255) for part in rgb(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
