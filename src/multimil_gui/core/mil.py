"""The multiple-instance head (method section 3): from all cells of a sample to its phenotype."""

from multimil_gui.core.bags import Bags
from multimil_gui.core.mil_inference import MILOutput, attention_mil, predict_mil
from multimil_gui.core.mil_model import MILModels
from multimil_gui.core.mil_training import MILFit, fit_mil
from multimil_gui.core.targets import BagTarget, TargetOutput

__all__ = [
    "BagTarget",
    "Bags",
    "MILFit",
    "MILModels",
    "MILOutput",
    "TargetOutput",
    "attention_mil",
    "fit_mil",
    "predict_mil",
]
