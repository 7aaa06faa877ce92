"""Features are chosen by keyboard alone, in every modality, among 60,000."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.import_ import import_file
from multimil_gui.data.store import Store
from multimil_gui.state.feature_search import Feature
from multimil_gui.widgets._feature_field import FeatureField


@pytest.fixture
def field(qtbot: QtBot) -> FeatureField:
    result = FeatureField()
    qtbot.addWidget(result)
    result.show()
    qtbot.waitExposed(result)
    return result


@pytest.fixture(scope="module")
def two_modalities(_small_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return import_file(_small_files / "small.h5mu", tmp_path_factory.mktemp("two"), SilentReporter())


def _shown(field: FeatureField) -> list[str]:
    model = field.completer().popup().model()
    return [model.index(i, 0).data() for i in range(model.rowCount())]


def test_sixty_thousand_names_are_searched_and_few_are_listed(qtbot: QtBot, field: FeatureField) -> None:
    field.set_features(tuple(f"GENE{i}" for i in range(60_000)))
    qtbot.keyClicks(field, "e5999")
    assert _shown(field)[0] == "GENE5999" and len(_shown(field)) == 11
    assert [feature.name for feature in field.matches("gene59999")] == ["GENE59999"]


def test_arrows_and_return_choose_from_the_list(qtbot: QtBot, field: FeatureField) -> None:
    field.set_features(("CD3D", "CD3E", "CD33"))
    chosen: list[str] = []
    field.feature_chosen.connect(chosen.append)
    qtbot.keyClicks(field, "cd3")
    popup = field.completer().popup()
    assert popup.isVisible()
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    assert chosen == ["CD3D"] and field.text() == "CD3D"
    assert not popup.isVisible()


def test_the_modality_is_named_and_chosen_with_the_feature(
    qtbot: QtBot, field: FeatureField, two_modalities: Store
) -> None:
    field.set_store(two_modalities)
    picked: list[Feature] = []
    field.picked.connect(picked.append)
    protein = two_modalities.features("adt")[0]
    qtbot.keyClicks(field, protein.upper())
    assert f"{protein}   ·  adt" in _shown(field)
    # While the list is open it gets the keys.
    qtbot.keyClick(field.completer().popup(), Qt.Key.Key_Return)
    assert picked == [Feature(protein, "adt")]
    field.clear()
    qtbot.keyClick(field, Qt.Key.Key_Down)
    assert _shown(field)[0] == f"{protein}   ·  adt"


def test_return_takes_the_best_match_where_no_name_begins_with_the_text(qtbot: QtBot, field: FeatureField) -> None:
    field.set_features(("HLA-DRA", "HLA-DRB1"))
    chosen: list[str] = []
    field.feature_chosen.connect(chosen.append)
    qtbot.keyClicks(field, "dr")
    qtbot.keyClick(field.completer().popup(), Qt.Key.Key_Return)
    assert chosen == ["HLA-DRA"]
