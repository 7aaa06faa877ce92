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
    window="#eceff4",
    panel="#f7f9fc",
    canvas="#ffffff",
    raised="#edf1f7",
    border="#dbe1ea",
    border_strong="#b6c0cd",
    text="#16202e",
    muted="#546072",
    disabled="#98a3b1",
    accent="#2759ad",
    accent_hover="#1f4b96",
    accent_text="#2456a8",
    on_accent="#ffffff",
    accent_soft="#dbe6f7",
    error="#b3261e",
    warning="#875000",
    success="#1a6a3d",
    error_soft="#fbe9e7",
    warning_soft="#fdf1da",
    success_soft="#e2f3e8",
)

DARK = Roles(
    window="#10151e",
    panel="#161d28",
    canvas="#111722",
    raised="#222c3b",
    border="#273140",
    border_strong="#46546a",
    text="#e3e9f2",
    muted="#9caabd",
    disabled="#5f6d80",
    accent="#2f62b5",
    accent_hover="#3a6dc0",
    accent_text="#8db4f7",
    on_accent="#ffffff",
    accent_soft="#20365a",
    error="#ff958a",
    warning="#f0bb63",
    success="#75d19f",
    error_soft="#3a2325",
    warning_soft="#362c1c",
    success_soft="#1a3228",
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
