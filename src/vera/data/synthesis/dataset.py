"""Layered clips made from nothing but an index: `SyntheticLayers(...)[i]` is the same on every machine and run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.data.sample import LayeredSample
from vera.data.synthesis import held_out as unseen
from vera.data.synthesis.assets import load_panoramas, load_photos, load_sprites
from vera.data.synthesis.camera import MARGIN, film, plan_camera
from vera.data.synthesis.cases import sample_rng
from vera.data.synthesis.compose import make_sample
from vera.data.synthesis.objects import (
    Light,
    harmonize,
    plan_light,
    plan_track,
    render_cutout,
    render_shadows,
    tint,
)
from vera.data.synthesis.plan import BACKGROUND_SHARE, TINT_SHARE, Plan, draw_plan, pick
from vera.data.synthesis.plates import panorama_scene, photo_scene
from vera.data.synthesis.subjects import blob, rough_mask
from vera.data.synthesis.vocabulary import SPRITES
from vera.errors import VeraError

Float = NDArray[np.float32]


class SyntheticLayers:
    """A map-style data set of layered clips, both tasks, rendered on demand.

    Args:
        sprites: names of the objects (Unicode names of emoji).
        assets: the folder that `make assets` fills.
        sizes: `WxH` of the clips, each drawn equally often.
        stages: `{until: step, frames: {count: weight}}` in order; `until: null` for the last. Says how often clips of
            each length (1 + 4k frames) are drawn at a training step, so that a run can go from pictures to clips.
        background_share: share of `background_replace` samples.
        tint_share: share of the added objects in a named colour.
        fill: edit layer where alpha is 0: `edge` extends the colours outward, `white` paints white.
        seed: of everything.
        held_out: samples of what training never sees, as `held_out.py` defines it.

    Raises VeraError where assets are missing or `fill` is none of these.
    """

    def __init__(
        self,
        sprites: Sequence[str] = SPRITES,
        assets: str = "assets/npm",
        sizes: Sequence[str] = ("256x144",),
        stages: Sequence[Mapping[str, object]] = ({"until": None, "frames": {1: 1.0}},),
        background_share: float = BACKGROUND_SHARE,
        tint_share: float = TINT_SHARE,
        fill: str = "edge",
        seed: int = 0,
        held_out: bool = False,
    ) -> None:
        if fill not in ("edge", "white"):
            raise VeraError(f"fill is edge or white, not {fill!r}")
        folder = Path(assets)
        self.sprites = load_sprites(folder / "fluent-emoji-3d" / "assets", sprites)
        self.panoramas = load_panoramas(folder / "pmndrs" / "hdri")
        self.photos = [photo for name, photo in load_photos().items() if (name in unseen.PHOTOS) == held_out]
        self.sizes = [tuple(int(side) for side in size.split("x")) for size in sizes]
        self.stages = stages
        self.background_share = background_share
        self.tint_share = tint_share
        self.fill = fill
        self.seed = seed
        self.held_out = held_out

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, index: int) -> LayeredSample:
        """Sample `index` at the first size, with the frame count of the last stage's heaviest weight."""
        frames: Mapping[int, float] = self.stages[-1]["frames"]  # type: ignore[assignment]
        return self.sample(index, max(frames, key=lambda count: frames[count]), *self.sizes[0])

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[tuple[int, int, int, int]]:
        """Index, frames, width and height of the samples of a training step, all of one shape.

        `batch_size` counts latent frames: `batch_size // (1 + k)` clips of `1 + 4k` frames, at least one, so that
        every step costs about the same. No sample is ever bad, so there is no other attempt.
        """
        rng = np.random.default_rng((self.seed, self.held_out, step))
        frames = self._draw_frames(step, rng)
        width, height = self.sizes[int(rng.integers(len(self.sizes)))]
        count = max(1, batch_size // (1 + (frames - 1) // 4))
        return [(step * batch_size + i, frames, width, height) for i in range(count)]

    def load(self, key: tuple[int, int, int, int]) -> LayeredSample:
        return self.sample(*key)

    def plan(self, index: int, frames: int) -> Plan:
        """The words of sample `index`."""
        rng = sample_rng(self.seed, self.held_out, index)
        return draw_plan(rng, tuple(self.sprites), frames, self.background_share, self.tint_share, self.held_out)

    def sample(self, index: int, frames: int, width: int, height: int) -> LayeredSample:
        """Sample `index` as a clip of `frames` frames of `width` x `height` pixels."""
        plan = self.plan(index, frames)
        rng = np.random.default_rng((self.seed, self.held_out, index, 2))
        make = self._obj_add if plan.task == "obj_add" else self._background_replace
        return make(plan, frames, height, width, rng)

    def _draw_frames(self, step: int, rng: np.random.Generator) -> int:
        stage = next(s for s in self.stages if s["until"] is None or step < int(s["until"]))  # type: ignore[call-overload]
        frames: Mapping[int, float] = stage["frames"]  # type: ignore[assignment]
        weights = np.array(list(frames.values()))
        return int(rng.choice(list(frames), p=weights / weights.sum()))

    def _obj_add(self, plan: Plan, frames: int, height: int, width: int, rng: np.random.Generator) -> LayeredSample:
        scene, camera, shutter = self._scene(height, width, rng), plan_camera(frames, height, width, rng), _shutter(rng)
        layer, shadow = self._thing(plan, scene, camera, height, width, shutter, rng)
        # The shadow is black and lies under the object: it adds coverage, no colour.
        alpha = layer[..., 3] + shadow * (1 - layer[..., 3])
        source = film(scene, camera, height, width, shutter)
        return make_sample(source, layer[..., :3], alpha, None, plan.instruction, plan.task, self.fill)

    def _background_replace(
        self, plan: Plan, frames: int, height: int, width: int, rng: np.random.Generator
    ) -> LayeredSample:
        scene, camera, shutter = self._scene(height, width, rng), plan_camera(frames, height, width, rng), _shutter(rng)
        layer, shadow = self._thing(plan, scene, camera, height, width, shutter, rng)
        kept = layer[..., 3]
        source = film(scene, camera, height, width, shutter) * (1 - shadow)[..., None] * (1 - kept)[..., None]
        source += layer[..., :3] * 255
        assert plan.scene is not None
        new_scene = panorama_scene(self.panoramas[plan.scene], height, width, rng, self.held_out)
        # The subject stands in the new scene as in the old one: same camera, same shadow.
        alpha = 1 - kept
        background = (
            film(new_scene, camera, height, width, shutter) * ((1 - shadow) * alpha * np.float32(1 / 255))[..., None]
        )
        mask = rough_mask(kept > 0.5, rng) if plan.masked else None
        source8 = np.rint(source).astype(np.uint8)
        return make_sample(source8, background, alpha, mask, plan.instruction, plan.task, self.fill)

    def _thing(
        self,
        plan: Plan,
        scene: NDArray[np.uint8],
        camera: Float,
        height: int,
        width: int,
        shutter: float,
        rng: np.random.Generator,
    ) -> tuple[Float, Float]:
        """What is added or kept (premultiplied RGBA `[T,H,W,4]`) and its shadow's alpha (`[T,H,W]`)."""
        picture = blob(pick(self.photos, rng), rng) if plan.thing is None else self.sprites[plan.thing]
        if plan.color is not None:
            picture = tint(picture, plan.color)
        if rng.random() < 0.5:
            picture = picture[:, ::-1]
        track = plan_track(picture.shape[:2], plan.place, plan.size, plan.motion, camera, height, width, rng)
        light: Light = plan_light(plan.light, rng)
        picture = harmonize(picture, _surroundings(scene, track.feet, height, width), plan.light, rng)
        layer = render_cutout([picture], track, camera, height, width, shutter)
        alpha = np.ascontiguousarray(picture[..., 3])
        return layer, render_shadows([alpha], track, light, camera, height, width)

    def _scene(self, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        if rng.random() < 0.5:
            return photo_scene(pick(self.photos, rng), height, width, rng)
        panorama = self.panoramas[pick(tuple(self.panoramas), rng)]
        return panorama_scene(panorama, height, width, rng, self.held_out)


def _shutter(rng: np.random.Generator) -> float:
    """Half of the clips are sharp, half have the blur of a shutter that is open for a part of the frame's time."""
    return float(rng.uniform(0.3, 1)) if rng.random() < 0.5 else 0.0


def _surroundings(scene: NDArray[np.uint8], feet: NDArray[np.float64], height: int, width: int) -> NDArray[np.uint8]:
    """The part of `scene` about the place where a thing stands, a third of the frame wide."""
    x = int(feet[0] + width * (MARGIN - 1) / 2)
    y = int(feet[1] + height * (MARGIN - 1) / 2)
    return scene[max(0, y - height // 2) : y + height // 6, max(0, x - width // 6) : x + width // 6]
