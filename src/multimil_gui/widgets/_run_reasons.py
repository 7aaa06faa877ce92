"""Why an option does not apply: what is chosen elsewhere, in words for the tooltip of the greyed-out field."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from multimil_gui.core.options import Dispersion, Likelihood, Pooling, TargetKind
from multimil_gui.jobs.recipe import ModalitySection
from multimil_gui.widgets.run_forms import OptionsForm

_NO_COVARIATE = "No covariate is removed: choose one in “Change the columns”."
_ONE_MODALITY = "Only one modality is integrated."
_NO_MMD = "Neither batches nor modalities are pulled together: give one of the two weights a value."
_NO_COUNTS = "No modality is modelled as negative binomial counts."
_TWO_STEPS = "Only used when latent space and prediction are trained together."
_JOINT_EPOCHS = "Trained together, the epochs and the patience of the Integration page count."
_WHOLE = "Whole samples are shown at once."
_NO_ATTENTION = "This pooling has no attention."
_NO_SEARCH = "No options are tried."
NO_JOINT_SEARCH = "Trained together, each set of options would integrate anew."


def integration_reasons(
    form: OptionsForm,
    modalities: Mapping[str, ModalitySection],
    covariates: Collection[str],
    continuous: Collection[str],
) -> dict[str, str]:
    """Return the options of the integration that do not apply, each with the reason.

    Parameters
    ----------
    form
        The form of the options.
    modalities
        The modalities that are integrated.
    covariates, continuous
        Covariates that are removed; the batches are the levels of the first categorical one.
    """
    reasons: dict[str, str] = {}
    if not covariates:
        reasons["mmd_latent_weight"] = _NO_COVARIATE
        if form.value("dispersion") is not Dispersion.FEATURE_BATCH:
            reasons["dispersion"] = _NO_COVARIATE
    if not (covariates or continuous):
        reasons |= dict.fromkeys(("covariate_dim", "condition_encoders"), _NO_COVARIATE)
    if len(modalities) < 2:
        reasons["mmd_marginal_weight"] = _ONE_MODALITY
    weights = ("mmd_latent_weight", "mmd_marginal_weight")
    if all(name in reasons or form.value(name) == 0 for name in weights):
        reasons |= dict.fromkeys(("mmd_unbiased", "mmd_gammas"), _NO_MMD)
    if not any(section.likelihood in (Likelihood.NB, Likelihood.ZINB) for section in modalities.values()):
        reasons["dispersion"] = _NO_COUNTS
    return reasons


def head_reasons(form: OptionsForm, kinds: Collection[TargetKind], *, together: bool) -> dict[str, str]:
    """Return the options of the prediction that do not apply, each with the reason.

    Parameters
    ----------
    form
        The form of the options.
    kinds
        Kinds of the targets.
    together
        Whether latent space and prediction are trained together.
    """
    reasons: dict[str, str] = {}
    if together:
        reasons |= dict.fromkeys(("epochs", "patience"), _JOINT_EPOCHS)
    else:
        reasons["lambda_class"] = _TWO_STEPS
    if TargetKind.ORDINAL not in kinds:
        reasons["ordinal"] = "No phenotype is ordinal."
    if not set(kinds) - {TargetKind.REGRESSION}:
        reasons["balanced"] = "No phenotype has classes."
    if form.value("whole_samples"):
        reasons["cells_per_bag"] = _WHOLE
    if form.value("pooling") not in (Pooling.ATTENTION, Pooling.GATED_ATTENTION):
        reasons["n_attention"] = _NO_ATTENTION
    return reasons


def search_reasons(form: OptionsForm, *, together: bool) -> dict[str, str]:
    """Return the options of the search that do not apply, each with the reason."""
    if together:
        return dict.fromkeys(form.fields, NO_JOINT_SEARCH)
    return dict.fromkeys(("inner_folds", "seed"), _NO_SEARCH) if form.value("trials") == 0 else {}
