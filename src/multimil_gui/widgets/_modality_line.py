"""One modality in the form of an integration: its matrix, how it is modelled, and, folded away, how it is prepared."""

from __future__ import annotations

from magicgui.widgets import ComboBox
from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QCheckBox, QComboBox, QCompleter, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from multimil_gui.core.options import FeatureChoice, Likelihood, PrepareOptions, Transform
from multimil_gui.data.modality_names import ATAC, RNA
from multimil_gui.data.store import Store
from multimil_gui.jobs.recipe import ModalitySection
from multimil_gui.widgets._fields import enum_words
from multimil_gui.widgets._ui import Role, WheelGuard, button, label, tool_button, tooltip
from multimil_gui.widgets.run_forms import options_form

_LIKELIHOODS = (
    (Likelihood.NB, "counts (negative binomial)"),
    (Likelihood.ZINB, "drop-outs (zero-inflated counts)"),
    (Likelihood.BERNOULLI, "open or closed (Bernoulli)"),
    (Likelihood.NORMAL, "normalised (normal)"),
)
_LIKELIHOOD_TOOLTIP = (
    "counts: raw counts, the usual choice. drop-outs: raw counts with more zeros than that, as of old protocols. "
    "open or closed: any count of a peak is 1, for chromatin. normalised: counts are transformed first (RNA log1p, "
    "protein centred log-ratio), and values that are no counts are taken as they are."
)
_ALL_KEPT = "All features are kept: set how many first."


