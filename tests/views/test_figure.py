from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimil_gui.core.errors import Refusal
from multimil_gui.state.scatter_view import BlendScale, ColorScale, LegendEntry, ScatterView
from multimil_gui.state.split import Pane
from multimil_gui.state.view import Drawing
from multimil_gui.views.figure import FigureKind, FigureOptions, render_figure
from multimil_gui.views.figure_points import MapLook

RED, BLUE = (220, 40, 40), (40, 60, 220)


def view(n=300, *, names=("CD4 T $x_1$", "_NK & <B>"), scale=None, states=None, title="cell type"):
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(n, 2)).astype(np.float32)
    lut = np.full((256, 4), 255, dtype=np.uint8)
    lut[1, :3], lut[2, :3] = RED, BLUE
    values = (1 + (xy[:, 0] > 0)).astype(np.uint8)
    colors = (RED, BLUE)
    legend = tuple(LegendEntry(name, colors[i % 2], 1, True) for i, name in enumerate(names))
    states = np.zeros(n, dtype=np.uint8) if states is None else states
    return ScatterView(xy, values, lut, states, title, () if scale else legend, scale, None, int((states != 2).sum()))


def pixels(png: bytes) -> np.ndarray:
    from matplotlib.image import imread

    return (imread(io.BytesIO(png))[..., :3] * 255).round().astype(int)


def has(image, color, tolerance=12) -> bool:
    return bool((np.abs(image - np.array(color)) <= tolerance).all(axis=-1).any())


@pytest.mark.parametrize("kind", list(FigureKind))
def test_same_input_gives_the_same_bytes(kind):
    first = render_figure(kind, view())
    assert first == render_figure(kind, view())
    assert re.search(rb"20\d\d-\d\d-\d\dT|CreationDate", first) is None


def test_png_has_the_size_asked_for_and_a_light_background():
    image = pixels(render_figure(FigureKind.PNG, view(), FigureOptions(width_mm=101.6, height_mm=50.8, dpi=100)))
    assert image.shape == (200, 400, 3)
    assert (image[0, 0] == 255).all() and has(image, RED) and has(image, BLUE)


def test_svg_keeps_text_as_text_and_never_reads_it_as_a_formula():
    svg = render_figure(FigureKind.SVG, view()).decode()
    for words in ("cell type", "CD4 T $x_1$", "_NK &amp; &lt;B&gt;", "300 cells"):
        assert f">{words}</text>" in svg
    assert "<image" not in svg


def test_pdf_embeds_its_fonts():
    pdf = render_figure(FigureKind.PDF, view())
    assert pdf.startswith(b"%PDF") and b"/FontFile2" in pdf and b"/Type3" not in pdf


@pytest.mark.parametrize("kind", [FigureKind.SVG, FigureKind.PDF])
def test_many_points_are_one_picture(kind):
    few, many = render_figure(kind, view(19_000)), render_figure(kind, view(25_000))
    mark = b"<image" if kind is FigureKind.SVG else b"/Subtype /Image"
    assert mark not in few and mark in many
    assert len(many) < 1_500_000


def test_hidden_cells_are_left_out_and_selected_ones_have_a_ring():
    states = np.zeros(300, dtype=np.uint8)
    everything = view()
    states[everything.values == 2] = 2
    options = FigureOptions(legend=False, title="")
    image = pixels(render_figure(FigureKind.PNG, view(states=states), options))
    assert has(image, RED) and not has(image, BLUE)
    states[everything.values == 1] = 1
    assert has(pixels(render_figure(FigureKind.PNG, view(states=states), options)), (26, 26, 26))


def test_colour_bar_shows_the_scale():
    svg = render_figure(FigureKind.SVG, view(scale=ColorScale(-2, 2, "vlag", 0.0), title="contribution")).decode()
    assert ">contribution</text>" in svg
    assert re.search(r">(\u2212|-)2(\.0)?</text>", svg) and re.search(r">2(\.0)?</text>", svg)


def test_constant_values_and_no_cells_still_make_a_figure():
    assert render_figure(FigureKind.PNG, view(scale=ColorScale(1, 1, "viridis")))
    assert render_figure(FigureKind.PNG, view(0))


def test_visible_part_only():
    options = FigureOptions(view=(5, 5, 6, 6), legend=False, title="")
    image = pixels(render_figure(FigureKind.PNG, view(), options))
    assert not has(image, RED) and not has(image, BLUE)


@settings(max_examples=5)
@given(st.text(max_size=60), st.lists(st.text(max_size=50), min_size=1, max_size=70))
def test_any_text_can_be_drawn(title, names):
    assert render_figure(FigureKind.PNG, view(5, names=names, title=title), FigureOptions(dpi=40))


