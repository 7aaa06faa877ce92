"""What the cells are coloured by, with which palette and limits, and by whose scores."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QCheckBox, QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from multimil_gui.state.feature_search import Feature
from multimil_gui.state.palettes import CONTINUOUS, palette_lut
from multimil_gui.state.resolve import resolve
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.widgets._color_bar import lut_image, number_words
from multimil_gui.widgets._color_choices import (
    KEYED,
    KINDS,
    NEEDS_FIT,
    QUERY,
    SOURCES,
    What,
    is_continuous,
    key_caption,
    keys,
    offered,
    what_of,
)
from multimil_gui.widgets._feature_field import FeatureField
from multimil_gui.widgets._gene_fields import BlendFields, GeneSetField, missing_genes
from multimil_gui.widgets._limits_field import LimitsField
from multimil_gui.widgets._score_worker import watch_scores
from multimil_gui.widgets._target_choice import TargetChoice
from multimil_gui.widgets._top_slider import TopSlider
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, WheelGuard, label


class ColorPanel(QWidget):
    """Chooses the colour of the cells and selects the cells of the highest attention.

    Parameters
    ----------
    session
        The session; changed through its commands only.

    Signals
    -------
    run_requested()
        The user wants a fit because there is none to colour by.
    """

    run_requested = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("color_panel")
        self.setAccessibleName("Colour of the cells")
        self._session = session
        self._guard = WheelGuard(self)
        self._what = What.NONE
        watch_scores(session, self)
        self._make_fields()
        self._lay_out()
        self._connect()
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.changed, self.refresh)
        self.refresh()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.target = TargetChoice(self._session, self._guard, self)
        self.target.setObjectName("color_target")
        self.target.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.what = self._combo("color_by", "Colour by", "What the colour of a cell means")
        self.column = self._combo("color_column", "Column", "A column of the file")
        self.klass = self._combo("color_class", "Class", "What the score is about")
        self.modality = self._combo("color_modality", "Modality", "Where the feature was measured")
        self.feature = FeatureField(self)
        self.gene_set = GeneSetField(self._guard, self)
        self.blend = BlendFields(self)
        self.run = self._combo("color_run", "Fit", "The fit whose scores are shown")
        self.source = self._combo("color_source", "Scores", "Which models scored the cells")
        for source, words, tip in SOURCES:
            self.source.addItem(words, source)
            self.source.setItemData(self.source.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.rank = QCheckBox("as rank", self)
        self.rank.setObjectName("color_rank")
        self.rank.setToolTip("Rank 1 is the sample's highest attention: comparable between samples of any size")
        self.palette_choice = self._combo("color_palette", "Palette", "Colours of continuous values")
        self.palette_choice.setIconSize(QSize(64, 12))
        self.palette_choice.addItem("automatic", None)
        for name in CONTINUOUS:
            self.palette_choice.addItem(name, name)
        self.limits = LimitsField(self._guard, self)
        self.low, self.high = self.limits.low, self.limits.high
        self.top = TopSlider(self._session, self)
        self._notice = Notice(self)
        self._source_words = label("", Role.NOTE, self, wrap=True)

    def _combo(self, name: str, caption: str, tip: str) -> QComboBox:
        combo = QComboBox(self)
        combo.setObjectName(name)
        combo.setAccessibleName(caption)
        combo.setToolTip(tip)
        combo.setMaxVisibleItems(20)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(6)
        self._guard.watch(combo)
        return combo

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        captions = self.fontMetrics().horizontalAdvance("Colour by  ")
        self._rows: dict[QWidget, QWidget] = {}
        self._captions: dict[QWidget, QLabel] = {}
        for caption, field in (
            ("Target", self.target),
            ("Colour by", self.what),
            ("Column", self.column),
            ("Class", self.klass),
            ("Feature", self.feature),
            ("Gene set", self.gene_set),
            ("Modality", self.modality),
            ("Genes", self.blend),
            ("Fit", self.run),
            ("Scores", self.source),
            ("", self.rank),
            ("Palette", self.palette_choice),
            ("Limits", self.limits),
        ):
            holder = QWidget(self)
            inside = QHBoxLayout(holder)
            inside.setContentsMargins(0, 0, 0, 0)
            inside.setSpacing(4)
            words = label(caption, Role.BODY, holder)
            words.setFixedWidth(captions)
            words.setBuddy(field)
            inside.addWidget(words)
            inside.addWidget(field, 1)
            self._rows[field], self._captions[field] = holder, words
            layout.addWidget(holder)
        layout.addWidget(self._source_words)
        layout.addWidget(self._notice)
        rule = QFrame(self)
        rule.setFrameShape(QFrame.Shape.HLine)
        rule.setObjectName("rule")
        layout.addWidget(rule)
        layout.addWidget(label("Select the top cells by attention", Role.HEADING, self))
        layout.addWidget(self.top)
        layout.addStretch(1)

    def _connect(self) -> None:
        self.what.activated.connect(self._on_what)
        self.column.activated.connect(self._on_key)
        self.klass.activated.connect(self._on_key)
        self.modality.activated.connect(self._on_key)
        self.feature.picked.connect(self._on_feature)
        self.feature.feature_unknown.connect(self._on_unknown)
        self.gene_set.chosen.connect(self._on_key)
        self.gene_set.manage_wanted.connect(self.show_gene_sets)
        self.blend.picked.connect(self._on_blend)
        self.blend.feature_unknown.connect(self._on_unknown)
        self.run.activated.connect(self._on_run)
        self.source.activated.connect(self._on_source)
        self.rank.clicked.connect(self._on_rank)
        self.palette_choice.activated.connect(self._on_palette)
        self.limits.limits_changed.connect(self._on_limits)
        self.limits.released.connect(self._session.commands.end_merge)
        self.limits.refused.connect(self._notice.say)

    # -- showing -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the session's present colour."""
        view, color = self._session.view, self._session.view.color
        self._what = what_of(self._session, color)
        self._fill_choices()
        _set(self.what, self._what)
        if color.kind is ColorKind.OBS:
            _set(self.column, color.key)
        if color.kind in KEYED.values():
            _set(self.klass, color.key)
        if color.kind is ColorKind.FEATURE:
            self.feature.show_feature(color.key)
        if color.kind is ColorKind.SCORE:
            _set(self.modality, color.modality)
            self.gene_set.show_set(color.key)
        self.blend.show_color(color)
        _set(self.source, view.source)
        _set(self.palette_choice, view.palette)
        self.rank.setChecked(view.rank)
        self.limits.show_limits(view.percentiles, self._limits_in_words())
        self._show_rows()

    def _limits_in_words(self) -> str:
        """Return the values at the limits of what is shown."""
        shown = resolve(self._session)
        if shown.scale is None:
            return ""
        return f"{number_words(shown.scale.low)} to {number_words(shown.scale.high)}"

    def _fill_choices(self) -> None:
        session, store = self._session, self._session.data.store
        self.target.refresh()
        _fill(self.what, offered(session))
        names = session.data.value.columns_of_cells
        _fill(self.column, [(name, name) for name in names])
        modalities = list(store.index.modalities) if store is not None else []
        _fill(self.modality, [(name, name) for name in modalities])
        if store is not None and modalities:
            self.feature.set_store(store)
            self.blend.set_store(store)
        self.gene_set.show_sets(tuple(item.name for item in session.view.gene_sets))
        self._fill_keys()
        _fill(self.run, [(record.name, record.id) for record in session.runs.with_prediction])
        _set(self.run, session.runs.value.active_id)

    def _fill_keys(self) -> None:
        if self._what in KEYED:
            _fill(self.klass, keys(self._session, self._what))
            self._captions[self.klass].setText(key_caption(self._session, self._what))

    def _show_rows(self) -> None:
        """Show the fields that mean something for what is coloured."""
        what, mil = self._what, self._session.mil()
        scores = what in NEEDS_FIT
        continuous = is_continuous(self._session, what, str(self.column.currentData()))
        fixed = what is What.MODALITY or (what is What.ATTENTION and self.rank.isChecked())
        for field, wanted in (
            (self.target, self.target.is_needed),
            (self.column, what is What.COLUMN),
            (self.klass, what in KEYED and self.klass.count() > 1),
            (self.modality, what is What.SCORE and self.modality.count() > 1),
            (self.feature, what is What.FEATURE),
            (self.gene_set, what is What.SCORE),
            (self.blend, what is What.BLEND),
            (self.run, scores and self.run.count() > 1),
            (self.source, scores and not (mil is not None and mil.reference)),
            (self.rank, what is What.ATTENTION),
            (self.palette_choice, continuous),
            (self.limits, (continuous and not fixed) or what is What.BLEND),
        ):
            self._rows[field].setVisible(wanted)
        words = ""
        if scores and mil is not None and mil.reference:
            words = f"Scores by models trained on {mil.reference}, which saw none of these patients."
        elif scores:
            words = next(tip for source, _, tip in SOURCES if source is self._session.view.source)
        elif what is What.SCORE:
            words = missing_genes(self._session)
        elif mil is None and self._session.data.cohort is not None:
            words = "No fit yet: run Phenotype to colour by attention."
        self._source_words.setText(words)
        self._source_words.setVisible(bool(words))
        if continuous and self.palette_choice.itemIcon(1).isNull():
            # Only now: the palettes come from matplotlib, which would slow down the start.
            for index, name in enumerate(CONTINUOUS, start=1):
                self.palette_choice.setItemIcon(index, _palette_icon(name))

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _on_what(self) -> None:
        self._what = self.what.currentData()
        self._fill_keys()
        self._show_rows()
        if self._what is What.FEATURE:
            self.feature.setFocus()
            if self._session.view.color.kind is not ColorKind.FEATURE:
                self.feature.clear()
                return
        if self._what is What.BLEND:
            (self.blend.second if self.blend.first.text() else self.blend.first).setFocus()
        if self._what is What.SCORE and not self.gene_set.name():
            self._notice.say("There are no gene sets yet: make or import one under “Sets…”.")
            return
        self._apply()

    def _on_key(self) -> None:
        self._apply()

    def _on_feature(self, feature: Feature) -> None:
        color = ColorBy(ColorKind.FEATURE, feature.name, feature.modality)
        self._notice.attempt(lambda: self._session.color_by(color))

    def _on_blend(self, color: ColorBy) -> None:
        self._notice.attempt(lambda: self._session.color_by(color))

    def _on_unknown(self, text: str) -> None:
        self._notice.say(f"No feature is named like “{text}”.")

    def show_gene_sets(self) -> None:
        """Show the window of the gene sets, beside the map."""
        from multimil_gui.widgets.gene_sets_dialog import GeneSetsDialog

        def show() -> None:
            dialog = GeneSetsDialog(self._session, self.window())
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.show()

        self._notice.attempt(show)

    def _apply(self) -> None:
        color = self._color()
        if color is not None:
            self._notice.attempt(lambda: self._session.color_by(color))

    def _color(self) -> ColorBy | None:
        what, columns, cohort = self._what, self._session.data.columns, self._session.target_cohort()
        if what is What.CONDITION and cohort is not None and cohort.target is not None:
            return ColorBy(ColorKind.OBS, cohort.target.column)
        if what is What.CELL_TYPE and columns is not None and columns.cell_type is not None:
            return ColorBy(ColorKind.OBS, columns.cell_type)
        if what is What.COLUMN:
            return ColorBy(ColorKind.OBS, str(self.column.currentData())) if self.column.count() else None
        if what in KEYED:
            return ColorBy(KEYED[what], str(self.klass.currentData()))
        if what is What.FEATURE:
            present = self._session.view.color
            return present if present.kind is ColorKind.FEATURE else None
        if what is What.SCORE:
            return ColorBy(ColorKind.SCORE, self.gene_set.name(), str(self.modality.currentData()))
        if what is What.BLEND:
            return self.blend.color()
        query = next((color for color, entry in QUERY.items() if entry is what), None)
        if query is not None:
            return ColorBy(ColorKind.QUERY, query)
        return next((ColorBy(kind) for kind, entry in KINDS.items() if entry is what), None)

    def _on_run(self) -> None:
        self._notice.attempt(lambda: self._session.activate_run(int(self.run.currentData())))

    def _on_source(self) -> None:
        self._session.set_view(source=self.source.currentData())

    def _on_rank(self, checked: bool) -> None:
        self._session.set_view(rank=checked)

    def _on_palette(self) -> None:
        self._session.set_view(palette=self.palette_choice.currentData())

    def _on_limits(self, low: float, high: float) -> None:
        self._notice.clear()
        self._session.set_view(percentiles=(low, high))


def _palette_icon(name: str) -> QIcon:
    return QIcon(QPixmap.fromImage(lut_image(palette_lut(name)).scaled(64, 12)))


def _fill(combo: QComboBox, entries: Sequence[tuple[str, object]]) -> None:
    """Offer these entries; nothing happens when they are the same as before."""
    if [(combo.itemText(i), combo.itemData(i)) for i in range(combo.count())] == list(entries):
        return
    combo.clear()
    for words, data in entries:
        combo.addItem(words, data)


def _set(combo: QComboBox, data: object) -> None:
    index = next((i for i in range(combo.count()) if combo.itemData(i) == data), -1)
    if index >= 0:
        combo.setCurrentIndex(index)
