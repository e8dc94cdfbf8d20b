"""From the pictures of a clip to the layers of every frame that the model is shown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.errors import VeraError
from vera.layers.layer_frame import FULL, LayerFrame
from vera.layers.refine.floor import ALPHA_FLOOR
from vera.layers.refine.motion import grey
from vera.pipelines.editors.carry import REACH, carry_layer, keyframe_of
from vera.pipelines.editors.checks import check_drawn
from vera.pipelines.editors.join import join_windows
from vera.pipelines.editors.protocol import ClipWindow, Editor, Mask, Settings
from vera.pipelines.editors.recover import recover_layers
from vera.pipelines.editors.windows import cut_windows, editor_windows
from vera.progress import Progress

Pictures = Iterable[NDArray[np.uint8]]  # RGB [H,W,3]
Masks = Iterable[NDArray[np.bool_]]  # [H,W], True on what must stay


@dataclass
class EditedClip:
    """An editor at work on one clip.

    Args:
        editor: what draws.
        name: of the model, for messages.
        instruction, seed, settings: of the edit; every window starts from the same seed's noise.
        count: frames that the model is shown.
        rate: of these, a second.
        progress: called with ("sample", steps done, all steps).
        notices: what the user should know; filled while `layers` runs.
        recovered: of each window, how its layers came about and what was refused; filled likewise.
        touched: whether the editor changed anything in the frames that `layers` has yielded.
    """

    editor: Editor
    name: str
    instruction: str
    seed: int
    settings: Settings
    count: int
    rate: float
    progress: Progress | None = None
    notices: list[str] = field(default_factory=list)
    recovered: list[dict[str, Any]] = field(default_factory=list)
    touched: bool = False

    def check(self, size: tuple[int, int]) -> None:
        """Raise VeraError for what no window of this editor can be, before any frame is read."""
        self.editor.check_text(self.instruction)
        if self.editor.traits.still and self.count > 2 * REACH + 1:
            raise VeraError(
                f"{self.name} edits one picture, which is carried along for at most {REACH} frames on either side; "
                f"{self.count} frames are to be edited: edit a part (--from, --to, --frames)"
            )
        if min(size) < 2 * max(self.editor.traits.strides):
            width, height = size
            raise VeraError(f"{self.name} has too little to see of frames of {width}x{height}: give a larger --size")

    def layers(self, pictures: Pictures, masks: Masks | None) -> Iterator[LayerFrame]:
        """Yield the layers of every shown frame, and see whether they hold anything.

        `pictures` and `masks` are those of the shown frames, at the model's size.
        """
        self.touched = False
        for layer in self._carried(pictures, masks) if self.editor.traits.still else self._joined(pictures, masks):
            self.touched = self.touched or bool((layer.alpha >= ALPHA_FLOOR / FULL).any())
            yield layer

    def record(self) -> dict[str, Any]:
        """Say in JSON values what the edit was made by, after the last frame."""
        traits = self.editor.traits
        own: dict[str, Any] = {"rate": round(self.rate, 4), "notices": self.notices}
        if traits.still:
            own["keyframe"] = keyframe_of(self.count)
        else:
            own["windows"] = list(editor_windows(self.count, traits).starts)
        return {
            "steps": self.settings.steps or traits.steps,
            "guidance": traits.guidance if self.settings.guidance is None else self.settings.guidance,
            "window_frames": traits.window,
            "window_overlap": traits.overlap,
            "editor": self.editor.record() | own,
            "layerize": self.recovered,
        }

    def frames(self, pictures: Pictures, masks: Masks | None) -> Iterator[NDArray[np.uint8]]:
        """Yield the frames as the editor draws them, RGB `[H,W,3]`; where windows overlap, those of the earlier one.

        Arguments as those of `layers`; not for an editor of single pictures.
        """
        told = 0
        starts = editor_windows(self.count, self.editor.traits).starts
        for start, (_, _, drawn) in zip(starts, self._windows(pictures, masks), strict=True):
            yield from drawn[told - start :]
            told = start + len(drawn)

    def _joined(self, pictures: Pictures, masks: Masks | None) -> Iterator[LayerFrame]:
        drawn = (
            recover_layers(source, frames, mask, self.name, self.recovered)
            for source, mask, frames in self._windows(pictures, masks)
        )
        yield from join_windows(editor_windows(self.count, self.editor.traits), drawn)

    def _windows(self, pictures: Pictures, masks: Masks | None) -> Iterator[tuple[Frames, Mask | None, Frames]]:
        """Source, mask and drawn frames of each window."""
        traits = self.editor.traits
        windows = editor_windows(self.count, traits)
        shown = cut_windows(pictures, windows)
        kept = None if masks is None else cut_windows(masks, windows)
        before: Frames | None = None
        for number, start in enumerate(windows.starts):
            source, mask = next(shown), None if kept is None else next(kept)
            shared = 0 if number == 0 else windows.starts[number - 1] + windows.size - start
            known = source[:0] if before is None or not traits.continues else before[len(before) - shared :]
            before = self._edit(ClipWindow(source, self.rate, known), mask, number, len(windows.starts))
            yield source, mask, before

    def _carried(self, pictures: Pictures, masks: Masks | None) -> Iterator[LayerFrame]:
        key = keyframe_of(self.count)
        greys, chosen = [], None
        for number, picture in enumerate(pictures):
            greys.append(grey(picture))
            chosen = picture if number == key else chosen
        assert chosen is not None
        mask = None
        if masks is not None:
            mask = next(kept for number, kept in enumerate(masks) if number == key)[None]
        drawn = self._edit(ClipWindow(chosen[None], self.rate, chosen[:0][None]), mask, 0, 1)
        (layer,) = recover_layers(chosen[None], drawn, mask, self.name, self.recovered)
        carried = carry_layer(layer, key, greys)
        if (carried.first, carried.last) != (0, self.count - 1):
            self.notices.append(
                f"the layer could be followed from frame {carried.first} to {carried.last} of {self.count}; "
                "others have none"
            )
        yield from carried.layers

    def _edit(self, clip: ClipWindow, mask: Mask | None, number: int, of: int) -> Frames:
        def on_step(step: int, steps: int) -> None:
            if self.progress is not None:
                self.progress("sample", number * steps + step, of * steps)

        seen = mask if self.editor.traits.masked else None
        drawn = self.editor.edit(clip, self.instruction, seen, self.seed, replace(self.settings, on_step=on_step))
        return check_drawn(np.asarray(drawn), clip.frames, self.name)
