"""The object's matte, the clip without it, and its layers."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vera.construction import embedded
from vera.construction.adapters.matter import MatterNetwork, load_matter
from vera.construction.adapters.remover import RemoverNetwork, load_remover
from vera.construction.engine.stage import HOW, Done, Item, Kind, Plain, Rejected, Resources
from vera.construction.stages.networked import Networked
from vera.data.released.writer import FRAME_RATE
from vera.fields import Range, Share
from vera.video import read_lossless, write_lossless

DEEP = np.float32(65535)  # mattes on their way to the layers are kept in 16 bits


@dataclass(frozen=True)
class Matte(Networked[MatterNetwork]):
    """Find what the object covers at its edges, in closed form or by a network: `matte.mkv`, 16 bits."""

    name: ClassVar[str] = "matte"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "masks")
    network: MatterNetwork | None = None

    def setup(self) -> None:
        """Load the network, if there is one."""
        if self.network is not None:
            load_matter(self.network)

    def run(self, item: Item) -> Done | Rejected:
        """Facts: none."""
        find = embedded.mattes if self.network is None else load_matter(self.network)
        matte = find(read_lossless(item.files["frames.mkv"]), _mask(item, "masks.mkv"))
        write_lossless(item.out / "matte.mkv", np.rint(matte * DEEP).astype(np.uint16), FRAME_RATE)
        return Done()


@dataclass(frozen=True)
class Remove(Networked[RemoverNetwork]):
    """Fill the object and its effects with the background that other frames show: `plate.mkv`, `evidence.mkv` (how many
    frames show each pixel) and `hole.mkv` (what was filled). Or have the `network` draw the clip without them: it
    invents, and leaves no evidence.

    Args:
        unseen: largest share of the hole that no frame shows: there the fill is invented.
        beside: least PSNR in dB of what the plate would be beside the hole: a background that moves otherwise than the
            camera says is not found.
    """

    name: ClassVar[str] = "remove"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "masks")
    unseen: Share = embedded.UNSEEN_LIMIT
    beside: Annotated[float, Range(0, 100)] = embedded.BESIDE_LIMIT
    network: RemoverNetwork | None = None

    @property
    def version(self) -> int:
        """Of the embedded plates the fourth; what networks draw is as it was."""
        return 4 if self.network is None else 1

    def setup(self) -> None:
        """Load the network, if there is one."""
        if self.network is not None:
            load_remover(self.network)

    def run(self, item: Item) -> Done | Rejected:
        """Facts: unseen, beside, and residual, the share of what does not move as the camera says; of a network's
        plates noise, the deviation of what it drew."""
        frames, masks = read_lossless(item.files["frames.mkv"]), _mask(item, "masks.mkv")
        if self.network is not None:
            drawn = load_remover(self.network)(frames, masks)
            pasted = embedded.paste_plate(frames, drawn, masks)
            _write_plate(item, pasted.plate, pasted.holes)
            return Done({"noise": pasted.noise})
        camera = embedded.track_camera(frames, masks)
        holes = embedded.holes_of(masks, embedded.find_effects(frames, masks, camera))
        plate = embedded.clean_plate(frames, holes, camera)
        unseen = embedded.unseen_share(plate, holes)
        facts = {"unseen": unseen, "residual": camera.residual}
        if unseen > self.unseen:
            return Rejected("background never seen", f"{unseen:.3f} of the hole, above {self.unseen:g}", facts)
        facts["beside"] = beside = embedded.fidelity_beside(frames, holes, camera)
        if beside < self.beside:
            return Rejected("background not matched", f"{beside:.1f} dB beside the hole, below {self.beside:g}", facts)
        _write_plate(item, plate.frames, holes)
        write_lossless(item.out / "evidence.mkv", plate.evidence, FRAME_RATE)
        return Done(facts)


@dataclass(frozen=True)
class Filter(Plain):
    """Take a person's verdict on the removal; unattended, accept it."""

    name: ClassVar[str] = "filter"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("remove", "inspect")
    waits: ClassVar[Literal["", "people", "all"]] = "people"

    def run(self, item: Item) -> Done | Rejected:
        """Facts: by, who accepted it."""
        assert item.decision is not None
        if not item.decision.get("accept", item.decision["by"] == "nobody"):
            return Rejected("filtered", f"{item.decision['by']}: {item.decision.get('reason') or 'no reason given'}")
        return Done({"by": item.decision["by"]})


@dataclass(frozen=True)
class Layers(Plain):
    """Find edit and alpha, shadows included, between the plate and the clip: `edit.mkv`, `alpha.mkv` (16 bits).

    Args:
        by: `unmix` solves pixel by pixel; `omnimatte` fits a small network to the clip, for what is not smooth.
        steps: of that fit.
        device: that it runs on.
    """

    name: ClassVar[str] = "layers"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "matte", "remove", "filter")
    by: Literal["unmix", "omnimatte"] = "unmix"
    steps: Annotated[int, Range(1, 100_000)] = 6000
    device: str = field(default="cuda", metadata=HOW)

    @property
    def method(self) -> str:
        """How layers are found, if not pixel by pixel."""
        return "" if self.by == "unmix" else self.by

    @property
    def resources(self) -> Resources:
        """One core, and a GPU if the fit is to run on one."""
        return Resources(gpus=1 if self.by == "omnimatte" and self.device != "cpu" else 0)

    def run(self, item: Item) -> Done | Rejected:
        """Facts: none."""
        frames, plate = read_lossless(item.files["frames.mkv"]), read_lossless(item.files["plate.mkv"])
        matte = read_lossless(item.files["matte.mkv"]).astype(np.float32) / DEEP
        noise = item.facts["remove"].get("noise", embedded.NOISE)
        holes = _mask(item, "hole.mkv")
        if self.by == "omnimatte":
            from vera.construction.adapters.omnimatte import Fit, fit_layers

            layers = fit_layers(frames, plate, holes, matte, Fit(self.steps, device=self.device), noise)
        else:
            layers = embedded.object_layers(frames, plate, holes, matte, noise)
        write_lossless(item.out / "edit.mkv", layers.edit, FRAME_RATE)
        write_lossless(item.out / "alpha.mkv", np.rint(layers.alpha * DEEP).astype(np.uint16), FRAME_RATE)
        return Done()


def _write_plate(item: Item, plate: NDArray[np.uint8], holes: NDArray[np.bool_]) -> None:
    write_lossless(item.out / "plate.mkv", plate, FRAME_RATE)
    write_lossless(item.out / "hole.mkv", holes.astype(np.uint8) * np.uint8(255), FRAME_RATE)


def _mask(item: Item, name: str) -> NDArray[np.bool_]:
    return np.asarray(read_lossless(item.files[name]) > 127)
