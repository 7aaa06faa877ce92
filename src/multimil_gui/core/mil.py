"""The multiple-instance head (method section 3): from all cells of a sample to its phenotype."""

from multimil_gui.core.bags import Bags
from multimil_gui.core.mil_inference import MILOutput, predict_mil
from multimil_gui.core.mil_training import MILFit, fit_mil

__all__ = ["Bags", "MILFit", "MILOutput", "fit_mil", "predict_mil"]
