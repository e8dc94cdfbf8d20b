"""Models of the hub: fetched into its local cache, and published."""

import glob
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import HfApi, get_cached_repo_tree, snapshot_download
from huggingface_hub.errors import (
    CachedRepoTreeNotFoundError,
    GatedRepoError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from vera.errors import VeraError, first_line
from vera.files import read_text
from vera.models.model_files import pipeline_files
from vera.pipelines.folders.card import model_card

HUB = "hf:"  # before owner/name: the hub's, even where a file or folder could be meant
TIMEOUT = 10.0  # seconds after which a hub that does not answer is given up
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
_FILE_NAME = re.compile(r".+\.([a-z]{2,12}|h5|bz2|7z|mp4)", re.IGNORECASE)  # versions, such as Wan2.1, have digits

Choose = Callable[[Sequence[str]], Sequence[str]]


def hub_name(name: str, root: str = "") -> str | None:
    """The owner/name of the hub that `name` means; None where it is a path, whether or not anything lies there.

    A path is what exists, what ends like a file, what lies in a folder that exists, and all that is not of the form
    owner/name: a misspelt path never asks the hub. `hf:owner/name` always means the hub. A relative path is from
    `root`.
    """
    plain = name.removeprefix(HUB)
    if not _HUB_NAME.fullmatch(plain):
        return None
    if name != plain:
        return plain
    path = Path(root, name)
    return None if _FILE_NAME.fullmatch(path.name) or path.exists() or path.parent.exists() else plain


def on_disk(name: str) -> Path | None:
    """The file or folder of this name; None if there is none, or no file could have such a name."""
    with suppress(OSError, ValueError):  # too long; with a zero in it
        path = Path(name)
        return path if name and path.exists() else None
    return None


def fetch_model(
    name: str,
    files: Sequence[str] | Choose = pipeline_files,
    revision: str | None = None,
    token: str | bool | None = None,
    local_files_only: bool | None = False,
    what: str = "model",
    **options: Any,
) -> Path:
    """The folder with `files` of the hub's model `name`; of the local cache if the hub is out of reach.

    `files` are patterns, or choose from the names of all files that there are. `what` it is, for messages. `options`
    are further ones of huggingface_hub's `snapshot_download`, such as `cache_dir`. VeraError if there is no such model,
    it may not be read, or it is neither on the hub nor in the cache.
    """
    wanted = {"revision": revision, "token": token, **options}
    # `Exception`: what a library of the net raises for what the net sends is nobody's closed list.
    try:
        if local_files_only:
            raise OfflineModeIsEnabled("only the cache is asked")
        # One request that fails at once: the download's own would be tried for half a minute.
        info = HfApi(token=token).model_info(name, revision=revision, timeout=TIMEOUT)
        listed = [file.rfilename for file in info.siblings or []]
    except GatedRepoError:
        raise _gated(name, what) from None
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError):
        of = "" if revision is None else f", with the revision {revision},"
        raise VeraError(
            f"{what} {name}: the hub has none of this name{of} that you may read: check it, or run `hf auth login`"
        ) from None
    except Exception as error:
        try:
            # Of all that the model has there only the wanted files were fetched: the rest is not missing.
            held = _patterns(files, _cached_listing(name, revision, options.get("cache_dir")))
            return Path(snapshot_download(name, **wanted, allow_patterns=held or None, local_files_only=True))
        except Exception:
            reason = first_line(error)
            raise VeraError(
                f"{what} {name}: not in the local cache, and the hub cannot be reached ({reason}): name a local folder"
            ) from error
    patterns = _patterns(files, listed)
    if not patterns:
        raise VeraError(f"{what} {name}: has none of the files that are wanted; is it the right one?")
    try:
        return Path(snapshot_download(name, **wanted, allow_patterns=patterns))
    except GatedRepoError:
        raise _gated(name, what) from None
    except Exception as error:
        raise VeraError(f"{what} {name}: the download failed ({first_line(error)}): try again") from error


def _patterns(files: Sequence[str] | Choose, listed: list[str]) -> list[str]:
    return [glob.escape(file) for file in files(listed)] if callable(files) else list(files)


def _cached_listing(name: str, revision: str | None, cache_dir: Any) -> list[str]:
    """The files that a model in the cache has on the hub; none for what older libraries fetched, who kept no list."""
    try:
        return [file.path for file in get_cached_repo_tree(name, revision=revision, cache_dir=cache_dir)]
    except CachedRepoTreeNotFoundError:
        return []


def push_pipeline(
    pipeline: Any,
    repo_id: str,
    commit_message: str | None = None,
    private: bool | None = None,
    token: str | None = None,
    create_pr: bool = False,
    **options: Any,
) -> str:
    """Upload a pipeline with its model card as one commit; return the commit's address.

    A repository that has a card keeps it. Otherwise it gets the README.md of the folder that the pipeline was loaded
    from or, where there is none, one that is filled in from the pipeline's configuration. `options` are those of its
    `save_pretrained`. VeraError if the hub refuses or cannot be reached.
    """
    try:
        api = HfApi(token=token)
        with TemporaryDirectory() as name:
            folder = Path(name)
            pipeline.save_pretrained(folder, **options)  # first: what it refuses makes no repository
            repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            if not api.file_exists(repo_id, "README.md"):
                (folder / "README.md").write_text(_card(pipeline, repo_id), encoding="utf-8")
            return str(
                api.upload_folder(
                    repo_id=repo_id,
                    folder_path=folder,
                    commit_message=commit_message or f"Upload {type(pipeline).__name__}",
                    create_pr=create_pr,
                )
            )
    except VeraError:
        raise
    except Exception as error:  # as in `fetch_model`
        raise VeraError(f"model {repo_id}: cannot be published ({first_line(error)})") from error


def _card(pipeline: Any, repo_id: str) -> str:
    written = on_disk(str(pipeline.config.get("_name_or_path") or ""))
    if written is not None and (written / "README.md").is_file():
        return read_text(written / "README.md")
    scheduler = {**pipeline.scheduler.config, "_class_name": type(pipeline.scheduler).__name__}
    return str(model_card(repo_id, pipeline.config, pipeline.transformer, scheduler))


def _gated(name: str, what: str) -> VeraError:
    return VeraError(f"{what} {name} is gated: accept its terms on its page of the hub, then run `hf auth login`")
