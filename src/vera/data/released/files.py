"""Files of a data set by their paths in it: of a folder, or one at a time from the hub into its cache."""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from huggingface_hub import HfApi, ResolvedRevision, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionResolutionError,
)
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported, but not by name

from vera.errors import VeraError, first_line
from vera.files import read_text
from vera.pipelines.folders.hub import hub_name, on_disk

ROWS_LIMIT = 1 << 30  # bytes of a JSONL file: a row has about 500


class Files(ABC):
    """Files of a data set."""

    slow = False  # whether each look for a file takes long

    def __init__(self, name: str) -> None:
        self.name = name
        self._base = 0  # which folder the path that was found last is relative to, where looking is slow

    @abstractmethod
    def get(self, path: str) -> Path | None:
        """The file, or None if there is none; VeraError if it cannot be fetched."""

    @abstractmethod
    def indices(self, folder: str, known: Sequence[str]) -> list[str]:
        """Names, without the suffix, of the JSONL files in `folder`; on the hub only those of the `known` ones."""

    @abstractmethod
    def all_indices(self, folder: str) -> list[str]:
        """The same, where `folder` is small enough to be listed."""

    def lines(self, index: str) -> list[tuple[int, str]]:
        """The lines of a JSONL file that are not empty, with their numbers; VeraError if it is no text."""
        file = self.get(index)
        try:
            text = read_text(file, ROWS_LIMIT) if file else ""
        except VeraError as error:
            raise VeraError(f"data: {index} of {self.name} is no text: {error}") from None
        # `splitlines` would cut texts at U+2028.
        return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]

    def find(self, path: str, index: str) -> Path:
        """The file of a path that is relative to the data set or to a folder on the way to the `index` that has it.

        VeraError if there is none, and for a path that leads out of the data set: a row must not bring other clips in.
        """
        written = PureWindowsPath(path)  # which takes both kinds of slash
        if written.root or ".." in written.parts or re.search(r"[\x00-\x1f\x7f]", path):
            raise VeraError(f"{path!a} is no path within {self.name}; name clips relative to the data set")
        bases = list(reversed(PurePosixPath(index).parents))
        for name in _spellings(path):
            for number in (self._base, *range(len(bases))):
                if number < len(bases) and (file := self.get(str(bases[number] / name))):
                    self._base = number if self.slow else 0
                    return file
        raise VeraError(f"{path} is not in {self.name}")


class LocalFiles(Files):
    """Of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.folder = folder

    def get(self, path: str) -> Path | None:
        """Path of a file in the folder, None if there is none."""
        try:
            return self.folder / path if (self.folder / path).is_file() else None
        except OSError:  # a name longer than the system has
            return None

    def indices(self, folder: str, known: Sequence[str]) -> list[str]:
        """Names of the JSONL files in a folder."""
        return self.all_indices(folder)

    def all_indices(self, folder: str) -> list[str]:
        """Names of the JSONL files in a folder."""
        return sorted(path.stem for path in (self.folder / folder).glob("*.jsonl"))


class HubFiles(Files):
    """Of a data set on the hub, all of one commit."""

    slow = True

    def __init__(self, name: str, commit: ResolvedRevision) -> None:
        super().__init__(name)
        self.commit = commit

    def get(self, path: str) -> Path | None:
        """Path of a file in the hub's cache, fetched if need be; None if the data set has none."""
        try:
            # Asked for by commit, a cached file is not looked up on the hub.
            return Path(hf_hub_download(self.name, path, repo_type="dataset", revision=self.commit))
        except LocalEntryNotFoundError as error:  # an EntryNotFoundError, but of a hub that was not reached
            raise self._unfetched(path, error) from None
        except EntryNotFoundError:
            return None
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise self._unfetched(path, error) from None

    def indices(self, folder: str, known: Sequence[str]) -> list[str]:
        """Which of the `known` JSONL files a folder has."""
        return [name for name in known if self.get(f"{folder}/{name}.jsonl")]

    def all_indices(self, folder: str) -> list[str]:
        """Names of the JSONL files in a folder, asked of the hub."""
        try:
            tree = HfApi().list_repo_tree(self.name, folder, revision=self.commit, repo_type="dataset")
            return sorted(PurePosixPath(entry.path).stem for entry in tree if entry.path.endswith(".jsonl"))
        except EntryNotFoundError:
            return []
        except (httpx.HTTPError, OSError) as error:
            raise self._unfetched(folder, error) from None

    def _unfetched(self, path: str, error: Exception) -> VeraError:
        return VeraError(f"{path} cannot be fetched from {self.name} ({_brief(error)})")


def open_files(path: str) -> Files:
    """The files of folder `path`, or of the data set of this name (owner/name) on the hub, as it is now.

    Where the hub cannot be reached they are those of the cache. VeraError if there is no such data set.
    """
    folder, name = on_disk(path), hub_name(path)
    if folder is not None and folder.is_dir():
        return LocalFiles(folder)
    if name is None:
        raise VeraError(f"data: {path} is neither a folder nor the name of a data set on the hub (owner/name)")
    try:
        return HubFiles(name, HfApi().resolve_revision(name, repo_type="dataset"))
    except GatedRepoError:
        raise VeraError(
            f"data: {path} is gated: accept its terms on its page of the hub, then `hf auth login`"
        ) from None
    except (RepositoryNotFoundError, ValueError):
        raise VeraError(
            f"data: there is no folder {path}, nor such a data set on the hub that you may read: check the name, "
            "or run `hf auth login`"
        ) from None
    except (RevisionResolutionError, httpx.HTTPError, OSError) as error:
        raise VeraError(
            f"data: {path} is not in the hub's cache, and the hub cannot be reached ({_brief(error)})"
        ) from None


def _spellings(path: str) -> list[str]:
    """A path as it is written, then composed and decomposed: a Mac may have changed the files' names; and each of these
    as Windows would have written it."""
    spelt = (path, *(unicodedata.normalize(form, path) for form in ("NFC", "NFD")))
    return list(dict.fromkeys((*spelt, *(name.replace("\\", "/") for name in spelt))))


def _brief(error: Exception) -> str:
    return first_line(error)
