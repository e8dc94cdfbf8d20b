"""`vera data annotate`: what cannot be served is a line, and nothing is left."""

from pathlib import Path

import pytest
from tests.annotation.made_build import make_build

from vera.cli import main


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "0.0.0.0"], "others can reach it"),
        (["--overlap", "2"], "overlap: is at least 0 and at most 1"),
        (["--lease", "0"], "lease: is at least 1"),
        (["--gold", "nowhere"], "holds no sample"),
        (["--token-file", "nowhere"], "nowhere: cannot be read"),
    ],
)
def test_bad_options_are_a_line(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    _, out = make_build(tmp_path_factory.mktemp("build"), 1)
    assert main(["data", "annotate", str(out), "--no-browser", *options]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def test_a_folder_without_a_build_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "annotate", str(tmp_path), "--no-browser"]) == 2
    assert "holds no build" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
