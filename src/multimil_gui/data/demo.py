"""The demo cohort: real cells, simulated donors, a planted disease state; semi-simulated, truth known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.data.demo_proteins import PROTEINS, protein_counts
from multimil_gui.project.commit import atomic_path

if TYPE_CHECKING:
    import pandas as pd

SOURCE = (
    "Semi-simulated, truth known: 700 real PBMCs (10x Genomics 68k PBMC, as shipped with scanpy) resampled into 24 "
    "made donors with donor and lane effects; an interferon-like state is planted in a part of the patients' CD14+ "
    "monocytes (obs column planted); the surface proteins of half of the donors are simulated."
)
#: Interferon-stimulated genes among the 765 of the source.
INTERFERON_GENES = (
    *("IFITM3", "LY6E", "OAS1", "ISG20", "IFITM1", "IFITM2", "IRF7", "BST2", "SP110", "SP100", "PSME2", "IFI30"),
    *("TYMP", "IRF1", "GBP2", "TNFSF13B"),
)
#: Genes that monocytes lower in the same state.
LOWERED_GENES = ("FTL", "S100A9", "TIMP1", "FCN1", "LYZ", "CFD", "VIM")
MONOCYTE = "CD14+ monocyte"
N_DONORS = 24
#: Part of the CD14+ monocytes in the planted state.
PLANTED_IN_PATIENTS, PLANTED_IN_HEALTHY = 0.25, 0.02

_SEED = 20240729
#: Full-strength change of the interferon genes; planted cells reach about 0.8 of it on the log scale.
_FOLD_CHANGE = (3.5, 6.5)
_LOWERING = (0.3, 0.5)
_DONOR_SD, _LANE_SD, _DEPTH_SD = 0.12, 0.10, 0.25
#: A cell's rates are its real template's counts, softened by its type's mean.
_TEMPLATE_SHARE = 0.6
#: Higher values make the donors' compositions more alike.
_CONCENTRATION = 60.0
_COMPOSITION = {
    "Dendritic cell": 0.06,
    MONOCYTE: 0.28,
    "CD19+ B cell": 0.14,
    "CD4+ T reg": 0.08,
    "CD8+ cytotoxic T": 0.12,
    "CD8+ naive T": 0.10,
    "CD56+ NK": 0.10,
    "CD4+ memory T": 0.05,
    "CD34+ progenitor": 0.02,
    "CD4+ naive T": 0.05,
}
_NAMES = {
    "Dendritic": "Dendritic cell",
    "CD14+ Monocyte": MONOCYTE,
    "CD19+ B": "CD19+ B cell",
    "CD4+/CD25 T Reg": "CD4+ T reg",
    "CD8+ Cytotoxic T": "CD8+ cytotoxic T",
    "CD8+/CD45RA+ Naive Cytotoxic": "CD8+ naive T",
    "CD56+ NK": "CD56+ NK",
    "CD4+/CD45RO+ Memory": "CD4+ memory T",
    "CD34+": "CD34+ progenitor",
    "CD4+/CD45RA+/CD25- Naive T": "CD4+ naive T",
}


def write_demo(path: Path) -> Path:
    """Write the demo cohort as .h5mu and return its path.

    24 donors (12 healthy, 12 patients) resampled from the 700 PBMCs that scanpy ships, with donor and lane effects and
    counting noise. A quarter of the patients' CD14+ monocytes (2 % in the healthy) carry an interferon-like state,
    marked in ``obs["planted"]``. Half of the donors have simulated surface proteins. Same bytes on every call.

    Parameters
    ----------
    path
        The ``.h5mu`` file to write; replaced when it exists.
    """
    import mudata

    with mudata.set_options(pull_on_update=False):
        cohort = _make()
        return atomic_path(path, lambda temporary: cohort.write(str(temporary)))


def _make() -> Any:
    import anndata
    import mudata
    import pandas as pd
    from scipy.sparse import csr_matrix

    counts, types, genes, template_map = _templates()
    rng = np.random.default_rng(_SEED)
    obs, template = _cells(rng, types)
    rna = _rna_counts(rng, counts, types, genes, obs, template)
    with_protein = obs.pop("with_protein").to_numpy()
    proteins = protein_counts(rng, obs[with_protein])
    modalities = {
        "rna": anndata.AnnData(csr_matrix(rna), obs=obs[[]], var=pd.DataFrame(index=genes)),
        "adt": anndata.AnnData(
            csr_matrix(proteins), obs=obs.loc[with_protein, []], var=pd.DataFrame(index=list(PROTEINS))
        ),
    }
    cohort = mudata.MuData(modalities)
    cohort.obs = obs.loc[cohort.obs_names]
    pca, loadings, mean = _pca(rna)
    cohort.obsm["X_pca"] = pca.astype(np.float32)
    cohort.obsm["X_umap"] = _on_map(rng, pca, (_log_normalised(counts) - mean) @ loadings, template_map)
    cohort.uns["source"] = SOURCE
    return cohort


def _templates() -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Return the real cells: (700, 765) counts, their types, the gene names and their 2-D map.

    The source holds log1p of scaled counts; the smallest value of a cell is its count of one.
    """
    import scanpy

    source = scanpy.datasets.pbmc68k_reduced()
    scaled = np.expm1(source.raw.X.toarray().astype(np.float64))
    unit = np.where(scaled > 0, scaled, np.inf).min(axis=1, keepdims=True)
    types = source.obs["bulk_labels"].astype(str).map(_NAMES).to_numpy()
    return (
        np.round(scaled / unit),
        types,
        list(source.raw.var_names),
        np.asarray(source.obsm["X_umap"], dtype=np.float64),
    )


