"""Figures of a run: one JSON object a line in `log.jsonl`, and TensorBoard where it is installed."""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vera.errors import VeraError
from vera.resumable import numbered_rows
from vera.whole import whole_file


class Meter:
    """Means of figures since the last `take`. Tensors are summed only then, which spares a device sync each step.

    What is not finite does not count: the step that had it is skipped, and is counted as that.

    `reduce` sums a tensor over the processes of a run, which all add figures of the same names. A resumed run brings
    the sums so far. Only the `main` process restores them: they are sums over all processes.
    """

    def __init__(
        self,
        reduce: Callable[[Tensor], Tensor] = lambda values: values,
        sums: Mapping[str, Sequence[float]] | None = None,
        main: bool = True,
    ) -> None:
        self._reduce = reduce
        self._sums = {name: (total, count) if main else (0.0, 0.0) for name, (total, count) in (sums or {}).items()}
        self._pending: list[tuple[str, Tensor]] = []

    def add(self, figures: Mapping[str, Tensor]) -> None:
        """Tensors of any shape; each element counts once."""
        self._pending += [(name, value.detach()) for name, value in figures.items()]

    def state(self) -> dict[str, tuple[float, float]]:
        """Sum and count of each figure over all processes, to go on from in others."""
        for name, value in self._pending:
            total, count = self._sums.get(name, (0.0, 0.0))
            finite = value.double()[value.isfinite()]
            self._sums[name] = (total + finite.sum().item(), count + finite.numel())
        self._pending = []
        if not self._sums:
            return {}
        values = self._reduce(torch.tensor(list(self._sums.values()), dtype=torch.float64))
        return {name: (total, count) for name, (total, count) in zip(self._sums, values.tolist(), strict=True)}

    def take(self) -> dict[str, float]:
        """Means since the last call, over all processes."""
        means = {name: total / count for name, (total, count) in self.state().items() if count}
        self._sums = {}
        return means


class Log:
    """Appends rows to `folder/log.jsonl`. Rows after `step`, which a killed run left, are removed first."""

    def __init__(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "log.jsonl"
        kept = [row for row in read_log(folder) if row["step"] <= step] if step else []
        with whole_file(path) as partial:
            partial.write_text("".join(map(_line, kept)), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")
        self._board: Any = None
        if find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            # From 0 on if nothing is kept: what was evaluated before the first step comes again too.
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else 0)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Add a row; VeraError where the disk refuses."""
        try:
            self._file.write(_line({"step": step, **figures}))
            self._file.flush()
            if self._board is not None:
                for name, value in figures.items():
                    self._board.add_scalar(name, value, step)  # raises what its thread met earlier
        except OSError as error:
            raise VeraError(
                f"{self._file.name}: cannot be written ({error.strerror}); free the disk and go on"
            ) from None

    def sync(self) -> None:
        """Have all rows on the disk, as those up to a checkpoint are not written again."""
        with suppress(OSError):  # a full disk was told when the row was written
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Bring all rows to the disk and close the file."""
        self.sync()
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            if self._board is not None:
                self._board.close()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The rows of `log.jsonl` in `folder`, none if there is no file; a line that the process died in has no end."""
    path = folder / "log.jsonl"
    rows = numbered_rows(path, mend=False)
    for number, row in rows:
        if type(row.get("step")) is not int:
            raise VeraError(f"{path}:{number}: is no row of a log; take it out")
    return [row for _, row in rows]


def _line(row: Mapping[str, Any]) -> str:
    """A row in JSON, which has no NaN and no infinity: they become null."""
    plain = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()
    }
    return json.dumps(plain, allow_nan=False) + "\n"
