"""Layered clips made from nothing but an index: `SyntheticLayers(...)[i]` is the same on every machine and run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vera.data.sample import LayeredSample, Task
from vera.data.synthesis.assets import load_panoramas, load_photos, load_sprites
from vera.data.synthesis.instructions import (
    COLORS,
    MOTIONS,
    PLACES,
    SIZES,
    ObjectSpec,
    describe_addition,
    describe_replacement,
)
from vera.data.synthesis.objects import contact_shadow, plan_track, render_sprite, tint
from vera.data.synthesis.plates import panorama_plate, photo_plate
from vera.data.synthesis.subjects import blob, rough_mask
from vera.layers.extend import extend_colors

Float = NDArray[np.float32]
Item = TypeVar("Item")


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
        held_out: draw the samples from the held-out half of the seeds, which training never sees.

    Raises VeraError where assets are missing.
    """

    def __init__(
        self,
        sprites: Sequence[str],
        assets: str = "assets/npm",
        sizes: Sequence[str] = ("256x144",),
        stages: Sequence[Mapping[str, object]] = ({"until": None, "frames": {1: 1.0}},),
        background_share: float = 0.3,
        tint_share: float = 0.15,
        fill: str = "edge",
        seed: int = 0,
        held_out: bool = False,
    ) -> None:
        folder = Path(assets)
        self.sprites = load_sprites(folder / "fluent-emoji-3d" / "assets", list(sprites))
        self.panoramas = load_panoramas(folder / "pmndrs" / "hdri")
        self.photos = load_photos()
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

    def sample(self, index: int, frames: int, width: int, height: int) -> LayeredSample:
        """Sample `index` as a clip of `frames` frames of `width` x `height` pixels."""
        rng = np.random.default_rng((self.seed, self.held_out, index, 1))
        make = self._background_replace if rng.random() < self.background_share else self._obj_add
        return make(rng, frames, height, width)

    def _draw_frames(self, step: int, rng: np.random.Generator) -> int:
        stage = next(s for s in self.stages if s["until"] is None or step < int(s["until"]))  # type: ignore[call-overload]
        frames: Mapping[int, float] = stage["frames"]  # type: ignore[assignment]
        weights = np.array(list(frames.values()))
        return int(rng.choice(list(frames), p=weights / weights.sum()))

    def _obj_add(self, rng: np.random.Generator, frames: int, height: int, width: int) -> LayeredSample:
        sprite = _pick(self.sprites, rng)
        spec = ObjectSpec(
            noun=_pick(sprite.names, rng),
            place=_pick(tuple(PLACES), rng),
            size=str(rng.choice(list(SIZES), p=[0.2, 0.55, 0.25])),
            motion=_pick(tuple(MOTIONS), rng) if frames > 1 and rng.random() < 0.6 else "still",
            color=_pick(tuple(COLORS), rng) if rng.random() < self.tint_share else None,
        )
        rgba = tint(sprite.rgba, spec.color) if spec.color else sprite.rgba
        layer, shadow = _render(rgba, spec, frames, height, width, rng)
        # The shadow is black and lies under the sprite: it adds coverage, no colour.
        alpha = np.asarray(layer[..., 3] + shadow * (1 - layer[..., 3]), np.float32)
        source = self._plate(frames, height, width, rng)
        return self._assemble(source, layer[..., :3], alpha, None, describe_addition(spec, rng), "obj_add")

    def _background_replace(self, rng: np.random.Generator, frames: int, height: int, width: int) -> LayeredSample:
        # A third of the subjects are shapes cut from photographs: only the mask says what to keep.
        unnamed = rng.random() < 1 / 3
        sprite = blob(_pick(self.photos, rng), rng) if unnamed else _pick(self.sprites, rng)
        spec = ObjectSpec(
            noun=_pick(sprite.names, rng),
            place=_pick(tuple(PLACES), rng),
            size=_pick(("medium", "large"), rng),
            motion=_pick(tuple(MOTIONS), rng) if frames > 1 and rng.random() < 0.5 else "still",
            color=None,
        )
        layer, shadow = _render(sprite.rgba, spec, frames, height, width, rng)
        kept = layer[..., 3]
        plate = self._plate(frames, height, width, rng) * (1 - shadow[..., None])
        source = np.round(layer[..., :3] * 255 + plate * (1 - kept[..., None])).astype(np.uint8)
        panorama = _pick(self.panoramas, rng)
        background = np.asarray(panorama_plate(panorama, frames, height, width, rng) / 255, np.float32)
        mask = rough_mask(kept, rng) if unnamed or rng.random() < 0.5 else None
        instruction = describe_replacement(spec.noun, panorama.description, rng)
        alpha = np.asarray(1 - kept, np.float32)
        premultiplied = np.asarray(background * alpha[..., None], np.float32)
        return self._assemble(source, premultiplied, alpha, mask, instruction, "background_replace")

    def _plate(self, frames: int, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        if rng.random() < 0.5:
            return photo_plate(_pick(self.photos, rng), frames, height, width, rng)
        return panorama_plate(_pick(self.panoramas, rng), frames, height, width, rng)

    def _assemble(
        self,
        source: NDArray[np.uint8],
        premultiplied: Float,
        alpha: Float,
        mask: NDArray[np.uint8] | None,
        instruction: str,
        task: Task,
    ) -> LayeredSample:
        alpha8 = np.round(alpha * 255).astype(np.uint8)
        if self.fill == "edge":
            pairs = zip(premultiplied, alpha, strict=True)
            straight = np.stack([extend_colors(color, coverage) for color, coverage in pairs])
        else:
            straight = premultiplied + (1 - alpha[..., None])
        edit = np.round(straight.clip(0, 1) * 255).astype(np.uint8)
        # From the 8-bit layers, so that the identity C = A*E + (1-A)*S holds to rounding.
        weight = alpha8[..., None] / np.float32(255)
        composite = np.round(weight * edit + (1 - weight) * source).astype(np.uint8)
        return LayeredSample(source, edit, alpha8, composite, mask, instruction, task)


def _render(
    rgba: NDArray[np.uint8], spec: ObjectSpec, frames: int, height: int, width: int, rng: np.random.Generator
) -> tuple[Float, Float]:
    """The sprite (premultiplied RGBA `[T,H,W,4]`) and its shadow (`[T,H,W]`) as `spec` says."""
    track = plan_track(spec.place, spec.size, spec.motion, frames, height, width, rng)
    layer = render_sprite(rgba, track, height, width, flip=bool(rng.random() < 0.5))
    return layer, contact_shadow(track, height, width, rng.uniform(0.2, 0.5))


def _pick(options: Sequence[Item], rng: np.random.Generator) -> Item:
    return options[int(rng.integers(len(options)))]
