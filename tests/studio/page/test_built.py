"""What is committed is what the sources build, from the packages that the lock names."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node, which only who changes the page has")
def test_the_built_files_are_of_these_sources(tmp_path: Path) -> None:
    """In a copy, so that nobody's `node_modules` is taken away."""
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "web", tmp_path / "web", ignore=ignored)
    for command in (["npm", "ci", "--silent", "--ignore-scripts"], ["npm", "run", "--silent", "build"]):
        subprocess.run(command, cwd=tmp_path / "web", check=True, timeout=300)
    lock = Path("web", "package-lock.json")
    assert (tmp_path / lock).read_bytes() == (ROOT / lock).read_bytes()
    committed, built = (root / "src" / "vera" / "studio" / "static" for root in (ROOT, tmp_path))
    names = sorted(path.name for path in built.iterdir())
    assert names == sorted(path.name for path in committed.iterdir())
    for name in names:
        assert (built / name).read_bytes() == (committed / name).read_bytes(), f"{name}: run `make web`"
