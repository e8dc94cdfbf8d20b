"""Published weights from a folder or the hub, read as data; one line where they are not there or not whole."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, device, dtype, nn

from vera.errors import VeraError, first_line


def find_file(name: str, files: Sequence[str], what: str) -> Path:
    """Find the first of `files` that the folder or the hub's model `name` has; `name` itself if it is a file.

    `what` the files are, for messages. Only these files are fetched from the hub. Raises VeraError if there is none.
    """
    from huggingface_hub import snapshot_download

    folder = Path(name).expanduser()
    if folder.is_file():
        return folder
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(name, allow_patterns=list(files)))
        except Exception as error:  # of the net and of the hub, anything
            raise VeraError(
                f"{what} {name}: is no folder, and cannot be had from the hub ({first_line(error)})"
            ) from None
    found = next((folder / file for file in files if (folder / file).is_file()), None)
    if found is None:
        raise VeraError(f"{what} {name}: holds no {' or '.join(files)}")
    return found


def read_tensors(path: Path, what: str) -> dict[str, Tensor]:
    """Read the tensors, by name, of a .safetensors file or of one that torch saved; nothing else is unpickled.

    Raises VeraError for anything else.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
            raise ValueError("it is no table of tensors")
        return tensors
    except Exception as error:  # of a stranger's file, anything
        raise VeraError(f"{what} {path}: cannot be read ({first_line(error)})") from None


def fill(network: nn.Module, tensors: dict[str, Tensor], where: Path, what: str) -> None:
    """Give `network`, made on the device "meta", the weights of its names; VeraError unless all are there and fit."""
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        raise VeraError(f"{what} {where}: does not hold this network ({_shape_error(error)})") from None


def load_network(kind: type[Any], name: str, what: str, where: device, number: dtype, **options: Any) -> Any:
    """Load a network of transformers' class `kind` from the folder or the hub's model `name`, ready to run.

    Raises VeraError if it cannot be loaded, or lacks weights, which the class would make up.
    """
    local = Path(name).expanduser()
    try:
        with _quiet_transformers():
            network, info = kind.from_pretrained(
                str(local) if local.is_dir() else name,
                local_files_only=local.is_dir(),
                output_loading_info=True,
                dtype=number,
                **options,
            )
    except Exception as error:  # of a stranger's folder and of the net, anything
        raise VeraError(
            f"{what} {name}: cannot be loaded ({first_line(error)}): name a folder or a hub model"
        ) from None
    if info["missing_keys"]:
        raise VeraError(
            f"{what} {name}: lacks weights, such as {sorted(info['missing_keys'])[0]}: is it the right one?"
        )
    return network.eval().to(where)


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """No bar for a moment's loading, and no list of weights that are not used; missing ones are raised here."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _shape_error(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[1] if len(lines) > 1 else lines[0]  # the first one only names the class
