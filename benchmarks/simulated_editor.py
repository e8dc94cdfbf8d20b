"""An editor that gets the edit right and everything else slightly wrong: what the autoencoder of a video model loses, a
canvas of 480p, colours that drift, a picture that shifts and wobbles, and a codec.

The autoencoders are nano's own and a small `AutoencoderKLWan` of Wan2.2's kind that is trained from random values,
once, and kept in `CACHE`. It sees the plates, at their own size and at the canvas's, in their own colours and in
others, and under discs that move, since an editor draws what the plates do not show.
"""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

from vera.files import file_hash
from vera.video.open import open_input, open_output

CACHE = Path(tempfile.gettempdir()) / "vera-simulated-editor"
NANO = Path("src/vera/presets/nano/vae")
PIXELS = 832 * 480  # of the canvas that editors of 480p draw on
STRIDE = 16
WAN = {
    "base_dim": 32,
    "z_dim": 16,
    "dim_mult": [1, 2, 2],
    "num_res_blocks": 1,
    "temperal_downsample": [True, True],
    "is_residual": True,
    "patch_size": 2,
    "in_channels": 12,
    "out_channels": 12,
}
STEPS, CROP, FRAMES, RATE = 6000, 64, 5, 1e-3

Clip = np.ndarray  # RGB [T,H,W,3] float32 in [0,1]


class Coder(NamedTuple):
    """There and back through an autoencoder, and what tells it from others."""

    code: Callable[[Clip], Clip]
    key: str


@dataclass(frozen=True)
class Flaws:
    """Largest share that colours drift by, pixels of the source of the shift and of the warps, and x264's crf."""

    color: float = 0.04
    shift: float = 1.5
    warp: float = 1.0
    crf: int = 23


def canvas(width: int, height: int, pixels: int = PIXELS) -> tuple[int, int]:
    """Width and height that an editor draws at: of about so many pixels, the same shape, multiples of its stride."""
    scale = (pixels / (width * height)) ** 0.5
    return tuple(max(STRIDE, round(side * scale / STRIDE) * STRIDE) for side in (width, height))  # type: ignore[return-value]


def regenerate(clip: Clip, coder: Callable[[Clip], Clip], seed: int, flaws: Flaws, pixels: int = PIXELS) -> np.ndarray:
    """Frames `[T,h,w,3]` uint8 of an editor's own size, as it would give back the finished edit `clip`."""
    rng = np.random.default_rng(seed)
    size = canvas(clip.shape[2], clip.shape[1], pixels)
    moved = [_moved(frame, size, flaws, t, seed) for t, frame in enumerate(clip)]
    drawn = coder(np.stack(moved))
    phase, gamma_phase = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0, 2 * np.pi)
    frames = []
    for t, frame in enumerate(drawn):
        gain = 1 + flaws.color * np.sin(phase + 0.6 * t)
        gamma = 1 + flaws.color * np.sin(gamma_phase + 0.4 * t)
        frames.append(np.rint(255 * (gain * frame.clip(0, 1) ** gamma).clip(0, 1)).astype(np.uint8))
    return _coded(frames, flaws.crf)


