"""Both themes are readable, complete and followed."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from qtpy.QtGui import QColor, QPalette

from multimil_gui.app.icons import icon_image, icon_names
from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.roles import ROLES, ThemeName, as_mapping, contrast
from multimil_gui.app.theme import ThemeChoice, palette, style_sheet

THEMES = files("multimil_gui") / "_assets" / "themes"
TEXTS = ("text", "muted", "accent_text", "error", "warning", "success")
SURFACES = ("window", "panel", "canvas", "raised", "accent_soft")


@pytest.mark.parametrize("name", ThemeName)
def test_every_text_can_be_read_on_every_surface(name: ThemeName) -> None:
    roles = as_mapping(ROLES[name])
    for text in TEXTS:
        for surface in SURFACES:
            assert contrast(roles[text], roles[surface]) >= 4.5, (text, surface)
    for fill in ("accent", "accent_hover"):
        assert contrast(roles["on_accent"], roles[fill]) >= 4.5
    for meaning in ("error", "warning", "success"):
        assert contrast(roles[meaning], roles[f"{meaning}_soft"]) >= 4.5
        assert contrast(roles["text"], roles[f"{meaning}_soft"]) >= 4.5
    # Focus rings and the accent are seen without reading: 3 to 1.
    for surface in SURFACES:
        assert contrast(roles["accent_text"], roles[surface]) >= 3.0


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)


@pytest.mark.parametrize("name", ThemeName)
def test_the_style_sheet_is_complete(name: ThemeName) -> None:
    sheet = style_sheet(name)
    assert "{{" not in sheet
    template = (THEMES / "style.qss").read_text(encoding="utf-8")
    used = set(re.findall(r"\{\{(\w+)\}\}", template)) - {"marks"}
    assert used <= set(as_mapping(ROLES[name]))
    # No colour is written twice: all of them come from the roles.
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", template)
    for mark in re.findall(r"\{\{marks\}\}/([\w-]+\.svg)", template):
        assert (THEMES / name.value / mark).is_file(), mark


@pytest.mark.parametrize("name", ThemeName)
def test_the_small_marks_have_the_themes_colours(name: ThemeName) -> None:
    colors = set(as_mapping(ROLES[name]).values())
    for mark in (THEMES / name.value).iterdir():
        (stroke,) = re.findall(r'stroke="(#[0-9a-f]{6})"', mark.read_text())
        assert stroke in colors, mark.name


@pytest.mark.parametrize("name", icon_names())
def test_every_icon_is_drawn_in_the_asked_colour(qapp, name: str) -> None:
    image = icon_image(name, "#ff8000", 32)
    colors = {
        image.pixelColor(x, y).getRgb()[:3]
        for x in range(32)
        for y in range(32)
        if image.pixelColor(x, y).alpha() == 255
    }
    assert colors == {(255, 128, 0)}


def test_the_window_follows_the_theme(window: MainWindow, qapp) -> None:
    for choice, name in ((ThemeChoice.DARK, ThemeName.DARK), (ThemeChoice.LIGHT, ThemeName.LIGHT)):
        window.view._choose(choice)
        roles = ROLES[name]
        assert qapp.palette().color(QPalette.ColorRole.Base) == QColor(roles.canvas)
        corner = window.start_page.grab().toImage().pixelColor(2, 2)
        assert corner == QColor(roles.panel)
        assert window.services.settings.values.theme is choice
        assert window.actions_bound.qaction(f"view.theme_{choice.value}").isChecked()


def test_the_map_follows_the_theme(opened: MainWindow) -> None:
    for choice, name in ((ThemeChoice.DARK, ThemeName.DARK), (ThemeChoice.LIGHT, ThemeName.LIGHT)):
        opened.services.theme.apply(choice)
        image = opened.workspace.map.canvas.image()
        assert tuple(image[2, 2, :3]) == QColor(ROLES[name].canvas).getRgb()[:3]


def test_toggling_twice_returns(window: MainWindow) -> None:
    window.view.theme_light()
    window.actions_bound.trigger("view.toggle_theme")
    assert window.services.theme.name is ThemeName.DARK
    window.actions_bound.trigger("view.toggle_theme")
    assert window.services.theme.name is ThemeName.LIGHT


def test_disabled_text_is_paler_than_text() -> None:
    for roles in ROLES.values():
        colors = palette(roles)
        role = QPalette.ColorRole.Text
        assert colors.color(QPalette.ColorGroup.Disabled, role) != colors.color(QPalette.ColorGroup.Active, role)
