"""Models of the hub: fetched into its local cache, and published."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported, but not by name

from vera.errors import VeraError, first_line
from vera.pipelines.card import model_card

TIMEOUT = 10.0  # seconds after which a hub that does not answer is given up
PARTS = ("transformer", "vae", "text_encoder", "tokenizer", "scheduler")
PIPELINE_FILES = ("README.md", "model_index.json", *(f"{part}/*" for part in PARTS))


def is_hub_name(name: str) -> bool:
    """Whether `name` has the form owner/name."""
    owner, _, model = name.partition("/")
    return bool(owner and model) and "/" not in model and owner not in (".", "..", "~")


def fetch_model(
    name: str,
    files: Sequence[str] = PIPELINE_FILES,
    revision: str | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    **options: Any,
) -> Path:
    """The folder with the `files` (patterns) of the hub's model `name`; of the local cache if the hub is out of reach.

    `options` are further ones of huggingface_hub's `snapshot_download`, such as `cache_dir`. VeraError if there is no
    such model, it may not be read, or it is neither on the hub nor in the cache.
    """
    wanted = {"revision": revision, "token": token, "allow_patterns": list(files), **options}
    try:
        if local_files_only:
            raise OfflineModeIsEnabled("only the cache is asked")
        # One request that fails at once: the download's own would be tried for half a minute.
        HfApi(token=token).model_info(name, revision=revision, timeout=TIMEOUT)
    except GatedRepoError:
        raise _gated(name) from None
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError):
        of = "" if revision is None else f", with the revision {revision},"
        raise VeraError(
            f"model {name}: the hub has none of this name{of} that you may read: check it, or run `hf auth login`"
        ) from None
    except (httpx.HTTPError, OfflineModeIsEnabled, OSError) as error:
        try:
            return Path(snapshot_download(name, **wanted, local_files_only=True))
        except OSError:
            reason = first_line(error)
            raise VeraError(
                f"model {name}: not in the local cache, and the hub cannot be reached ({reason}): name a local folder"
            ) from None
    try:
        return Path(snapshot_download(name, **wanted))
    except GatedRepoError:
        raise _gated(name) from None
    except (httpx.HTTPError, OSError) as error:
        raise VeraError(f"model {name}: the download failed ({first_line(error)}): try again") from None


def push_pipeline(
    pipeline: Any,
    repo_id: str,
    commit_message: str | None = None,
    private: bool | None = None,
    token: str | None = None,
    create_pr: bool = False,
) -> str:
    """Upload a pipeline with its model card as one commit; return the commit's address.

    A repository that has a card keeps it. Otherwise it gets the README.md of the folder that the pipeline was loaded
    from or, where there is none, one that is filled in from the pipeline's configuration.
    """
    api = HfApi(token=token)
    repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
    with TemporaryDirectory() as name:
        folder = Path(name)
        pipeline.save_pretrained(folder)
        if not api.file_exists(repo_id, "README.md"):
            written = Path(pipeline.config.get("_name_or_path") or "") / "README.md"
            if pipeline.config.get("_name_or_path") and written.is_file():
                card = written.read_text()
            else:
                scheduler = {**pipeline.scheduler.config, "_class_name": type(pipeline.scheduler).__name__}
                card = str(model_card(repo_id, pipeline.config, pipeline.transformer, scheduler))
            (folder / "README.md").write_text(card)
        return str(
            api.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                commit_message=commit_message or f"Upload {type(pipeline).__name__}",
                create_pr=create_pr,
            )
        )


def _gated(name: str) -> VeraError:
    return VeraError(f"model {name} is gated: accept its terms on its page of the hub, then run `hf auth login`")