def _moved(frame: np.ndarray, size: tuple[int, int], flaws: Flaws, t: int, seed: int) -> np.ndarray:
    """The frame at the editor's size, where everything lies up to `shift` and `warp` pixels of the source beside."""
    rng = np.random.default_rng(seed + 1)
    height, width = frame.shape[:2]
    x, y = np.meshgrid((np.arange(size[0]) + 0.5) / size[0], (np.arange(size[1]) + 0.5) / size[1])
    angle = rng.uniform(0, 2 * np.pi)
    field = []
    for axis in range(2):
        waves = rng.uniform(0.7, 2.2, (3, 2)) * rng.choice([-1, 1], (3, 2))
        phases = rng.uniform(0, 2 * np.pi, 3)
        warp = (
            sum(
                np.sin(2 * np.pi * (a * x + b * y) + phase + 0.3 * t)
                for (a, b), phase in zip(waves, phases, strict=True)
            )
            / 3
        )
        field.append(flaws.shift * (np.cos, np.sin)[axis](angle) + flaws.warp * warp)
    if size[0] < width:
        frame = cv2.GaussianBlur(frame, (0, 0), 0.4 * width / size[0])
    grid = [(x * width - 0.5 + field[0]).astype(np.float32), (y * height - 0.5 + field[1]).astype(np.float32)]
    return cv2.remap(frame, *grid, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _coded(frames: Sequence[np.ndarray], crf: int) -> np.ndarray:
    """The frames after x264 in 4:2:0."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edited.mp4"
        with open_output(path) as container:
            stream: Any = container.add_stream("libx264", rate=Fraction(24), options={"crf": str(crf)})
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            for index, picture in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                frame.pts = index
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        with open_input(path) as container:
            return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def nano_coder() -> Coder:
    """The autoencoder that the package ships."""
    from vera.models.autoencoder_patch import AutoencoderPatch3D

    (weights,) = NANO.glob("*.safetensors")
    return Coder(_code(AutoencoderPatch3D.from_pretrained(NANO).eval()), file_hash(weights))


def wan_coder(plates: Sequence[Clip]) -> Coder:
    """Wan's autoencoder, small, trained on crops of the plates."""
    import torch
    from diffusers import AutoencoderKLWan

    torch.manual_seed(0)
    vae = AutoencoderKLWan(**WAN)
    settings = (WAN, STEPS, CROP, FRAMES, RATE, [hashlib.sha256(plate.tobytes()).hexdigest() for plate in plates])
    path = CACHE / f"wan-{hashlib.sha256(repr(settings).encode()).hexdigest()[:16]}.pt"
    if path.is_file():
        vae.load_state_dict(torch.load(path, weights_only=True))
    else:
        _train(vae, plates)
        CACHE.mkdir(parents=True, exist_ok=True)
        torch.save(vae.state_dict(), path)
    return Coder(_code(vae.eval()), path.stem)


def _train(vae: Any, plates: Sequence[Clip]) -> None:
    import torch

    rng = np.random.default_rng(0)
    larger = [np.stack([cv2.resize(frame, None, fx=1.5, fy=1.5) for frame in plate]) for plate in plates]
    optimizer = torch.optim.AdamW(vae.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=0.1)
    losses: list[float] = []
    for step in range(STEPS):
        count, samples = (1, 6) if step % 6 == 5 else (FRAMES, 2)
        clips = np.stack([_sample(rng, [*plates, *larger], count) for _ in range(samples)])
        batch = torch.from_numpy(clips).permute(0, 4, 1, 2, 3) * 2 - 1
        drawn = vae.decode(vae.encode(batch).latent_dist.mode()).sample
        loss = (drawn - batch).abs().mean() + 2 * (drawn - batch).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if step % 100 == 99:
            print(f"autoencoder: step {step + 1} of {STEPS}, loss {np.mean(losses[-100:]):.4f}", flush=True)


def _sample(rng: np.random.Generator, plates: Sequence[Clip], count: int) -> Clip:
    """A crop of `count` frames; half of them with a disc that shows a sliding crop or one colour before it."""
    clip = _crop(rng, plates, count)
    if rng.random() < 0.5:
        return clip
    over, _ = np.broadcast_arrays(rng.random(3) if rng.random() < 0.3 else _crop(rng, plates, 1)[0], clip[0])
    middle, radii, speed = rng.uniform(0, CROP, 2), rng.uniform(8, CROP / 2, 2), rng.normal(0, 5, (2, 2))
    soft, opacity = rng.choice([1, 1, 8]), rng.choice([1, 1, 0.6])
    rows_columns = np.mgrid[:CROP, :CROP].transpose(1, 2, 0)
    frames = []
    for t, frame in enumerate(clip):
        slide = np.column_stack([np.eye(2), t * speed[0]])
        slid = cv2.warpAffine(over.astype(np.float32), slide, (CROP, CROP), borderMode=cv2.BORDER_REFLECT)
        inside = 1 - np.linalg.norm((rows_columns - middle - t * speed[1]) / radii, axis=2)
        alpha = opacity * (0.5 + inside * radii.mean() / soft).clip(0, 1)[..., None]
        frames.append(alpha * slid + (1 - alpha) * frame)
    return np.stack(frames).astype(np.float32)


def _crop(rng: np.random.Generator, plates: Sequence[Clip], count: int) -> Clip:
    """Half of them in other colours: channels change places, and each has its own gain and offset, or is a negative."""
    plate = plates[rng.integers(len(plates))]
    sizes = zip((len(plate), *plate.shape[1:3]), (count, CROP, CROP), strict=True)
    clip = plate[tuple(slice(start, start + m) for start, m in [(rng.integers(n - m + 1), m) for n, m in sizes])]
    if rng.random() < 0.5:
        return clip
    gain = rng.uniform(0.5, 1.3, 3) * rng.choice([-1, 1])
    colored = (clip[..., rng.permutation(3)] - 0.5) * gain + 0.5 + rng.uniform(-0.2, 0.2, 3)
    return colored.clip(0, 1).astype(np.float32)


def _code(vae: Any) -> Callable[[Clip], Clip]:
    import torch

    def code(clip: Clip) -> Clip:
        count = len(clip)
        padded = np.concatenate([clip, np.repeat(clip[-1:], -(count - 1) % 4, axis=0)])
        batch = torch.from_numpy(np.ascontiguousarray(padded, np.float32)).permute(3, 0, 1, 2)[None] * 2 - 1
        with torch.no_grad():
            drawn = vae.decode(vae.encode(batch).latent_dist.mode()).sample
        return np.asarray((drawn[0].permute(1, 2, 3, 0)[:count] + 1) / 2, np.float32)

    return code