class ModalityLine(QObject):
    """The widgets of one modality.

    Parameters
    ----------
    store
        The data.
    name
        The modality.
    matrix, likelihood
        What is proposed.
    guard
        Keeps the wheel from changing unfocused fields.
    parent
        The table.

    Signals
    -------
    changed()
        Something was chosen.
    """

    changed = Signal()

    def __init__(
        self, store: Store, name: str, matrix: str, likelihood: Likelihood, guard: WheelGuard, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.name = name
        self._store = store
        info = store.index.modalities[name]
        self.used = QCheckBox(name, parent)
        self.used.setChecked(True)
        self.used.setToolTip(tooltip(f"{name}: {info.n_features:,} features, measured in {info.n_cells:,} cells"))
        self.matrix, self.likelihood = QComboBox(parent), QComboBox(parent)
        for layer in info.layers:
            short = layer.removeprefix("layers/")
            self.matrix.addItem(layer if short in info.layers else short, layer)
            self.matrix.setItemData(self.matrix.count() - 1, tooltip(layer), Qt.ItemDataRole.ToolTipRole)
        for value, words in _LIKELIHOODS:
            self.likelihood.addItem(words, value)
        self.matrix.setCurrentIndex(self.matrix.findData(matrix))
        self.likelihood.setCurrentIndex(self.likelihood.findData(likelihood))
        self.matrix.setAccessibleName(f"Matrix of {name}")
        self.matrix.setToolTip("The matrix that is integrated")
        if len(info.layers) == 1:
            self.matrix.hide()
        self.likelihood.setAccessibleName(f"How {name} is modelled")
        self.likelihood.setToolTip(_LIKELIHOOD_TOOLTIP)
        for combo in (self.matrix, self.likelihood):
            guard.watch(combo)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(4)
            combo.setMinimumWidth(64)
        # The list may be wider than its field.
        view = self.likelihood.view()
        if view is not None:
            view.setMinimumWidth(view.sizeHintForColumn(0) + 24)
        self.more = tool_button("More…", f"How {name} is prepared: features, transform, weight", "", checkable=True)
        self.more.setAccessibleName(f"More about {name}")
        self._make_summary(parent)
        self._make_page(parent)
        self._offer_likelihoods()
        self.used.toggled.connect(self._on_changed)
        self.matrix.currentIndexChanged.connect(self._on_matrix)
        self.likelihood.currentIndexChanged.connect(self._on_changed)
        self.form.changed.connect(self._on_changed)
        self.more.toggled.connect(self.page.setVisible)
        self._refresh()

    def _make_summary(self, parent: QWidget) -> None:
        self.words = label("", Role.NOTE, parent, wrap=True)
        self.reset = button("Reset", f"Prepare {self.name} as proposed again", "", self.reset_options)
        self.reset.setAccessibleName(f"Reset {self.name}")
        self.summary = QWidget(parent)
        layout = QHBoxLayout(self.summary)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignTop)

    def _make_page(self, parent: QWidget) -> None:
        self.page = QWidget(parent)
        left_out = ("drop_isotype_controls",) if self.name in (RNA, ATAC) else ()
        self.form = options_form(PrepareOptions, left_out, self.page, fold_advanced=False)
        layout = QVBoxLayout(self.page)
        layout.setContentsMargins(16, 0, 0, 6)
        layout.addWidget(self.form)
        self.page.hide()
        batch = self.form.fields["feature_batch"].native
        if isinstance(batch, QLineEdit):
            completer = QCompleter([column.name for column in self._store.index.obs], batch)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            batch.setCompleter(completer)
            batch.setPlaceholderText("first covariate")

    def place(self, grid: QGridLayout, line: int) -> None:
        """Lay the widgets out from this line on; three lines are used."""
        for column, part in enumerate((self.used, self.matrix, self.likelihood, self.more)):
            grid.addWidget(part, line, column)
        grid.addWidget(self.summary, line + 1, 0, 1, 4)
        grid.addWidget(self.page, line + 2, 0, 1, 4)

    def remove(self, grid: QGridLayout) -> None:
        """Take the widgets away."""
        for part in (self.used, self.matrix, self.likelihood, self.more, self.summary, self.page):
            grid.removeWidget(part)
            part.hide()
            part.deleteLater()
        self.deleteLater()

    def section(self) -> ModalitySection:
        """Return what is chosen as the recipe writes it; only when :meth:`problem` finds nothing."""
        likelihood = Likelihood(self.likelihood.currentData())
        values = self.form.options().model_dump()
        if likelihood.of_counts:
            values["transform"] = Transform.AUTO
        return ModalitySection(matrix=str(self.matrix.currentData()), likelihood=likelihood, **values)

    def problem(self) -> str:
        """Return why this cannot be used, in words; empty when it can."""
        if not self.form.is_valid():
            return f"Correct the marked field of {self.name}."
        batch = self.form.options().feature_batch
        if batch is not None and self._store.index.column(batch) is None:
            return f"{self.name}: “{batch}” is no column of the file."
        return ""

    def reset_options(self) -> None:
        """Prepare the modality as proposed again."""
        self.form.set_options(PrepareOptions())

    def _on_changed(self) -> None:
        self._refresh()
        self.changed.emit()

    def _on_matrix(self) -> None:
        self._offer_likelihoods()
        self._on_changed()

    def _offer_likelihoods(self) -> None:
        """Grey out, with the reason, what does not fit the matrix; choose what does."""
        layer = str(self.matrix.currentData())
        info = self._store.index.modalities[self.name].matrices[layer]
        model = self.likelihood.model()
        assert isinstance(model, QStandardItemModel)
        for place, (value, _) in enumerate(_LIKELIHOODS):
            item = model.item(place)
            assert item is not None
            fits = info.counts or not value.of_counts
            item.setEnabled(fits)
            item.setToolTip("" if fits else f"{layer} holds values that are no raw counts")
        if not info.counts:
            self.likelihood.setCurrentIndex(self.likelihood.findData(Likelihood.NORMAL))
        self._offer_transforms(layer)

    def _offer_transforms(self, layer: str) -> None:
        from multimil_gui.data.transform import fitting_transforms

        info = self._store.index.modalities[self.name].matrices[layer]
        field = self.form.fields["transform"]
        kept, fitting = field.value(), fitting_transforms(self.name, info)
        assert isinstance(field.widget, ComboBox)
        field.widget.choices = [(enum_words(value), value) for value in fitting]
        field.set_value(kept if kept in fitting else Transform.AUTO)

    def _refresh(self) -> None:
        """Grey out what does not apply, and say what differs from the proposal."""
        self.form.disable(self._reasons())
        counts = Likelihood(self.likelihood.currentData()).of_counts
        proposed = PrepareOptions()
        changed = [
            f"{field.title} {field.in_words()}"
            for name, field in self.form.fields.items()
            if field.value() != getattr(proposed, name) and not (name == "transform" and counts)
        ]
        self.words.setText(f"Changed: {', '.join(changed)}")
        self.summary.setVisible(bool(changed))

    def _reasons(self) -> dict[str, str]:
        layer = str(self.matrix.currentData())
        info = self._store.index.modalities[self.name].matrices[layer]
        number, choice = self.form.value("n_top_features"), self.form.value("feature_choice")
        reasons = {}
        if Likelihood(self.likelihood.currentData()).of_counts:
            reasons["transform"] = "Counts are modelled as they are; a transform is for the normal likelihood."
        if number == 0 or (number is None and self.name not in (RNA, ATAC)):
            return reasons | dict.fromkeys(("feature_choice", "feature_batch"), _ALL_KEPT)
        if choice is FeatureChoice.COUNTS and (self.name == ATAC or not info.counts):
            reasons["feature_batch"] = "Only Pearson residuals and dispersions are ranked batch by batch."
        return reasons
