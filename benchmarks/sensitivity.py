"""What each threshold of refining and layerizing is worth: `python -m benchmarks.sensitivity [GROUP ...]`.

One constant at a time is halved and doubled (pairs as a whole), everything else stays, and the group's score is taken
again: what the benchmarks print, on fewer cases. A row is the change of each figure, for half and for double. 0 means
that these cases do not decide the value. A constant from which others are derived at import is not reached.

Groups: layerize (gain in dB, more is better; matte error x1000), replaced (the same of a recoloured and a removed
thing), upsample (edge error of `auto` over bicubic's, mean and worst, x1000), decontaminate (error over the plain
rule's, x1000), grain (measured over true deviation, and the farthest from 1, x1000), temporal (error over the
flickering matte's, x1000, standing still and moving).
"""

import argparse
import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from benchmarks.refine_scenes import render
from benchmarks.regenerated import measure_recovery, regenerate

import vera.layers.layerize
import vera.layers.refine
from benchmarks import layerize as clips
from benchmarks import refine as truth
from vera.errors import VeraError
from vera.layers.layer_frame import LayerFrame, to_float
from vera.layers.layerize import layerize_frames
from vera.layers.layerize.footage import ArrayFootage
from vera.layers.refine.decontaminate import decontaminate
from vera.layers.refine.floor import fit_layer
from vera.layers.refine.grain import measure_grain
from vera.layers.refine.temporal import smooth_layers
from vera.layers.refine.upsample import choose_guide, upsample_layer
from vera.video import open_clip

Score = dict[str, float]
FRAMES, RATE = 2, Fraction(25)
CASES = ("object (", "smoke", "thin lines", "background (")
REPLACED = ("recolour", "removal")


