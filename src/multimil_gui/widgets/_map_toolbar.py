"""The row above the map: tools, what is drawn and how, and which map."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QAction, QActionGroup, QButtonGroup, QComboBox, QHBoxLayout, QMenu, QToolButton, QWidget

from multimil_gui.state.session import Session
from multimil_gui.state.split import columns_to_split_by
from multimil_gui.state.view import SPLIT_BY_MODALITY, Drawing
from multimil_gui.views.canvas import Tool
from multimil_gui.widgets._ui import Role, WheelGuard, label, tool_button

_KEYS = "Shift adds, Alt subtracts, both intersect; Esc stops"
_TOOLS = (
    (Tool.PAN, "Pan", "Drag moves the map; the wheel zooms; a double-click shows everything"),
    (Tool.LASSO, "Lasso", f"Draw around cells to select them ({_KEYS})"),
    (
        Tool.POLYGON,
        "Polygon",
        f"Click the corners of a region; Enter or a double-click closes it, Backspace takes one back ({_KEYS})",
    ),
    (Tool.RECTANGLE, "Rectangle", f"Drag a rectangle to select cells ({_KEYS})"),
    (Tool.BRUSH, "Brush", f"Paint over cells to select them; [ and ] or Shift + wheel change its size ({_KEYS})"),
)
_DRAWINGS = (
    (Drawing.POINTS, "Points", "Every cell is a point"),
    (Drawing.DENSITY, "Density", "Squares coloured by how many cells they hold (logarithmic)"),
    (
        Drawing.MEAN,
        "Mean colour",
        "Squares coloured by the mean of the shown value, or by the level that most of their cells have",
    ),
)
_NARROWEST = 340
#: Levels of a column up to which it is offered first.
_FEW = 12


class MapToolbar(QWidget):
    """Tools and choices of the map; changes the session itself, and tells of tools.

    Signals
    -------
    tool_chosen(object)
        A :class:`Tool`.
    fit_wanted()
        All cells shall be shown.
    """

    tool_chosen = Signal(object)
    fit_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("map_toolbar")
        self._session = session
        self._guard = WheelGuard(self)
        self._worded = True
        self._needed = 0
        line = QHBoxLayout(self)
        line.setContentsMargins(6, 4, 6, 4)
        line.setSpacing(2)
        group = QButtonGroup(self)
        self.tool_buttons: dict[Tool, QToolButton] = {}
        for tool, words, tip in _TOOLS:
            button = tool_button(words, tip, f"tool_{tool.value}", checkable=True)
            button.setProperty("tool", tool.value)
            button.setChecked(tool is Tool.PAN)
            group.addButton(button)
            self.tool_buttons[tool] = button
            line.addWidget(button)
        group.buttonClicked.connect(self._on_tool_button)
        line.addSpacing(8)
        fit = tool_button("Fit", "Show all cells (double-click on the map does the same)", "map_fit")
        fit.clicked.connect(self.fit_wanted)
        line.addWidget(fit)
        self.show_button = tool_button(
            "Show", "Points, density or mean colours; contours; small multiples by a column", "map_show"
        )
        self.show_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.show_menu = QMenu(self)
        self.show_menu.setObjectName("map_show_menu")
        self.show_menu.setToolTipsVisible(True)
        self.show_menu.aboutToShow.connect(self._fill_menu)
        self.show_button.setMenu(self.show_menu)
        line.addWidget(self.show_button)
        line.addStretch(1)
        self._add_map_choice(line)

    def _add_map_choice(self, line: QHBoxLayout) -> None:
        self.map_choice = QComboBox(self)
        self.map_choice.setObjectName("map_choice")
        self.map_choice.setAccessibleName("Map")
        self.map_choice.setToolTip("Which 2-D map is shown")
        self._guard.watch(self.map_choice)
        self.map_choice.activated.connect(self._on_map_chosen)
        caption = label("Map", Role.NOTE, self)
        caption.setBuddy(self.map_choice)
        line.addWidget(caption)
        line.addSpacing(4)
        line.addWidget(self.map_choice)

    def minimumSizeHint(self) -> QSize:
        """Return less than all words need: icons alone will do."""
        return QSize(_NARROWEST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Leave the words of the buttons out when there is no room for them."""
        super().resizeEvent(event)
        self._fit_words()

    def event(self, event: QEvent | None) -> bool:
        """Look for room again when the buttons changed: icons come with the theme."""
        done = super().event(event)
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._fit_words()
        return done

    def _fit_words(self) -> None:
        line = self.layout()
        if line is None:
            return
        if self._worded:
            self._needed = line.sizeHint().width()
        worded = self.width() >= self._needed
        style = Qt.ToolButtonStyle
        for button in self.findChildren(QToolButton):
            # Without an icon the words are all there is.
            if not button.icon().isNull():
                button.setToolButtonStyle(style.ToolButtonTextBesideIcon if worded else style.ToolButtonIconOnly)
        self._worded = worded

    def refresh(self) -> None:
        """Show which maps there are."""
        keys = tuple(self._session.data.maps)
        if keys != tuple(self.map_choice.itemText(i) for i in range(self.map_choice.count())):
            self.map_choice.clear()
            self.map_choice.addItems(keys)
        self.map_choice.setCurrentText(self._session.view.map_key)
        self.map_choice.setEnabled(bool(keys))
        self.show_button.setEnabled(bool(keys))

    def _fill_menu(self) -> None:
        """Build the menu anew: columns come and go with the data."""
        menu, view = self.show_menu, self._session.view
        menu.clear()
        ways = QActionGroup(menu)
        for drawing, words, tip in _DRAWINGS:
            action = self._choice(menu, words, view.drawing is drawing, drawing=drawing)
            action.setToolTip(tip)
            ways.addAction(action)
        menu.addSeparator()
        contours = self._choice(menu, "Contours", view.contours, contours=not view.contours)
        contours.setToolTip("Lines that hold 10, 25, 50, 75 and 90 % of the shown cells")
        menu.addSeparator()
        splits = QMenu("Split by", menu)
        menu.addMenu(splits)
        self._fill_split(splits)

    def _fill_split(self, menu: QMenu) -> None:
        session, split = self._session, self._session.view.split
        ways = QActionGroup(menu)
        ways.addAction(self._choice(menu, "Nothing: one map", not split, split=""))
        store = session.data.store
        if store is not None and len(store.index.modalities) > 1:
            chosen = split == SPLIT_BY_MODALITY
            ways.addAction(self._choice(menu, "Measured modalities", chosen, split=SPLIT_BY_MODALITY))
        menu.addSeparator()
        columns = columns_to_split_by(session)
        few = [
            name
            for name in columns
            if store is not None and len(self._session.data.value.labelling(name).levels) <= _FEW
        ]
        for name in (*few, *(name for name in columns if name not in few)):
            ways.addAction(self._choice(menu, name.replace("&", "&&"), split == name, split=name))

    def _choice(self, menu: QMenu, words: str, chosen: bool, **change: object) -> QAction:
        action = QAction(words, menu)
        action.setCheckable(True)
        action.setChecked(chosen)
        action.triggered.connect(lambda: self._session.set_view(**change))
        menu.addAction(action)
        return action

    def _on_tool_button(self, button: QWidget) -> None:
        self.tool_chosen.emit(Tool(str(button.property("tool"))))

    def _on_map_chosen(self, index: int) -> None:
        self._session.set_view(map_key=self.map_choice.itemText(index))
