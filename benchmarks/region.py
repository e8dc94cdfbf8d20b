"""Regions of 4K footage against the whole frame, on rendered truth: edges, preserved samples, seams, context, and nano.

Run: python benchmarks/region.py [TABLE ...] [--pictures FOLDER]; tables are edges, seam, context and nano. Without any,
all are printed.

edges and seam have no network draw: the rendered layers at the size at which a model would see them go through nano's
autoencoder and then the way of every edit. So both paths have the same model, and no luck in what it draws. context and
nano sample.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import islice, product
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vera.layers import LayeredEdit, verify
from vera.layers.folder import load_layers
from vera.layers.layer_frame import to_float
from vera.layers.masters import write_master
from vera.layers.refine.clip import Refinement, guide_frames
from vera.layers.views import SourceViews
from vera.pipelines import EditJob, Outputs, Sampling, VeraPipeline, edit, load_pipeline
from vera.pipelines.footage import crops
from vera.pipelines.footage.crops import Crop, place_layers, plan_crops
from vera.pipelines.footage.drawn import Drawn
from vera.pipelines.footage.write import write_layers
from vera.video import model_view, open_clip
from vera.video.open import open_output

WIDTH, HEIGHT, FRAMES = 3840, 2160, 5
STEP = 40  # pixels a frame that the object goes to the right
HAZE = 0.15  # alpha of what a model draws all over a crop, up to its border
AREA = 0.05  # of the frame that the object covers
REACH = 90  # pixels about the true edge that its error is looked for in: six of nano's on the whole frame
SIZES = (None, (832, 480))  # nano's own, 256x144 or of that area, and that of larger models
WORDS = ("a red balloon", "a yellow duck", "a green tree", "a blue car", "an orange cat", "a white mug")

REGION = (1280, 600, 1280, 960)  # where context and nano are asked to draw

Layers = tuple[np.ndarray, np.ndarray]


@cache
def outline(shape: str) -> np.ndarray:
    """An object's coverage, 5 % of a 4K frame, by 16 samples a pixel; `[h,w]` float32 with a margin."""
    rng = np.random.default_rng(5)
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    if shape == "blob":
        wave = np.arange(1, 7)[:, None]
        radius = 1 + (rng.normal(0, 0.2, (6, 1)) / wave * np.cos(wave * angle + rng.uniform(0, 6.28, (6, 1)))).sum(0)
    else:
        radius = np.where(np.arange(720) % 12 < 6, 1.0, 1.0 + rng.uniform(0.1, 0.35, 720))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    inside = 0.5 * abs(np.sum(points[:, 0] * np.roll(points[:, 1], -1) - np.roll(points[:, 0], -1) * points[:, 1]))
    points *= np.sqrt(AREA * WIDTH * HEIGHT / inside)
    side = 2 * int(np.abs(points).max() + 20)
    canvas = np.zeros((4 * side, 4 * side), np.uint8)
    cv2.fillPoly(canvas, [np.rint((points + side / 2) * 4).astype(np.int32)], 255)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


@cache
def backdrop(seed: int) -> np.ndarray:
    """Coloured noise of many scales, `[2400,4400,3]` float32: larger than a frame, to move over."""
    rng = np.random.default_rng(seed)
    total = np.zeros((2400, 4400, 3), np.float32) + rng.uniform(0.3, 0.7, 3).astype(np.float32)
    for octave in range(2, 10):
        grid = rng.normal(0, 1, (2 ** (octave - 1) + 1, 2**octave + 1, 3)).astype(np.float32)
        total += np.float32(0.12 / octave) * cv2.resize(grid, (4400, 2400), interpolation=cv2.INTER_CUBIC)
    return (total + rng.normal(0, 0.006, total.shape).astype(np.float32)).clip(0, 1)


