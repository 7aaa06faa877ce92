"""Gene sets are made, pasted, imported, renamed and deleted in one window."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from multimil_gui.core.errors import Refusal
from multimil_gui.state.gene_lists import add_gene_set
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.widgets._gene_set_chooser import GeneSetChooser
from multimil_gui.widgets._gene_set_editor import genes_in
from multimil_gui.widgets.gene_sets_dialog import GeneSetsDialog


@pytest.fixture
def dialog(qtbot: QtBot, session: Session) -> GeneSetsDialog:
    result = GeneSetsDialog(session)
    qtbot.addWidget(result)
    result.show()
    return result


def _sets(session: Session) -> dict[str, tuple[str, ...]]:
    return {item.name: item.genes for item in session.view.gene_sets}


def _mark(dialog: GeneSetsDialog, row: int) -> None:
    dialog.list.setCurrentRow(row)


def test_pasted_text_becomes_genes() -> None:
    assert genes_in('CD3D, "CD3E"\nCD8A CD8B;GNLY\tCD3D\n\n') == ("CD3D", "CD3E", "CD8A", "CD8B", "GNLY")
    assert genes_in("HLA DR\nCD 4", {"HLA DR"}) == ("HLA DR", "CD", "4")


def test_a_set_is_made_by_pasting_and_tells_what_the_data_lack(dialog: GeneSetsDialog, session: Session) -> None:
    assert dialog.empty.isVisible()
    dialog.editor.genes.setPlainText("gene41, gene42\nGENE43 <b>none</b>")
    assert dialog.editor.found.text().startswith("2 of 4 genes found in")
    assert "<b>none</b>" in dialog.editor.found.text() and "capital letters" in dialog.editor.found.text()

    dialog.save.click()

    assert _sets(session) == {"Gene set 1": ("gene41", "gene42", "GENE43", "<b>none</b>")}
    assert not dialog.save.isEnabled() and not dialog.empty.isVisible()
    session.commands.undo()
    assert _sets(session) == {} and dialog.list.count() == 0


def test_a_gene_is_added_by_a_part_of_its_name(qtbot: QtBot, dialog: GeneSetsDialog) -> None:
    dialog.editor.genes.setPlainText("gene1")
    dialog.editor.add.setText("ENE42")
    qtbot.keyClick(dialog.editor.add, Qt.Key.Key_Return)
    assert dialog.editor.names() == ("gene1", "gene42")
    assert dialog.editor.add.text() == ""


def test_name_and_genes_are_changed_and_kept_when_another_set_is_shown(
    dialog: GeneSetsDialog, session: Session
) -> None:
    add_gene_set(session, "A", ["gene1"])
    add_gene_set(session, "B", ["gene2"])
    _mark(dialog, 0)
    dialog.editor.name.setText("Renamed")
    dialog.editor.genes.setPlainText("gene1 gene3")
    _mark(dialog, 1)
    assert _sets(session) == {"Renamed": ("gene1", "gene3"), "B": ("gene2",)}
    assert dialog.editor.name.text() == "B" and dialog.list.currentItem().text() == "B"


def test_a_taken_name_is_refused_in_words(dialog: GeneSetsDialog, session: Session) -> None:
    add_gene_set(session, "A", ["gene1"])
    dialog.editor.name.setText("A")
    dialog.editor.genes.setPlainText("gene2")
    dialog.save.click()
    assert "already" in dialog._notice.text()
    assert _sets(session) == {"A": ("gene1",)}


def test_cells_are_coloured_and_marked_sets_deleted(dialog: GeneSetsDialog, session: Session) -> None:
    dialog.editor.genes.setPlainText("gene1 gene2")
    dialog.color.click()
    modality = next(iter(session.data.store.index.modalities))
    assert session.view.color == ColorBy(ColorKind.SCORE, "Gene set 1", modality)
    dialog.list.selectAll()
    dialog.delete.click()
    assert _sets(session) == {} and session.view.color == ColorBy()
    session.commands.undo()
    assert session.view.color.kind is ColorKind.SCORE


def test_a_gmt_file_is_imported(qtbot: QtBot, dialog: GeneSetsDialog, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text("ONE\tnote of one\tgene1\tgene2\nTWO\t\tgene3\n", encoding="utf-8")
    dialog.import_file(path)
    qtbot.waitUntil(lambda: bool(session.view.gene_sets))
    assert _sets(session) == {"ONE": ("gene1", "gene2"), "TWO": ("gene3",)}
    assert dialog.words.text() == "2 gene sets added."
    assert dialog.editor.name.text() == "ONE"

    path.write_bytes(b"\x00\x01\x02")
    dialog.import_file(path)
    qtbot.waitUntil(lambda: bool(dialog._notice.text()))
    assert len(session.view.gene_sets) == 2


def test_of_a_large_file_only_the_marked_sets_are_taken(
    qtbot: QtBot, dialog: GeneSetsDialog, session: Session, tmp_path: Path
) -> None:
    path = tmp_path / "many.gmt"
    path.write_text("".join(f"SET{i}\t\tgene{i}\n" for i in range(300)), encoding="utf-8")
    dialog.import_file(path)
    qtbot.waitUntil(lambda: dialog.findChild(GeneSetChooser) is not None)
    chooser = dialog.findChild(GeneSetChooser)
    assert session.view.gene_sets == () and not chooser.take.isEnabled()
    chooser.search.setText("set29")
    chooser.list.selectAll()
    assert chooser.take.isEnabled()
    chooser.accept()
    assert list(_sets(session)) == ["SET29", *(f"SET{i}" for i in range(290, 300))]


def test_without_data_there_are_no_gene_sets(qtbot: QtBot) -> None:
    with pytest.raises(Refusal, match="No data"):
        GeneSetsDialog(Session())


def test_what_was_written_is_kept_when_the_window_is_closed(
    qtbot: QtBot, dialog: GeneSetsDialog, session: Session
) -> None:
    add_gene_set(session, "A", ["gene41"])
    dialog.editor.name.setText("A")
    dialog.editor.genes.setPlainText("gene42")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isVisible() and "already" in dialog._notice.text()
    dialog.editor.name.setText("B")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert _sets(session) == {"A": ("gene41",), "B": ("gene42",)}
