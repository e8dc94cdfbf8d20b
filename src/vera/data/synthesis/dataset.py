"""Layered clips made from nothing but an index: `SyntheticLayers(...)[i]` is the same on every machine and run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.data.sample import LayeredSample
from vera.data.synthesis import held_out as unseen
from vera.data.synthesis.assets import load_panoramas, load_photos, load_sprites
from vera.data.synthesis.camera import MARGIN, film, plan_camera
from vera.data.synthesis.cases import sample_rng
from vera.data.synthesis.compose import make_sample
from vera.data.synthesis.objects import (
    Light,
    harmonize,
    harmony,
    plan_light,
    plan_track,
    render_cast,
    render_cutout,
    render_shadows,
    side_by_side,
    tint,
)
from vera.data.synthesis.plan import (
    BACKGROUND_SHARE,
    FLAT,
    SINGLE_VIEW,
    SIZE_SHARES,
    TINT_SHARE,
    TURNTABLE,
    Freedom,
    SamplePlan,
    draw_plan,
    plan_render,
)
from vera.data.synthesis.plates import panorama_scene, photo_scene
from vera.data.synthesis.records import RenderRecord, Views
from vera.data.synthesis.rendered import Cutout, Renders, cut_out, fits, is_whole, layer_scene, scene_of, shadow_alpha
from vera.data.synthesis.stages import Key, Over, clip_count, read_sizes, read_stages
from vera.data.synthesis.subjects import blob, rough_mask
from vera.data.synthesis.vocabulary import ASSETS, SIZES, SPRITES, Item, pick
from vera.errors import VeraError
from vera.fields import Name, Range, Seed, Share


class SyntheticLayers:
    """A map-style data set of layered clips, both tasks, rendered on demand.

    Args:
        sprites: names of the objects (Unicode names of emoji).
        assets: the folder that `make assets` fills.
        sizes: `WxH` of the clips, each drawn equally often.
        stages: `{until: batch, frames: {count: weight}}` in order; `until: null` for the last. Says how often clips of
            each length (1 + 4k frames) are drawn at a training step, so that a run can go from pictures to clips. A
            stage may have `sizes` of its own, and `over`: a weight for each of `scene` (the default), `white` and
            `middle`, what a step's objects are shown over. White has no task but to add; `middle` is white, and all
            stand in the middle of it, whatever the words say.
        background_share: share of `background_replace` samples.
        tint_share: share of the added objects in a named colour.
        number_share: of the added sprites that are not small, the share of those of which there are two or three.
        size_shares: how many of them are small, medium and large, of their sum; each above 0, because there are places
            where only one may be drawn.
        fill: edit layer where alpha is 0: `edge` extends the colours outward, `white` paints white.
        renders: folder of physically lit objects that `vera data render` fills, or None.
        render_share: share of the samples that show one of them.
        grid: sprites that are added stand, in the first frame, on a grid of so many pixels, upright, as they are drawn,
            in three sizes; None: anywhere. A small network learns one picture of each sooner than every shift of it.
        samples: how many there are before they come again; None: no end. A run encodes the text of each once.
        seed: of everything.
        held_out: samples of what training never sees, as `held_out.py` defines it.

    Raises VeraError where assets are missing, or `fill` or `size_shares` is none of these.
    """

    def __init__(
        self,
        sprites: Annotated[Sequence[Name], Range(1, 10_000)] = SPRITES,
        assets: Name = ASSETS,
        sizes: Annotated[Sequence[Name], Range(1, 1000)] = ("256x144",),
        stages: Sequence[Mapping[str, Any]] = ({"until": None, "frames": {1: 1.0}},),
        background_share: Share = BACKGROUND_SHARE,
        tint_share: Share = TINT_SHARE,
        number_share: Share = 0.0,
        size_shares: Sequence[Annotated[float, Range(0, 1e6)]] = SIZE_SHARES,
        fill: str = "edge",
        renders: Name | None = None,
        render_share: Share = 0.4,
        grid: Annotated[int, Range(1, 1024)] | None = None,
        samples: Annotated[int, Range(1, 1 << 40)] | None = None,
        seed: Seed = 0,
        held_out: bool = False,
    ) -> None:
        if fill not in ("edge", "white"):
            raise VeraError(f"fill is edge or white, not {fill!r}")
        if len(size_shares) != len(SIZES) or min(size_shares) <= 0:
            raise VeraError(f"size_shares is a share above 0 for each of {', '.join(SIZES)}, not {size_shares}")
        self.sizes, self.stages = read_sizes(sizes), read_stages(stages)
        folder = Path(assets)
        self.sprites = load_sprites(folder / "fluent-emoji-3d" / "assets", sprites)
        self.panoramas = load_panoramas(folder / "pmndrs" / "hdri")
        self.photos = [photo for name, photo in load_photos().items() if (name in unseen.PHOTOS) == held_out]
        self.background_share = background_share
        self.tint_share = tint_share
        self.number_share = number_share
        self.size_shares = [share / sum(size_shares) for share in size_shares]
        self.fill = fill
        self.renders = None if renders is None else Renders(Path(renders), held_out)
        self.render_share = render_share
        self.grid = grid
        self.samples = samples
        self.seed = seed
        self.held_out = held_out

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, index: int) -> LayeredSample:
        """Sample `index` at the first size, with the frame count of the last stage's heaviest weight."""
        return self.sample(index, most_drawn(self.stages[-1].frames), *self.sizes[0])

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[Key]:
        """Index, frames, width, height and ground of the samples of a training step, all of one shape.

        `batch_size` counts latent frames: `batch_size // (1 + k)` clips of `1 + 4k` frames, at least one, so that
        every step costs about the same. No sample is ever bad, so there is no other attempt.
        """
        rng = np.random.default_rng((self.seed, self.held_out, step))
        stage = next(stage for stage in self.stages if stage.until is None or step < stage.until)
        frames = _draw_weighted(stage.frames, rng)
        width, height = pick(self.sizes if stage.sizes is None else read_sizes(stage.sizes), rng)
        count = clip_count(batch_size, frames)
        over = _draw_weighted(stage.over, rng)
        indices = [step * batch_size + i for i in range(count)]
        if self.samples is not None:  # by clips: strides of `batch_size` would pass most of them over in every round
            indices = [(step * count + i) % self.samples for i in range(count)]
        return [(index, frames, width, height, over) for index in indices]

    def load(self, key: Key) -> LayeredSample:
        """Render the sample of a key."""
        return self.sample(*key)

    def plan(self, index: int, frames: int) -> SamplePlan:
        """The words of sample `index`, if it is drawn from the sprites."""
        return self._plan(sample_rng(self.seed, self.held_out, index), tuple(self.sprites), frames)

    def sample(self, index: int, frames: int, width: int, height: int, over: Over = "scene") -> LayeredSample:
        """Sample `index` as a clip of `frames` frames of `width` x `height` pixels; what a stage's `over` can be."""
        if over != "scene":
            return self._over_white(index, frames, height, width, over == "middle")
        rng = np.random.default_rng((self.seed, self.held_out, index, 2))
        record = self._pick_record(rng, height, width)
        if record is None:
            plan = self.plan(index, frames)
            return self._make(plan, self._sprite(plan, rng), frames, height, width, rng)
        # A thing rendered small would be a blur where it is wanted large.
        if fits(record, height, width) and (
            record.spec.size == "small" or not is_whole(self._views(record)) or rng.random() < 0.6
        ):
            return self._film_render(record, frames, height, width, rng)
        freedom = TURNTABLE if len(record.spec.angles) > 1 else SINGLE_VIEW
        plan = self._plan(rng, (record.spec.model,), frames, freedom)
        cutout = cut_out(self._views(record), _choose_views(record, plan.motion, frames, rng))
        return self._make(plan, cutout, frames, height, width, rng)

    def _over_white(self, index: int, frames: int, height: int, width: int, middle: bool) -> LayeredSample:
        """A sprite that is added to nothing but white; its light is that of a scene as with all others."""
        shares = (0.0, self.tint_share, self.size_shares)
        rng = sample_rng(self.seed, self.held_out, index)
        plan = draw_plan(rng, tuple(self.sprites), frames, *shares, self.held_out, number_share=self.number_share)
        scene, camera, shutter = self._scene(height, width, rng), plan_camera(frames, height, width, rng), _shutter(rng)
        standing = replace(plan, place="middle") if middle else plan
        cutout = self._sprite(plan, rng)
        layer, shadow = _place(standing, cutout, scene, camera, height, width, shutter, rng, self.grid)
        alpha = layer[..., 3] + shadow * (1 - layer[..., 3])
        white = np.full((frames, height, width, 3), 255, np.uint8)
        return make_sample(white, layer[..., :3], alpha, None, plan.instruction, plan.task, self.fill)

    def _pick_record(self, rng: np.random.Generator, height: int, width: int) -> RenderRecord | None:
        """The render to show, each model as likely, or None for a sprite."""
        if self.renders is None or rng.random() >= self.render_share:
            return None
        record = pick(self.renders.by_model[pick(tuple(self.renders.by_model), rng)], rng)
        return record if fits(record, height, width) or is_whole(self._views(record)) else None

    def _views(self, record: RenderRecord) -> Views:
        assert self.renders is not None
        return self.renders.views(record.spec.index)

    def _plan(
        self, rng: np.random.Generator, things: Sequence[str], frames: int, freedom: Freedom = FLAT
    ) -> SamplePlan:
        shares = (self.background_share, self.tint_share, self.size_shares)
        return draw_plan(rng, things, frames, *shares, self.held_out, freedom, self.number_share)

    def _make(
        self, plan: SamplePlan, cutout: Cutout, frames: int, height: int, width: int, rng: np.random.Generator
    ) -> LayeredSample:
        """The sample that puts `cutout` into a scene as `plan` says, or keeps it there and changes the scene."""
        scene, camera, shutter = self._scene(height, width, rng), plan_camera(frames, height, width, rng), _shutter(rng)
        grid = self.grid if plan.task == "obj_add" and cutout.casts is None else None
        layer, shadow = _place(plan, cutout, scene, camera, height, width, shutter, rng, grid)
        source = film([scene], camera, height, width, shutter)
        covered = layer[..., 3]
        if plan.task == "obj_add":
            # The shadow is black and lies under the object: it adds coverage, no colour.
            alpha = covered + shadow * (1 - covered)
            return make_sample(source, layer[..., :3], alpha, None, plan.instruction, plan.task, self.fill)
        darkened = source * ((1 - shadow) * (1 - covered))[..., None] + layer[..., :3] * 255
        return self._replace(plan, np.rint(darkened).astype(np.uint8), covered, shadow, camera, shutter, rng)

    def _replace(
        self,
        plan: SamplePlan,
        source: NDArray[np.uint8],
        kept: Float,
        shadow: Float,
        camera: Float,
        shutter: float,
        rng: np.random.Generator,
    ) -> LayeredSample:
        """The sample that keeps what `kept` covers. Camera and shadow are the same in the new scene."""
        assert plan.scene is not None
        height, width = source.shape[1:3]
        scene = panorama_scene(self.panoramas[plan.scene], height, width, rng, self.held_out)
        alpha = 1 - kept
        background = film([scene], camera, height, width, shutter) * ((1 - shadow) * alpha / np.float32(255))[..., None]
        mask = rough_mask(kept > 0.5, rng) if plan.masked else None
        return make_sample(source, background, alpha, mask, plan.instruction, plan.task, self.fill)

    def _sprite(self, plan: SamplePlan, rng: np.random.Generator) -> Cutout:
        picture = blob(pick(self.photos, rng), rng) if plan.thing is None else self.sprites[plan.thing]
        return Cutout([side_by_side(picture, plan.number)])

    def _film_render(
        self, record: RenderRecord, frames: int, height: int, width: int, rng: np.random.Generator
    ) -> LayeredSample:
        """A render as it is, with all that its object does to the light, before a moving camera."""
        plan = plan_render(rng, record.spec, frames, self.background_share, self.held_out)
        views = self._views(record)
        chosen = _choose_views(record, plan.motion, frames, rng)
        camera, shutter = plan_camera(frames, height, width, rng), _shutter(rng)
        plate = scene_of(views.plate, height, width)
        if plan.task == "obj_add":
            layers = [scene_of(layer_scene(views.edit[view], views.alpha[view]), height, width) for view in chosen]
            layer = film(layers, camera, height, width, shutter)
            source = film([plate], camera, height, width, shutter)
            return make_sample(source, layer[..., :3], layer[..., 3], None, plan.instruction, plan.task, self.fill)
        source = film([scene_of(views.full[view], height, width) for view in chosen], camera, height, width, shutter)
        shades = [np.stack([views.coverage[v], shadow_alpha(views.shadow[v]), views.coverage[v]], -1) for v in chosen]
        shaded = film([scene_of(shade, height, width) for shade in shades], camera, height, width, shutter)
        kept, shadow, _ = np.moveaxis(shaded / np.float32(255), -1, 0)
        return self._replace(plan, source, kept, shadow, camera, shutter, rng)

    def _scene(self, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        if rng.random() < 0.5:
            return photo_scene(pick(self.photos, rng), height, width, rng)
        panorama = self.panoramas[pick(tuple(self.panoramas), rng)]
        return panorama_scene(panorama, height, width, rng, self.held_out)


def _place(
    plan: SamplePlan,
    cutout: Cutout,
    scene: NDArray[np.uint8],
    camera: Float,
    height: int,
    width: int,
    shutter: float,
    rng: np.random.Generator,
    grid: int | None,
) -> tuple[Float, Float]:
    """What is added or kept (premultiplied RGBA `[T,H,W,4]`) and its shadow's alpha (`[T,H,W]`)."""
    pictures, casts, corner = cutout.pictures, cutout.casts, cutout.corner
    shape = pictures[0].shape[:2]
    if plan.color is not None:
        pictures = [tint(picture, plan.color) for picture in pictures]
    if rng.random() < 0.5 and grid is None:
        pictures = [picture[:, ::-1] for picture in pictures]
        if casts is not None:
            # Their room is as wide to either side.
            casts = [np.ascontiguousarray(cast[:, ::-1]) for cast in casts]
    motion = "still" if len(pictures) > 1 and plan.motion == "spin" else plan.motion
    track = plan_track(shape, plan.place, plan.size, motion, camera, height, width, rng, grid, plan.number > 1)
    light: Light = plan_light(plan.light, rng)
    around = _surroundings(scene, track.feet.mean(0), height, width)
    gain = harmony(around, rng)
    pictures = [harmonize(picture, gain, plan.light if casts is None else "plain") for picture in pictures]
    layer = render_cutout(pictures, track, camera, height, width, shutter)
    if casts is not None:
        return layer, render_cast(casts, corner, shape, track, camera, height, width)
    alphas = [np.ascontiguousarray(picture[..., 3]) for picture in pictures]
    return layer, render_shadows(alphas, track, light, camera, height, width)


def _choose_views(record: RenderRecord, motion: str, frames: int, rng: np.random.Generator) -> list[int]:
    """One view of a turntable, or, of a thing that spins, one for each frame."""
    count = len(record.spec.angles)
    if motion == "spin" and count > 1:
        return [int(view) for view in np.linspace(0, count - 1, frames).round()]
    return [int(rng.integers(count))]


def most_drawn(weights: Mapping[int, float]) -> int:
    """The frame count of the heaviest weight."""
    return max(weights, key=lambda count: weights[count])


def _draw_weighted(weights: Mapping[Item, float], rng: np.random.Generator) -> Item:
    shares = np.array(list(weights.values()))
    return list(weights)[int(rng.choice(len(weights), p=shares / shares.sum()))]


def _shutter(rng: np.random.Generator) -> float:
    """Half of the clips are sharp, half have the blur of a shutter that is open for a part of the frame's time."""
    return float(rng.uniform(0.3, 1)) if rng.random() < 0.5 else 0.0


def _surroundings(scene: NDArray[np.uint8], feet: NDArray[np.float64], height: int, width: int) -> NDArray[np.uint8]:
    """The part of `scene` about the place where a thing stands, a third of the frame wide."""
    x = int(feet[0] + width * (MARGIN - 1) / 2)
    y = int(feet[1] + height * (MARGIN - 1) / 2)
    return scene[max(0, y - height // 2) : y + height // 6, max(0, x - width // 6) : x + width // 6]