@dataclass(frozen=True)
class Scene:
    """An object that is added to a panning camera's picture, or, where it is `seen` there, recoloured.

    It goes `step` pixels a frame to the right, and some up and down.
    """

    shape: str = "blob"
    seen: bool = False
    step: int = STEP

    def middle(self, index: int) -> tuple[int, int]:
        """Where the object is in a frame."""
        return 1500 + self.step * index, 1000 + int(self.step * np.sin(index))

    def alpha(self, index: int) -> np.ndarray:
        """The true matte `[2160,3840]` float32."""
        alpha, thing = np.zeros((HEIGHT, WIDTH), np.float32), outline(self.shape)
        x, y = self.middle(index)
        side = len(thing) // 2
        alpha[y - side : y + side, x - side : x + side] = thing
        return alpha

    def edit(self, index: int) -> np.ndarray:
        """The true edit layer `[2160,3840,3]` float32."""
        x, y = self.middle(index)
        return np.roll(backdrop(2), (y - 1000, x - 1500), (0, 1))[:HEIGHT, :WIDTH] * np.float32([1.2, 0.5, 0.4])

    def source(self, index: int) -> np.ndarray:
        """A frame of the source, RGB uint8."""
        picture = backdrop(1)[100 : 100 + HEIGHT, 100 + 7 * index : 100 + 7 * index + WIDTH]
        if self.seen:
            alpha = self.alpha(index)[..., None]
            picture = alpha * self.edit(index)[..., ::-1] + (1 - alpha) * picture
        return codes(picture)

    def layers(self, index: int) -> Layers:
        """Edit and alpha."""
        return self.edit(index), self.alpha(index)

    def mask(self, index: int) -> np.ndarray:
        """White on the object."""
        return codes(self.alpha(index))

    def box(self) -> str:
        """The smallest region that holds the object in all frames."""
        found = [cv2.boundingRect(self.mask(index)) for index in range(FRAMES)]
        left, top, right, bottom = np.array([(x, y, x + width, y + height) for x, y, width, height in found]).T
        x, y = left.min(), top.min()
        return f"{x},{y},{right.max() - x},{bottom.max() - y}"


def codes(picture: np.ndarray) -> np.ndarray:
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)


def write_clip(path: Path, frame: Callable[[int], np.ndarray], frames: int = FRAMES) -> Path:
    """Lossless; `frame` gives RGB or grey, uint8."""
    with open_output(path) as container:
        stream = container.add_stream("ffv1", rate=Fraction(25), options={"slices": "16", "threads": "2"})
        first = frame(0)
        stream.height, stream.width = first.shape[:2]
        grey = first.ndim == 2
        stream.pix_fmt = "gray" if grey else "yuv420p"
        for index in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame(index), "gray" if grey else "rgb24")))
        container.mux(stream.encode(None))
    return path


SCENES = (Scene("blob", step=0), Scene("spikes"), Scene("blob", seen=True, step=0))


def simulated(job: EditJob, pipeline: VeraPipeline, layers: Callable[[int], Layers]) -> tuple[Drawn, crops.CropPlan]:
    """A model that draws `layers`, edit `[2160,3840,3]` and alpha, as well as its autoencoder codes them."""
    plan = plan_crops(job.clip, job.regions, pipeline.size_strides[::-1], 256 * 144, job.sampling.size)
    views = SourceViews(job.clip, job.edited, plan.canvas, job.transform)
    guides = dict(views.pictures(set(guide_frames(len(job.edited)))))

    def seen(crop: Crop, part: int) -> Iterator[np.ndarray]:
        for index in range(len(job.edited)):
            small = cv2.resize(layers(index)[part], plan.canvas, interpolation=cv2.INTER_AREA)
            yield np.ascontiguousarray(crop.cut(small, index))[None]

    def coded(crop: Crop) -> Iterator[Layers]:
        count = len(job.edited)
        edits, alphas = (pipeline.encode_frames(seen(crop, part), count) for part in (0, 1))
        for colors, matte in zip(
            pipeline.decode_spans(edits, count), pipeline.decode_spans(alphas, count, grey=True), strict=True
        ):
            yield colors.numpy(), matte.numpy()

    spans = place_layers(plan, range(len(job.edited)), [coded(crop) for crop in plan.crops])
    return Drawn(views, job.refinement, guides, spans, lambda: plan.record(), "simulated"), plan


@contextmanager
def edited(source: Path, layers: Callable[[int], Layers], **how: Any) -> Iterator[tuple[Any, LayeredEdit, Path, Any]]:
    """The clip's simulated edit: the clip, its layers, the result and the plan."""
    guide, size = how.pop("guide", "auto"), how.pop("size", None)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.mkv"
        outputs = Outputs(out, Path(folder) / "layers")
        sampling, refinement = Sampling(size=size), Refinement(guide=guide)
        job = EditJob.check(source, "add it", outputs=outputs, sampling=sampling, refinement=refinement, **how)
        drawn, plan = simulated(job, nano(), layers)
        write_layers(job, drawn, Path(folder) / "layers")
        found = load_layers(Path(folder) / "layers")
        write_master(job.clip, found, out, "exact", None)
        yield job.clip, found, out, plan


@cache
def nano() -> VeraPipeline:
    return load_pipeline("nano", device="cpu")


