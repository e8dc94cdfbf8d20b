"""The footage of a recipe: files, their identity by content, and the licences beside them."""

import glob
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from vera.construction.engine.record import Layout, Record, read_record, write_record
from vera.construction.licences import Terms, strictest, terms_of
from vera.errors import DamageWarning, VeraError
from vera.fields import Name, Range, build, check_plain
from vera.files import file_hash, read_text
from vera.training.recipe_file import parse_yaml

SIDECAR_LIMIT = 1 << 16  # bytes
SIDECAR = ".licence.yaml"
FOLDER_SIDECAR = "licence.yaml"


@dataclass(frozen=True)
class _Allowed:
    commercial: bool
    derivatives: bool
    attribution: bool = True
    share_alike: bool = False


@dataclass(frozen=True)
class Licence:
    """What stands beside footage: `licence`, an SPDX identifier or any name with its `terms`; who made it; where."""

    licence: Annotated[str, Range(1, 200)]
    creator: Name | None = None
    url: Name | None = None
    terms: _Allowed | None = None

    def about(self) -> dict[str, Any]:
        """The same with its terms written out. VeraError for a licence that is not known."""
        terms = terms_of(self.licence) if self.terms is None else Terms(**asdict(self.terms))
        return {"licence": self.licence, "creator": self.creator, "url": self.url, "terms": asdict(terms)}


def find_sources(patterns: Sequence[str], layout: Layout, root: Path = Path()) -> list[Record]:
    """The sources that a recipe's patterns name, in order of their paths, as their records are to begin.
    Patterns and paths are from `root`.

    Two files of one content are one source, under the stricter of their licences, and a DamageWarning says so.
    VeraError where a pattern finds nothing, or a licence cannot be read.
    """
    found: dict[str, Record] = {}
    known = _known(layout)
    for path in match_files(patterns, "footage", root):
        held = (root / path).stat()
        state = [held.st_size, held.st_mtime_ns]
        source = known.get((str(path), *state)) or file_hash(root / path)[:16]
        record = Record("source", source, {"path": str(path), "state": state, "licence": read_licence(root / path)})
        if source in found:
            warnings.warn(
                DamageWarning(f"{path}: is the same as {found[source].about['path']}; taken once"), stacklevel=2
            )
            record = _stricter(found[source], record)
        found[source] = record
    return list(found.values())


def remember_sources(sources: Sequence[Record], layout: Layout) -> None:
    """Write what sources are into their records, where that is new."""
    for source in sources:
        path = layout.record("source", source.id)
        held = read_record(path)
        if held is None or held.about != source.about:
            write_record(path, replace(source, stages={} if held is None else held.stages))


def read_licence(path: Path) -> dict[str, Any] | None:
    """What stands beside a file, as NAME.licence.yaml or for its whole folder as licence.yaml; None if nothing does."""
    beside = path.with_name(path.name + SIDECAR), path.with_name(FOLDER_SIDECAR)
    sidecar = next((file for file in beside if file.is_file()), None)
    if sidecar is None:
        return None
    values = parse_yaml(read_text(sidecar, SIDECAR_LIMIT), str(sidecar))
    if not isinstance(values, dict):
        raise VeraError(f"{sidecar}: is a mapping with `licence`, and perhaps creator, url and terms")
    check_plain(values, str(sidecar))
    licence: Licence = build(Licence, values, str(sidecar))
    try:
        return licence.about()
    except VeraError as error:
        raise VeraError(f"{sidecar}: {error}") from None


def match_files(patterns: Sequence[str], where: str, root: Path = Path()) -> list[Path]:
    """The files that patterns name, in order, without licences; patterns and paths are from `root`. A name of a file is
    one, whatever a pattern might take its brackets for. VeraError, which begins with `where`, for none."""
    paths: set[Path] = set()
    for pattern in patterns:
        is_name = (root / pattern).is_file()
        names = [pattern] if is_name else glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207 (absolute patterns)
        files = {
            path for path in map(Path, names) if (root / path).is_file() and not path.name.endswith(FOLDER_SIDECAR)
        }
        if not files:
            raise VeraError(f"{where}: {root / pattern} names no file; check the path")
        paths |= files
    return sorted(paths)


def _known(layout: Layout) -> dict[tuple[Any, ...], str]:
    """Ids of files that were hashed before and did not change."""
    records = [record for path in layout.records("source") if (record := read_record(path)) is not None]
    return {(record.about["path"], *record.about["state"]): record.id for record in records}


def _stricter(one: Record, other: Record) -> Record:
    """The first record, under the stricter of two licences; none where one of them has none."""
    held = [one.about["licence"], other.about["licence"]]
    if None in held:
        return replace(one, about={**one.about, "licence": None})
    name, _ = strictest((licence["licence"], Terms(**licence["terms"])) for licence in held)
    return replace(one, about={**one.about, "licence": next(each for each in held if each["licence"] == name)})
