"""The map in Jupyter: cells of a notebook (VS Code, Spyder and jupytext read them as such) beside a live window.

The kernel runs Qt's event loop between two cells, so the window answers the mouse while the notebook waits, and what
is selected in one is there in the other.
"""

# %% Let the kernel run the event loop; before anything of Qt is made.
from IPython import get_ipython

get_ipython().run_line_magic("gui", "qt")

# %% Open a cohort and show its map.
from _demo import demo_session

from multimil_gui.widgets.latent_map import LatentMap

session = demo_session()
widget = LatentMap(session)
widget.resize(900, 600)
widget.show()

# %% From the notebook to the map: what is chosen here is seen there.
from multimil_gui.state.view import ColorBy, ColorKind

session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
session.set_view(split="condition")
session.select_category("cell_type", "CD14+ monocyte")

# %% From the map to the notebook: draw around some cells in the window, then run this cell.
chosen = session.data.store.obs()[session.selection.mask]
chosen["condition"].value_counts()