@cache
def layerize_inputs(names: tuple[str, ...]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Source and edited clip `[T,H,W,3]` uint8, and the true alpha, of each case whose name begins so."""
    found = []
    for name, (source, edit, alpha), how in clips.cases(FRAMES):
        if not name.startswith(names):
            continue
        weight = alpha[..., None]
        drawn = np.rint((weight * edit + (1 - weight) * source / 255) * 255).clip(0, 255).astype(np.uint8)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "edited.mp4"
            regenerate(drawn, path, how)
            found.append((source, clips.read(path, open_clip(path).display_size), alpha))
    return found


def score_layerize(names: tuple[str, ...]) -> Score:
    gains, errors = [], []
    for source, edited, alpha in layerize_inputs(names):
        try:
            layers = list(layerize_frames(ArrayFootage(source, RATE), edited, RATE).frames())
        except VeraError:  # nothing found: the source as it is
            layers = [LayerFrame(frame, np.zeros(frame.shape[:2], np.uint16)) for frame in source]
        found = np.stack([to_float(layer.alpha) for layer in layers])
        drawn = np.stack([layer.edit for layer in layers])
        result = np.rint(found[..., None] * drawn + (1 - found[..., None]) * source).astype(np.uint8)
        recovery = measure_recovery(source, edited, result, found, alpha)
        gains.append(recovery.gain)
        errors.append(1000 * recovery.matte_error)
    return {"gain": float(np.mean(gains)), "matte": float(np.mean(errors))}


@cache
def upsample_inputs() -> list[tuple[Any, ...]]:
    found = []
    for how in truth.SOURCES.values():
        for name in ("hair/in", "tree/keep", "blob/in", "blob/add", "hair/add", "motion/in"):
            scene = render(name, how["optics"], how["noise"], False)
            edit, alpha = truth.layers_of(scene, how["blur"], how["haze"])
            plate = truth.codes(scene.plate)
            plain = fit_layer(LayerFrame(edit, alpha), truth.SIZE)[1]
            error = truth.edge_error(plain, scene.alpha, plain)
            found.append((LayerFrame(edit, alpha), plate, truth.shrunk(plate), scene.alpha, plain, error))
    return found


def score_upsample() -> Score:
    ratios = []
    for layer, plate, small, alpha, plain, error in upsample_inputs():
        guide, blur = choose_guide(layer.alpha[None], small[None])
        found = upsample_layer(layer, truth.SIZE, small, plate, guide, blur)[1]
        ratios.append(1000 * truth.edge_error(found, alpha, plain) / error)
    return {"mean": float(np.mean(ratios)), "worst": max(ratios)}


def score_decontaminate() -> Score:
    ratios = []
    for shape, optics in (("hair", 0.8), ("tree", 0.8), ("blob", 0.8), ("blob", 8.0), ("motion", 0.8)):
        scene = _kept(shape, optics)
        alpha, plate, edit = scene.alpha, truth.codes(scene.plate), truth.codes(scene.edit)
        weight = alpha[..., None]
        band = (alpha > 0.004) & (alpha < 0.996)
        wanted = weight * scene.edit + (1 - weight) * scene.kept
        plain, found = (
            np.abs(weight * (layer / 255) + (1 - weight) * (plate / 255) - wanted)[band].mean()
            for layer in (edit, decontaminate(edit, alpha, plate))
        )
        ratios.append(1000 * found / plain)
    return {"mean": float(np.mean(ratios)), "worst": max(ratios)}


@cache
def _kept(shape: str, optics: float) -> Any:
    return render(f"{shape}/keep", optics, 0.008)


@cache
def _grainy() -> tuple[list[np.ndarray], np.ndarray]:
    """Three frames of a ramp with texture and noise of 1 % of green, and that noise."""
    height, width = 540, 960
    ramp = np.repeat(np.tile(np.linspace(0.1, 0.9, width, dtype=np.float32), (height, 1))[..., None], 3, -1)
    ramp[: height // 2] += 0.1 * (clips.texture((height // 2, width), 1, 6) - 0.5)
    deviation = np.array([0.015, 0.01, 0.02], np.float32)
    noises = [np.random.default_rng(seed).standard_normal(ramp.shape, np.float32) * deviation for seed in range(3)]
    return [truth.codes(ramp + noise) for noise in noises], deviation


def score_grain() -> Score:
    frames, deviation = _grainy()
    found = np.array(measure_grain(frames).deviation)[:, 1:-1]
    ratios = 1000 * found / deviation[:, None]
    return {"mean": float(ratios.mean()), "worst": float(np.abs(ratios - 1000).max())}


@cache
def _flickering(step: int) -> tuple[Any, ...]:
    edit, alpha, plates = truth.clip(5, step, optics=12.0)
    exact = to_float(alpha)
    rng = np.random.default_rng(2)
    field = np.stack([cv2.GaussianBlur(rng.standard_normal(exact.shape[1:]), (0, 0), 1) for _ in exact]) / 0.28
    soft = (exact > 0.1) & (exact < 0.9)
    return edit, np.asarray(exact + 0.03 * field * soft, np.float32).clip(0, 1), plates, exact, soft


def score_temporal() -> Score:
    score = {}
    for name, step in (("still", 0), ("moving", 6)):
        edit, noisy, plates, exact, soft = _flickering(step)
        found = np.stack([layer.alpha for layer in smooth_layers(map(LayerFrame, edit, noisy), plates)])
        before, after = (np.abs(kind - exact)[1:-1][soft[1:-1]].mean() for kind in (noisy, found))
        score[name] = float(1000 * after / before)
    return score


def modules(package: ModuleType, names: tuple[str, ...] = ()) -> list[ModuleType]:
    found = [name for _, name, _ in pkgutil.iter_modules(package.__path__) if not names or name in names]
    return [importlib.import_module(f"{package.__name__}.{name}") for name in found]


GROUPS: dict[str, tuple[Callable[[], Score], list[ModuleType]]] = {
    "layerize": (partial(score_layerize, CASES), modules(vera.layers.layerize)),
    "replaced": (partial(score_layerize, REPLACED), modules(vera.layers.layerize, ("recolor", "rims"))),
    **{
        name: (globals()[f"score_{name}"], modules(vera.layers.refine, (name,)))
        for name in ("upsample", "decontaminate", "grain", "temporal")
    },
}


def thresholds(module: ModuleType) -> Iterator[str]:
    """Names of the numeric constants that `module` itself defines."""
    lines = Path(str(module.__file__)).read_text(encoding="utf-8").splitlines()
    heads = [line.split("=")[0] for line in lines if "=" in line and line[0].isupper()]
    for name in ", ".join(heads).replace(" ", "").split(","):
        value = getattr(module, name.split(":")[0], None)
        if isinstance(value, int | float) or (isinstance(value, tuple) and isinstance(value[0], int | float)):
            yield name


def scaled(value: Any, factor: float) -> Any:
    if isinstance(value, tuple):
        return tuple(scaled(one, factor) for one in value)
    return max(1, round(value * factor)) if isinstance(value, int) else value * factor


def with_value(name: str, value: Any, other: Any, score: Callable[[], Score]) -> Score | None:
    """The score with `other` in place of the constant wherever it was imported to; None if nothing came out."""
    holders = [
        m for key, m in list(sys.modules.items()) if key.startswith("vera.layers") and vars(m).get(name) is value
    ]
    for holder in holders:
        setattr(holder, name, other)
    try:
        return score()
    except (ArithmeticError, AssertionError, IndexError, TypeError, ValueError, cv2.error):
        return None
    finally:
        for holder in holders:
            setattr(holder, name, value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", choices=[[], *GROUPS])
    parser.add_argument("--only", help="a module's or a constant's name")
    options = parser.parse_args()
    for group in options.groups or GROUPS:
        score, files = GROUPS[group]
        base = score()
        figures = ", ".join(f"{name} {value:.1f}" for name, value in base.items())
        print(f"\n{group}: {figures}\n\n| constant | value | half | double |\n|---|---|---|---|", flush=True)
        for module in files:
            for name in thresholds(module):
                label = f"{module.__name__.rsplit('.', 1)[1]}.{name}"
                if options.only and options.only not in label.split("."):
                    continue
                value = getattr(module, name)
                cells = []
                for factor in (0.5, 2.0):
                    found = with_value(name, value, scaled(value, factor), score)
                    changes = "fails" if found is None else ", ".join(f"{found[k] - base[k]:+.1f}" for k in base)
                    cells.append(changes)
                print(f"| {label} | {value} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