@pytest.mark.parametrize(("width", "dpi"), [(5, 300), (100, 10), (2000, 300)])
def test_impossible_sizes_are_refused(width, dpi):
    with pytest.raises(Refusal) as refused:
        render_figure(FigureKind.PNG, view(), FigureOptions(width_mm=width, dpi=dpi))
    assert refused.value.fix


def test_figures_leave_matplotlib_as_it_was():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    render_figure(FigureKind.PDF, view())
    assert dict(mpl.rcParams) == before


def test_many_points_are_drawn_where_and_as_few_are():
    few = view(9_000)
    three = np.tile(few.positions, (3, 1))
    many = ScatterView(
        three, np.tile(few.values, 3), few.lut, np.zeros(27_000, dtype=np.uint8), "", few.legend, None, None, 27_000
    )
    options = FigureOptions(width_mm=60, height_mm=60, dpi=120, title="", legend=False, point_size=2.0)
    shapes, picture = (pixels(render_figure(FigureKind.PNG, drawn, options))[:-20] for drawn in (few, many))
    ink = [(np.abs(image - 255) > 120).any(axis=-1) for image in (shapes, picture)]
    assert (ink[0] != ink[1]).mean() < 0.03
    red = [(np.abs(image - RED) < 60).all(axis=-1) for image in (shapes, picture)]
    assert red[0].sum() == pytest.approx(red[1].sum(), rel=0.2)
    columns = [np.flatnonzero(found.any(axis=0)) for found in red]
    assert abs(columns[0].max() - columns[1].max()) <= 1


def density() -> np.ndarray:
    lut = np.full((256, 4), 255, dtype=np.uint8)
    lut[:, 0] = np.arange(256)
    lut[:, 1:3] = 0
    return lut


def test_small_multiples_show_their_own_cells_at_the_same_place():
    everything = view(400)
    panes = (
        Pane("low <a>", np.flatnonzero(everything.values == 1)),
        Pane("high", np.flatnonzero(everything.values == 2)),
    )
    options = FigureOptions(width_mm=100, height_mm=50, dpi=100, title="", legend=False)
    look = MapLook(panes=panes)
    image = pixels(render_figure(FigureKind.PNG, everything, options, look))
    left, right = image[:, : image.shape[1] // 2], image[:, image.shape[1] // 2 :]
    assert has(left, RED) and not has(left, BLUE)
    assert has(right, BLUE) and not has(right, RED)
    svg = render_figure(FigureKind.SVG, everything, options, look).decode()
    assert f">low &lt;a&gt; ({len(panes[0].rows)})</text>" in svg and ">400 cells</text>" in svg


def test_squares_have_a_scale_of_their_own():
    look = MapLook(Drawing.DENSITY, density_lut=density())
    svg = render_figure(FigureKind.SVG, view(5_000), None, look).decode()
    assert ">number of cells</text>" in svg and ">cells</text>" in svg and "CD4" not in svg
    image = pixels(render_figure(FigureKind.PNG, view(5_000), FigureOptions(dpi=80), look))
    assert has(image, (255, 0, 0), 2) and not has(image, BLUE)


def test_the_mean_of_a_square_is_its_colour():
    states = np.zeros(3_000, dtype=np.uint8)
    crowd = view(3_000, scale=ColorScale(0, 1, "viridis"))
    same = ScatterView(
        np.zeros((3_000, 2), np.float32), np.repeat([1, 201], 1_500).astype(np.uint8), density(), states, "", (),
        crowd.scale, None, 3_000,
    )  # fmt: skip
    options = FigureOptions(width_mm=40, height_mm=40, dpi=100, title="", legend=False, point_size=8)
    image = pixels(render_figure(FigureKind.PNG, same, options, MapLook(Drawing.MEAN)))
    assert has(image, (101, 0, 0), 2)


def test_contours_are_lines_not_pixels():
    plain, lined = (
        render_figure(FigureKind.SVG, view(2_000), None, MapLook(contours=on)).decode() for on in (False, True)
    )
    assert "<image" not in lined and lined.count("<path") > plain.count("<path")


def test_a_colour_of_two_genes_has_its_square():
    scale = BlendScale(("CD14", "FC<GR"), (0.0, 0.0), (1.5, 2.5))
    svg = render_figure(FigureKind.SVG, replace(view(), legend=(), blend=scale)).decode()
    assert ">CD14</text>" in svg and ">FC&lt;GR</text>" in svg