def print_edges(folder: Path, pictures: Path | None) -> None:
    print("\nEdge error (mean distance from the true edge, in pixels of 4K), and preserved samples that changed")
    print(
        "| model's size | object | source shows it | moves | path | edge error | ratio | changed |\n" + "|---" * 8 + "|"
    )
    for size, scene in product(SIZES, SCENES):
        mask, source = write_clip(folder / "mask.mkv", scene.mask), write_clip(folder / "source.mkv", scene.source)
        region = {"region": "auto", "mask": mask} if scene.step else {"region": scene.box()}
        whole = 0.0
        for way, how in (("whole frame", {}), ("region auto" if scene.step else "region", region)):
            with edited(source, scene.layers, size=size, **how) as (clip, found, out, _):
                error = edge_error(clip, found, scene)
                changed = verify(clip, out, found).changed
                if pictures is not None:
                    name = f"{scene.shape}-{scene.seen}-{scene.step}-{size and size[0]}-{way}.png"
                    save(pictures / name.replace(" ", "-"), out, scene)
            whole = whole or error
            kind = (
                f"{size_name(size)} | {scene.shape} | {'yes' if scene.seen else 'no'} | {'yes' if scene.step else 'no'}"
            )
            print(f"| {kind} | {way} | {error:.1f} | {error / whole:.2f} | {changed} |", flush=True)


def size_name(size: tuple[int, int] | None) -> str:
    return "nano's" if size is None else f"{size[0]}x{size[1]}"


def edge_error(clip: Any, found: LayeredEdit, scene: Scene) -> float:
    """The mean distance, in pixels, of the matte's edge from the true one: |alpha - truth| over the edge's length."""
    index = FRAMES // 2
    with clip.frames() as reader:
        plate = model_view(next(islice(reader, index, None)), WIDTH, HEIGHT)
    alpha, true = to_float(found.frame(index, (WIDTH, HEIGHT), plate).alpha), scene.alpha(index)
    lines, _ = cv2.findContours((true > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    soft = ((true > 0) & (true < 1)).astype(np.uint8)
    near = cv2.dilate(soft, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1,) * 2)) > 0
    return float(np.abs(alpha - true)[near].sum() / sum(cv2.arcLength(line, True) for line in lines))


def frames_of(path: Path) -> Iterator[np.ndarray]:
    with open_clip(path).frames() as reader:
        for frame in reader:
            yield model_view(frame, WIDTH, HEIGHT)


