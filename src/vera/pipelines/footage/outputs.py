"""Where an edit's result and layers go: names, the folder of the layers, and what is kept of a failed result."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vera.errors import VeraError
from vera.layers.masters import choose_codec
from vera.video import CODECS, Clip
from vera.video.sequence import find_sequence, is_pattern
from vera.whole import scratch_folder

_WRITABLE = (".mp4", ".mov", ".m4v", ".mkv")
_OTHERS = (".mkv", ".mov", ".mp4", ".nut")  # for what the source's own kind of file cannot hold


def default_out(source: Path) -> Path:
    """`NAME-vera.SUFFIX` beside the source; .mkv where the source's own kind of file is not written.

    For an image sequence it is one of the same names, in a folder `NAME-vera` beside the source's.
    """
    sequence = find_sequence(source)
    if sequence is not None:
        picture = sequence.files[0]
        folder = picture.absolute().parent
        if all(picture.suffix.lower() not in codec.suffixes for codec in CODECS.values()):
            return folder.with_name(f"{folder.name}-vera.mkv")
        return folder.with_name(f"{folder.name}-vera") / sequence.hashes
    suffix = source.suffix if source.suffix.lower() in _WRITABLE else ".mkv"
    return source.with_name(f"{source.stem}-vera{suffix}")


def writable_out(clip: Clip, out: Path, master: str | None = None, codec: str | None = None) -> Path:
    """`out`, or a name alike of the first kind of file that can hold the result; `out` if none can."""
    place = out.parent if is_pattern(out) else out.with_suffix("")
    for path in (out, *(place.with_name(place.name + suffix) for suffix in _OTHERS)):
        with suppress(VeraError):
            choose_codec(clip, path, master, codec)
            return path
    return out


@contextmanager
def layers_folder(layers: Path | None, out: Path | None) -> Iterator[Path]:
    """Give the folder that layers are written to: `layers`, or else one beside `out` that goes when the block ends.

    Its files are still read then, by whoever opened them: Unix keeps what is open.
    """
    if layers is not None or out is None:
        assert layers is not None
        yield layers
        return
    with scratch_folder(_layers_beside(out)) as scratch:
        yield scratch / "layers"


@contextmanager
def kept_on_failure(folder: Path, layers: Path | None, out: Path) -> Iterator[None]:
    """Keep the layers in `folder`, hours of sampling perhaps, where no result comes about, and say where they are.

    Those that were not asked for (`layers` is None) get a free name beside `out`.
    """
    try:
        yield
    except Exception as error:
        kept = layers
        if kept is None:
            beside = _layers_beside(out)
            names = (beside.with_name(f"{beside.name}{number}") for number in ("", *(f"-{n}" for n in range(2, 100))))
            kept = next(name for name in names if not name.exists())
            folder.rename(kept)
        where = f"the layers are whole in {kept}: lay them by `vera composite`"
        if isinstance(error, VeraError):
            raise VeraError(f"{error}; {where}") from error
        error.add_note(where)
        raise


def _layers_beside(out: Path) -> Path:
    """`NAME-layers` beside a result, which may be a folder of pictures."""
    place = out.absolute().parent if is_pattern(out) else out.absolute()
    return place.with_name(f"{place.stem}-layers")
