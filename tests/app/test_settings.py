"""The settings survive, and a broken file never stops the start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from qtpy.QtGui import QGuiApplication

from multimil_gui.app.layout import Rectangle, WindowLayout, clamped
from multimil_gui.app.settings import RECENT, Settings
from multimil_gui.app.theme import ThemeChoice


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def test_values_come_back(path: Path) -> None:
    first = Settings(path)
    first.set(theme=ThemeChoice.DARK)
    first.set_folder("data", path.parent)
    first.set(layout=WindowLayout(window=Rectangle(x=1, y=2, width=1000, height=700)).model_dump())
    again = Settings(path)
    assert again.values == first.values
    assert again.values.theme is ThemeChoice.DARK
    assert again.folder("data") == path.parent


def test_only_what_differs_from_the_defaults_is_written(path: Path) -> None:
    Settings(path).set(theme=ThemeChoice.LIGHT)
    assert json.loads(path.read_text()) == {"theme": "light"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"theme": "purple"}', b"\xff\xfe\x00", b'{"recent": 3}'])
def test_a_broken_file_is_kept_aside(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    settings = Settings(path)
    assert settings.values.theme is ThemeChoice.SYSTEM
    assert "defaults" in settings.problem
    (kept,) = path.parent.glob("settings.json.bad-*")
    assert kept.read_bytes() == content
    assert kept.name in settings.problem
    assert Settings(path).problem == ""


def test_keys_of_a_later_version_are_ignored(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"theme": "dark", "hologram": true}')
    settings = Settings(path)
    assert settings.problem == ""
    assert settings.values.theme is ThemeChoice.DARK


def test_a_wrong_value_changes_nothing(path: Path) -> None:
    settings = Settings(path)
    with pytest.raises(ValidationError):
        settings.set(theme="purple")
    assert settings.values.theme is ThemeChoice.SYSTEM
    assert not path.exists()


def test_a_folder_that_cannot_be_written_does_not_stop(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    settings = Settings(blocked / "settings.json")
    settings.set(theme=ThemeChoice.DARK)
    assert settings.values.theme is ThemeChoice.DARK


@given(st.lists(st.sampled_from("abcdefghijklmnop"), max_size=40))
def test_recent_files_are_the_last_different_ones(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("recent")
    settings = Settings(folder / "settings.json")
    for name in names:
        settings.add_recent(folder / name)
    expected = list(dict.fromkeys(reversed(names)))[:RECENT]
    assert [path.name for path in settings.recent] == expected


def test_recent_files_can_be_forgotten(path: Path) -> None:
    settings = Settings(path)
    settings.add_recent(path)
    settings.forget_recent()
    assert settings.recent == ()


@given(st.integers(-10_000, 10_000), st.integers(-10_000, 10_000), st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_window_is_always_put_on_a_screen(qapp, x: int, y: int, width: int, height: int) -> None:
    rect = clamped(Rectangle(x=x, y=y, width=width, height=height), smallest=(300, 200))
    assert any(screen.availableGeometry().contains(rect) for screen in QGuiApplication.screens())