def save(path: Path, out: Path, scene: Scene) -> None:
    """The middle frame about the object, small, and a part of its edge as it is."""
    picture = list(frames_of(out))[FRAMES // 2]
    x, y = scene.middle(FRAMES // 2)
    around = cv2.resize(picture[y - 540 : y + 540, x - 960 : x + 960], (960, 540), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), np.hstack([around, picture[y - 540 : y, x : x + 540]])[..., ::-1])


def print_seam(folder: Path) -> None:
    print("\nA moving region: change from frame to frame over the source's own, within 4 pixels of the crop's border")
    print(
        "and elsewhere outside of the object\n| what is drawn | fade | border | elsewhere | ratio |\n"
        + "|---" * 5
        + "|"
    )
    scene = Scene()
    mask, source = write_clip(folder / "mask.mkv", scene.mask), write_clip(folder / "source.mkv", scene.source)
    before = [picture.astype(np.float32) for picture in frames_of(source)]

    def hazy(index: int) -> Layers:
        return scene.edit(index), np.maximum(scene.alpha(index), np.float32(HAZE))

    own = crops.fade_border
    for drawn, layers in (("the object", scene.layers), (f"and haze, alpha {HAZE}", hazy)):
        for fade in ("on", "off"):
            crops.fade_border = own if fade == "on" else lambda alpha, sides: (alpha, 0.0)
            with edited(source, layers, region="auto", mask=mask) as (_, _, out, plan):
                after = [picture.astype(np.float32) for picture in frames_of(out)]
            rows = [seam(before, after, plan, index, scene) for index in range(1, FRAMES)]
            border, elsewhere = np.sum([row[0] for row in rows], 0), np.sum([row[1] for row in rows], 0)
            ratios = border[0] / border[1], elsewhere[0] / elsewhere[1]
            cells = f"{ratios[0]:.3f} | {ratios[1]:.3f} | {ratios[0] / ratios[1]:.3f}"
            print(f"| {drawn} | {fade} | {cells} |", flush=True)
    crops.fade_border = own


def seam(
    before: list[np.ndarray], after: list[np.ndarray], plan: crops.CropPlan, index: int, scene: Scene
) -> list[tuple[float, float]]:
    """Sums of the change from the frame before, of result and source: at the crop's border, and elsewhere."""
    border = np.zeros((HEIGHT, WIDTH), np.uint8)
    for time in (index - 1, index):
        rows, columns = plan.crops[0].box(time)
        left, right = (round(x * WIDTH / plan.canvas[0]) for x in (columns.start, columns.stop))
        top, bottom = (round(y * HEIGHT / plan.canvas[1]) for y in (rows.start, rows.stop))
        cv2.rectangle(border, (left, top), (right, bottom), 1, 8)
    object_ = np.maximum(scene.alpha(index), scene.alpha(index - 1)) > 0
    object_ = cv2.dilate(object_.view(np.uint8), np.ones((41, 41))) > 0
    changes = [np.abs(clip[index] - clip[index - 1]).mean(-1) for clip in (after, before)]
    areas = (border > 0) & ~object_, (border == 0) & ~object_
    return [tuple(float(change[area].sum()) for change in changes) for area in areas]


def print_context(folder: Path) -> None:
    print("\nnano, 8 steps, one frame, region of a third of a 720p frame's width: by context, of 6 edits")
    print(
        "| context | drawn nothing | drawn up to the border | region's width in the model's pixels |\n|---|---|---|---|"
    )
    small = cv2.resize(Scene().source(0), (1280, 720), interpolation=cv2.INTER_AREA)
    source = write_clip(folder / "context.mkv", lambda index: small, 1)
    fast = load_pipeline("nano", device="cpu", lora=["nano-8-steps"])
    own = crops.CONTEXT, crops.FADE
    for context in (0.0, 0.25, 0.5):
        crops.CONTEXT = context
        nothing, touched, width = 0, 0, 0.0
        for number, words in enumerate(WORDS):
            how: dict[str, Any] = {"seed": number, "steps": 8, "guidance": 1.0, "progress": lambda *stage: None}
            layers, region = folder / "context-layers", (427, 200, 427, 320)
            report = edit(source, f"add {words}", pipeline=fast, layers=layers, result=False, region=region, **how)
            nothing += not (report.edit.alpha[0] > 32768).any()
            touched += any("reached the border" in notice for notice in report.notices)
            width = 427 * report.size[0] / 1280
        print(f"| {context:g} | {nothing} | {touched} | {width:.0f} |", flush=True)
    crops.CONTEXT, crops.FADE = own


def print_nano(folder: Path, pictures: Path | None) -> None:
    print(
        f"\nnano itself, 8 steps, {FRAMES} frames of 4K, 'add a red balloon': the width of the matte's edge where alpha"
    )
    print("is a half, median, in pixels of 4K; preserved samples changed\n| path | edge | changed |\n|---|---|---|")
    source = write_clip(folder / "nano.mkv", Scene().source)
    fast = load_pipeline("nano", device="cpu", lora=["nano-8-steps"])
    for way, region in (("whole frame", None), ("region", REGION)):
        out, how = folder / "nano-result.mkv", {"steps": 8, "guidance": 1.0, "progress": lambda *stage: None}
        report = edit(source, "add a red balloon", pipeline=fast, out=out, region=region, **how)
        clip = open_clip(source)
        with clip.frames() as reader:
            plate = model_view(next(reader), WIDTH, HEIGHT)
        alpha = to_float(report.edit.frame(0, (WIDTH, HEIGHT), plate).alpha)
        slopes = [cv2.Sobel(alpha, cv2.CV_32F, *axes, scale=1 / 8) for axes in ((1, 0), (0, 1))]
        slope = np.hypot(*slopes)
        edge = (alpha > 0.4) & (alpha < 0.6) & (slope > 1e-4)
        changed = verify(clip, out, report.edit).changed
        print(f"| {way} | {np.median(1 / slope[edge]):.1f} | {changed} |", flush=True)
        if pictures is not None:
            whole = cv2.resize(next(frames_of(out)), (960, 540), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(pictures / f"nano-{way.replace(' ', '-')}.png"), whole[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tables = ("edges", "seam", "context", "nano")
    parser.add_argument("tables", nargs="*", choices=[*tables, []], default=[])
    parser.add_argument("--pictures", type=Path, help="folder for PNGs of the results")
    options = parser.parse_args()
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    for table in options.tables or tables:
        with tempfile.TemporaryDirectory() as folder:
            if table in ("edges", "nano"):
                (print_edges if table == "edges" else print_nano)(Path(folder), options.pictures)
            else:
                (print_seam if table == "seam" else print_context)(Path(folder))


if __name__ == "__main__":
    main()