def _cells(rng: np.random.Generator, types: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table of the cells and the real cell that each is made from."""
    import pandas as pd

    names = list(_COMPOSITION)
    of_type = {name: np.flatnonzero(types == name) for name in names}
    numbers = rng.permutation(N_DONORS) + 1
    frames, templates = [], []
    for donor in range(N_DONORS):
        patient, lane, with_protein = donor % 2 == 1, (donor // 2) % 2, (donor // 4) % 2 == 0
        n_cells = int(rng.integers(250, 401))
        share = rng.dirichlet(_CONCENTRATION * np.array(list(_COMPOSITION.values())))
        kind = np.array(names, dtype=object)[rng.choice(len(names), n_cells, p=share)]
        templates += [int(rng.choice(of_type[name])) for name in kind]
        part = PLANTED_IN_PATIENTS if patient else PLANTED_IN_HEALTHY
        sample = f"S{numbers[donor]:02d}"
        frames.append(
            pd.DataFrame(
                {
                    "sample_id": sample,
                    "donor": f"D{numbers[donor]:02d}",
                    "condition": "patient" if patient else "healthy",
                    "cell_type": kind,
                    "batch": f"lane {lane + 1}",
                    "planted": (kind == MONOCYTE) & (rng.random(n_cells) < part),
                    "with_protein": with_protein,
                },
                index=[f"{sample}_{cell:04d}" for cell in range(n_cells)],
            )
        )
    obs = pd.concat(frames)
    order = np.argsort(obs.index.to_numpy(dtype=str), kind="stable")
    categories = dict.fromkeys(("sample_id", "donor", "condition", "cell_type", "batch"), "category")
    return obs.iloc[order].astype(categories), np.array(templates)[order]


def _rna_counts(
    rng: np.random.Generator,
    counts: np.ndarray,
    types: np.ndarray,
    genes: list[str],
    obs: pd.DataFrame,
    template: np.ndarray,
) -> np.ndarray:
    """Return (n_cells, 765) int32 counts: Poisson around the template with donor, lane and state effects."""
    type_mean = np.stack([counts[types == kind].mean(axis=0) for kind in types[template]])
    rate = _TEMPLATE_SHARE * counts[template] + (1 - _TEMPLATE_SHARE) * type_mean
    rate *= _effects(rng, obs["donor"].cat.codes.to_numpy(), _DONOR_SD, len(genes))
    rate *= _effects(rng, obs["batch"].cat.codes.to_numpy(), _LANE_SD, len(genes))
    _plant(rng, rate, genes, obs["planted"].to_numpy())
    depth = rng.lognormal(0, _DEPTH_SD, (len(obs), 1))
    return rng.poisson(rate * depth).astype(np.int32)


def _plant(rng: np.random.Generator, rate: np.ndarray, genes: list[str], planted: np.ndarray) -> None:
    """Change the rates of the planted cells, each to its own degree."""
    strength = rng.beta(9, 2, (int(planted.sum()), 1))
    for names, limits, floor in ((INTERFERON_GENES, _FOLD_CHANGE, 0.2), (LOWERED_GENES, _LOWERING, 0.0)):
        where = np.ix_(planted, np.isin(genes, names))
        fold = rng.uniform(*limits, len(names))
        # The floor lets a cell express a gene that its template happened to lack.
        rate[where] = (rate[where] + floor) * fold**strength


def _effects(rng: np.random.Generator, codes: np.ndarray, sd: float, n_genes: int) -> np.ndarray:
    """Return a multiplicative effect per level and gene, spread over the cells."""
    return rng.lognormal(0, sd, (int(codes.max()) + 1, n_genes))[codes]


def _log_normalised(counts: np.ndarray) -> np.ndarray:
    return np.log1p(1e3 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _pca(counts: np.ndarray, n_dims: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coordinates, loadings and mean of the log-normalised counts; signs fixed."""
    values = _log_normalised(counts)
    mean = values.mean(axis=0)
    centred = values - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    loadings = vectors[:, ::-1][:, :n_dims]
    loadings = loadings * np.sign(loadings[np.abs(loadings).argmax(axis=0), np.arange(n_dims)])
    return centred @ loadings, loadings, mean


def _on_map(
    rng: np.random.Generator, pca: np.ndarray, template_pca: np.ndarray, template_map: np.ndarray
) -> np.ndarray:
    """Place each cell on the UMAP of the real cells, between its three nearest ones."""
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(template_pca).query(pca, k=3)
    weight = 1 / np.maximum(distance, 1e-6) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    placed = np.einsum("ck,ckd->cd", weight, template_map[nearest])
    return (placed + rng.normal(0, 0.12, placed.shape)).astype(np.float32)
