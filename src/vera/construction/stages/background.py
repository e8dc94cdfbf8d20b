"""Another background behind a subject that is kept: its matte as a person leaves it, and the new clip with layers."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.construction import embedded
from vera.construction.adapters.generator import GeneratorNetwork, load_generator
from vera.construction.engine.stage import HOW, Done, Item, Kind, Plain, Rejected
from vera.construction.formats.mend import NOTHING, parts_gone, read_mend
from vera.construction.stages.networked import Networked
from vera.construction.stages.removal import DEEP
from vera.data.released.writer import FRAME_RATE
from vera.data.synthesis.assets import tone_map
from vera.errors import VeraError
from vera.fields import Range, Share
from vera.video import read_lossless, write_lossless

Factor = Annotated[float, Range(0.01, 1000)]
Angle = Annotated[float, Range(10, 120)]


@dataclass(frozen=True)
class Picture:
    """A photograph, or an equirectangular `panorama`; its SHA-256, and what the file beside it says of its licence."""

    path: str = field(metadata=HOW)
    sha256: str
    panorama: bool
    licence: Mapping[str, Any]


@dataclass(frozen=True)
class Curate(Plain):
    """Take a person's verdict on a matte, and what mends it: `curated.mkv` where anything does, 16 bits; unattended,
    accept it."""

    name: ClassVar[str] = "curate"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("matte",)
    waits: ClassVar[Literal["", "people", "all"]] = "people"

    def run(self, item: Item) -> Done | Rejected:
        """Facts: by, who accepted it, and scene, the words for its background, if they gave any."""
        assert item.decision is not None
        by = item.decision["by"]
        if not item.decision.get("accept", by == "nobody"):
            return Rejected("filtered", f"{by}: {item.decision.get('reason') or 'no reason given'}")
        mend = read_mend(item.decision)
        if mend != NOTHING:
            matte = read_lossless(item.files["matte.mkv"]).astype(np.float32) / DEEP
            gone = parts_gone(matte, mend.parts) if mend.parts else [None] * len(matte)
            mended = np.stack([mend.apply(alpha, t, gone[t]) for t, alpha in enumerate(matte)])
            write_lossless(item.out / "curated.mkv", np.rint(mended * DEEP).astype(np.uint16), FRAME_RATE)
        return Done({"by": by, "scene": item.decision.get("scene", "")})


@dataclass(frozen=True)
class Background(Networked[GeneratorNetwork]):
    """Put a picture behind the subject, seen by the clip's own camera, and solve for the layers that bring the clip's
    own background back: `new_source.mkv`, `new_edit.mkv`, `new_alpha.mkv`, `new_mask.mkv`.

    Args:
        pictures: to choose from; which one an object gets does not hang on the others.
        network: makes films or stills of words, in the place of pictures.
        residual: largest share of what does not move as the camera says: a flat picture has no parallax.
        enlarged: how many times a picture may be enlarged.
        field_of_view: degrees that the first frame sees of a panorama's horizon.
    """

    name: ClassVar[str] = "background"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "masks", "matte", "curate")
    pictures: tuple[Picture, ...] = ()
    residual: Share = 0.3
    enlarged: Factor = 1.5
    field_of_view: Angle = 60.0
    network: GeneratorNetwork | None = None

    def setup(self) -> None:
        """Load the network, if there is one."""
        if self.network is not None:
            load_generator(self.network)

    def run(self, item: Item) -> Done | Rejected:
        """Facts: distance, of composite and clip at soft edges; residual; the picture, or the words it was made of, and
        its licence, None if it was made; words for the clip's scene."""
        frames, masks = read_lossless(item.files["frames.mkv"]), read_lossless(item.files["masks.mkv"]) > 127
        camera = embedded.track_camera(frames, masks)
        if self.network is None:
            picture = choose_picture(self.pictures, item)
            facts = {"picture": picture.sha256, "licence": dict(picture.licence), "residual": camera.residual}
        else:
            prompt = max(self.network.prompts, key=lambda words: number_of(words, item))
            facts = {"picture": prompt, "licence": None, "residual": camera.residual}
        if camera.residual > self.residual:
            return Rejected("camera walks", f"{camera.residual:.2f} does not move with it", facts)
        size = frames.shape[2], frames.shape[1]
        if self.network is None:
            view, scale = self._view(picture, camera, size, item)
        else:
            film = load_generator(self.network)(prompt, len(frames), size, number_of(prompt, item) % (1 << 32))
            view, scale = embedded.video_background(film, camera, size), embedded.photo_scale(film[0], camera, size)
        if scale > self.enlarged:
            return Rejected("picture too small", f"{facts['picture']}: would be enlarged {scale:.1f} times", facts)
        matte = curated_matte(item)
        # Shadows stay in the clip, and are part of the background that comes back: only the subject is filled.
        plate = embedded.clean_plate(frames, embedded.holes_of(masks), camera).frames
        found = embedded.replace_background(frames, matte, plate, view)
        mask = (matte > 0.5).astype(np.uint8) * np.uint8(255)
        layers = {"source": found.source, "edit": found.edit, "alpha": found.alpha, "mask": mask}
        for name, pictures in layers.items():
            write_lossless(item.out / f"new_{name}.mkv", pictures, FRAME_RATE)
        return Done({**facts, "distance": found.distance, "scene": embedded.scene_words(plate)})

    def _view(
        self, picture: Picture, camera: embedded.CameraTrack, size: tuple[int, int], item: Item
    ) -> tuple[NDArray[np.uint8], float]:
        """The picture as the camera sees it, and how many times it is enlarged in the first frame."""
        pixels = read_picture(picture)
        if not picture.panorama:
            view = embedded.photo_background(pixels, camera, size)
            return view, embedded.photo_scale(pixels, camera, size)
        yaw = number_of(picture.sha256, item) % 360
        view = embedded.panorama_background(pixels, camera, size, yaw, self.field_of_view)
        return view, size[0] / (pixels.shape[1] * self.field_of_view / 360)


def curated_matte(item: Item) -> Float:
    """The matte `[T,H,W]` in [0,1] as it was left by whoever curated it."""
    file = item.files.get("curated.mkv", item.files["matte.mkv"])
    return np.asarray(read_lossless(file).astype(np.float32) / DEEP)


def choose_picture(pictures: tuple[Picture, ...], item: Item) -> Picture:
    """The picture of an object: the one with the highest hash, so that another picture takes only what becomes its."""
    return max(pictures, key=lambda picture: number_of(picture.sha256, item))


def number_of(picture: str, item: Item) -> int:
    """A number of a picture, by its hash or its words, and an object together."""
    return int(hashlib.sha256(f"{picture}:{item.id}:{item.object}".encode()).hexdigest()[:16], 16)


def read_picture(picture: Picture) -> NDArray[np.uint8]:
    """Read a picture as R'G'B' `[h,w,3]`; Radiance files are tone-mapped. VeraError for what cannot be read."""
    pixels = cv2.imread(picture.path, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    if pixels is None:
        raise VeraError(f"{picture.path}: cannot be read as a picture (JPEG, PNG, WebP, TIFF or Radiance .hdr)")
    rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    if rgb.dtype == np.float32:
        return tone_map(rgb, 1.0)
    return np.asarray(rgb >> 8 if rgb.dtype == np.uint16 else rgb, np.uint8)
