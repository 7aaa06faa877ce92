"""The shader and the buffers of the GL canvas. Imports vispy: only reached once OpenGL is known to work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vispy import gloo

from multimil_gui.views.canvas import PointState

_VERTEX = """
attribute vec2 a_position;
attribute float a_value;
attribute float a_state;
uniform vec4 u_transform;
uniform float u_state;
uniform float u_size;
varying float v_value;
void main() {
    vec2 at = a_position * u_transform.xy + u_transform.zw;
    // Points of other states, and without a position, are moved out of the picture.
    bool drawn = abs(a_state - u_state) < 0.5 && at == at;
    gl_Position = drawn ? vec4(at, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = u_size + 2.0;
    v_value = a_value;
}
"""

_FRAGMENT = """
uniform sampler2D u_lut;
uniform vec4 u_flat;
uniform vec3 u_background;
uniform float u_opacity;
uniform float u_size;
uniform float u_rim;
varying float v_value;
void main() {
    float distance = length(gl_PointCoord - vec2(0.5)) * (u_size + 2.0);
    float inside = clamp((u_size - u_rim) * 0.5 + 0.5 - distance, 0.0, 1.0) * u_opacity;
    float rim = u_rim > 0.0 ? clamp(u_size * 0.5 + 0.5 - distance, 0.0, 1.0) * 0.75 : 0.0;
    float alpha = inside + rim * (1.0 - inside);
    if (alpha <= 0.0) discard;
    vec3 color = mix(texture2D(u_lut, vec2((v_value + 0.5) / 256.0, 0.5)).rgb, u_flat.rgb, u_flat.a);
    gl_FragColor = vec4(mix(u_background, color, inside / alpha), alpha);
}
"""


@dataclass(frozen=True)
class Layer:
    """One pass over the points.

    Attributes
    ----------
    state
        Points drawn.
    diameter
        Physical pixels.
    opacity
        0-1.
    flat
        One (r, g, b) for all, None for the lookup table.
    rim
        Width of the hairline in the background colour round each point (both sides), physical pixels.
    """

    state: PointState
    diameter: float
    opacity: float
    flat: tuple[int, int, int] | None = None
    rim: float = 0.0


class GLPoints:
    """Buffers and program of one canvas; every method needs the canvas's context to be current.

    Values and states travel as float32: vispy's attributes know no bytes, and 4 MB a million points is still nothing
    to a GPU.
    """

    def __init__(self) -> None:
        self._program = gloo.Program(_VERTEX, _FRAGMENT)
        self._positions = gloo.VertexBuffer(np.zeros((1, 2), dtype=np.float32))
        self._values = gloo.VertexBuffer(np.zeros(1, dtype=np.float32))
        self._states = gloo.VertexBuffer(np.zeros(1, dtype=np.float32))
        self._lut = gloo.Texture2D(np.zeros((1, 256, 3), dtype=np.uint8), interpolation="nearest")
        self._order: gloo.IndexBuffer | None = None
        self._program["a_position"] = self._positions
        self._program["a_value"] = self._values
        self._program["a_state"] = self._states
        self._program["u_lut"] = self._lut

    def set_positions(self, xy: np.ndarray) -> None:
        """Upload (n, 2) float32 positions, drawing order."""
        self._positions.set_data(np.ascontiguousarray(xy, dtype=np.float32))

    def set_values(self, values: np.ndarray) -> None:
        """Upload (n,) uint8 values."""
        self._values.set_data(values.astype(np.float32))

    def set_states(self, states: np.ndarray) -> None:
        """Upload (n,) uint8 states."""
        self._states.set_data(states.astype(np.float32))

    def set_order(self, order: np.ndarray) -> None:
        """Upload (n,) indices, lowest first."""
        self._order = gloo.IndexBuffer(order.astype(np.uint32)) if len(order) else None

    def set_lut(self, rgb: np.ndarray) -> None:
        """Upload (256, 3) uint8 colours."""
        self._lut.set_data(rgb[None])

    def draw(
        self,
        size: tuple[int, int],
        background: tuple[int, int, int],
        layers: tuple[Layer, ...],
        transform: tuple[float, float, float, float],
    ) -> None:
        """Draw all layers into the current framebuffer of (width, height) physical pixels."""
        paper = tuple(part / 255 for part in background)
        gloo.set_viewport(0, 0, *size)
        gloo.set_state(
            depth_test=False, blend=True, blend_func=("src_alpha", "one_minus_src_alpha", "one", "one_minus_src_alpha")
        )
        gloo.clear(color=(*paper, 1.0))
        if self._order is None:
            return
        program = self._program
        program["u_background"] = paper
        program["u_transform"] = transform
        for layer in layers:
            program["u_state"] = float(layer.state)
            program["u_size"] = layer.diameter
            program["u_opacity"] = layer.opacity
            program["u_rim"] = layer.rim
            program["u_flat"] = (0, 0, 0, 0) if layer.flat is None else (*(part / 255 for part in layer.flat), 1.0)
            program.draw("points", self._order)
