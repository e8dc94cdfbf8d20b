"""Make `vectors.json`, what the rule's parts give in `vera.layers` and OpenCV: the tests of the TypeScript compare."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vera.layers.adjust import Adjustment, adjust_colors, adjust_layer
from vera.layers.blend_modes import BLEND_MODES, blend_colors
from vera.layers.layer_frame import LayerFrame
from vera.layers.paint import Stroke, paint_alpha

WIDTH, HEIGHT = 24, 16
SIGMAS = (0.3, 0.5, 1.0, 2.37, 9.0)
RADII = (1, 2, 3, 7, 16)
STROKES = (
    Stroke(((3.0, 4.0), (18.5, 9.25), (20.0, 2.0)), 3.0, 0.5, 0.8, "add", (None, 4)),
    Stroke(((12.0, 8.0),), 4.5, 1.0, 0.6, "subtract"),
    Stroke(((-3.0, 14.0), (30.0, 11.0)), 1.2, 0.0, 0.4, "add", (2, None)),
)
ADJUSTMENTS = (
    Adjustment(offset=(3.0, -2.0)),
    Adjustment(offset=(1.5, -2.25), scale=1.3),
    Adjustment(scale=0.6),
    Adjustment(feather=1.7),
    Adjustment(choke=2.0),
    Adjustment(choke=-1.4, feather=0.8),
)
SQUEEZED = 2  # rows of a source to one of its proxy, where each column stays one: pixels that are not square
SQUEEZED_ADJUSTMENTS = (
    Adjustment(feather=3.0),
    Adjustment(choke=3.0, feather=1.0),
    Adjustment(choke=-3.0, feather=1.0),
)
CURVES = (
    Adjustment(lift=(0.1, -0.2, 0.0), gamma=(1.8, 1.0, 0.6), gain=(1.2, 0.7, 1.0)),
    Adjustment(gamma=(0.01, 100.0, 1.0), gain=(100.0, 1.0, 0.0)),
)


def vectors() -> dict[str, Any]:
    """What each part gives, as plain JSON values."""
    alpha = _alpha()
    codes = np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1)[None]
    below, edit = np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9))
    grey = [np.dstack([one] * 3).astype(np.float32) for one in (below, edit)]
    return {
        "gaussian": [{"sigma": sigma, "half": _kernel(sigma)} for sigma in SIGMAS],
        "disc": [{"radius": radius, "rows": _rows(radius)} for radius in RADII],
        "alpha": _listed(alpha),
        "adjusted": [{"adjustment": one.to_json(), "alpha": _listed(_adjusted(alpha, one))} for one in ADJUSTMENTS],
        "squeezed": {
            "rows": SQUEEZED,
            "alpha": _listed(_squeezed(_tall())),
            "adjusted": [
                {"adjustment": one.to_json(), "alpha": _listed(_squeezed(_adjusted(_tall(), one)))}
                for one in SQUEEZED_ADJUSTMENTS
            ],
        },
        "curves": [{"adjustment": one.to_json(), "table": adjust_colors(codes, one)[0].T.tolist()} for one in CURVES],
        "blend": {mode: _listed(blend_colors(mode, *grey)[..., 0]) for mode in BLEND_MODES},
        "strokes": [stroke.to_json() for stroke in STROKES],
        "painted": [_listed(paint_alpha(alpha, STROKES, frame)) for frame in (0, 3, 9)],
    }


def _alpha() -> Any:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    codes = np.rint((5 - np.hypot(columns - 13, rows - 7)).clip(0, 2) / 2 * 255)
    codes[2, 3] = 200
    return (codes / 255).astype(np.float32)


def _tall() -> Any:
    rows, columns = np.mgrid[0 : SQUEEZED * HEIGHT, 0:WIDTH]
    return (8 - np.hypot(columns - 12, rows - 15.5)).clip(0, 1).astype(np.float32)


def _squeezed(alpha: Any) -> Any:
    return alpha.reshape(HEIGHT, SQUEEZED, WIDTH).mean(axis=1)


def _adjusted(alpha: Any, adjustment: Adjustment) -> Any:
    return adjust_layer(LayerFrame(np.dstack([alpha] * 3), alpha), adjustment).alpha


def _kernel(sigma: float) -> list[float]:
    impulse = np.zeros((1, 201), np.float32)
    impulse[0, 100] = 1
    soft = cv2.GaussianBlur(impulse, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)[0]
    return [round(float(value), 7) for value in np.trim_zeros(soft[100:], "b")]


def _rows(radius: int) -> list[int]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    return [(int(row.sum()) - 1) // 2 for row in disc]


def _listed(plane: Any) -> list[float]:
    return [round(float(value), 6) for value in np.ravel(plane)]


def main() -> None:
    """Write the vectors beside this script."""
    Path(__file__).with_name("vectors.json").write_text(json.dumps(vectors()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
