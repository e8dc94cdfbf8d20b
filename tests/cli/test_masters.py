"""`--master`, `--from`, `--to` and `--force`, and `vera verify` for each guarantee."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.executable import ffmpeg

from vera.cli import main
from vera.cli.options import parse_time
from vera.errors import VeraError
from vera.layers import LayeredEdit, save_layers
from vera.layers.source_match import describe_source
from vera.video import open_clip

Lines = Callable[[], dict[str, str]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    clip = tmp_path / "a.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25", "-frames:v", 24, "-pix_fmt", "yuv420p", "-c:v", "libx264",
           "-g", 6, clip)  # fmt: skip
    return clip


@pytest.fixture
def layers(source: Path, tmp_path: Path) -> Path:
    info = open_clip(source)
    alpha = np.zeros((2, 48, 64), np.uint16)
    alpha[:, :32] = 65535
    edit = np.full((2, 48, 64, 3), 200, np.uint8)
    metadata = {"source": describe_source(info)}
    save_layers(LayeredEdit(edit, alpha, info.pts[8:10], info.time_base, metadata), tmp_path / "layers")
    return tmp_path / "layers"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was printed since the last call: the first word of each line, and the rest."""

    def read() -> dict[str, str]:
        captured = capsys.readouterr()
        words = [line.split(maxsplit=1) for line in (captured.out + captured.err).splitlines()]
        return {line[0]: line[-1] for line in words}

    return read


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_smart(source: Path, layers: Path, tmp_path: Path, lines: Lines) -> None:
    out = tmp_path / "b.mp4"
    assert main(["composite", str(source), str(layers), "--out", str(out), "--master", "smart"]) == 0
    said = lines()
    assert said["result"] == str(out)
    kept = int(said["kept"].split()[0])
    assert kept >= 18 and said["kept"] == f"{kept} of 24 packets are the source's own"
    assert [a == b for a, b in zip(packets(source), packets(out), strict=True)].count(True) == kept

    assert main(["verify", str(source), str(out), str(layers), "--master", "smart"]) == 0
    assert lines()["packets"] == f"24  of which {kept} are the source's own"
    assert main(["verify", str(source), str(out), str(layers)]) == 1
    assert "that the exact master keeps" in lines()["broken"]


def test_a_notice_where_it_is_none(source: Path, layers: Path, tmp_path: Path, lines: Lines) -> None:
    out = tmp_path / "b.mkv"
    assert main(["composite", str(source), str(layers), "--out", str(out), "--master", "smart"]) == 0
    said = lines()
    assert said["vera:"].startswith("notice: b.mkv is a delivery encode and no smart master: packets cannot be kept")
    assert "kept" not in said
    assert main(["verify", str(source), str(out), str(layers), "--master", "delivery"]) == 0
    assert "changed" in lines()
    assert main(["verify", str(source), str(out), str(layers), "--master", "smart"]) == 1
    assert "it cannot be a smart master" in lines()["broken"]


def test_layers_over_the_users_own_file(source: Path, layers: Path, lines: Lines) -> None:
    assert main(["verify", str(source), str(layers)]) == 0
    assert "2 frames that fit" in lines()["layers"]
    data = source.read_bytes()
    source.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert main(["verify", str(source), str(layers)]) == 2
    assert "their bytes differ" in lines()["vera:"]


def test_force(source: Path, layers: Path, tmp_path: Path, lines: Lines) -> None:
    other, out = tmp_path / "other.mkv", tmp_path / "b.mkv"
    ffmpeg("-i", source, "-c", "copy", other)
    command = ["composite", str(other), str(layers), "--out", str(out)]
    assert main(command) == 2
    assert "is not the clip that the layers were made for, a.mp4" in lines()["vera:"]
    assert not out.exists()
    assert main([*command, "--force", "--master", "smart"]) == 0
    assert "kept" in lines()
    assert main(["verify", str(other), str(out), str(layers), "--master", "smart"]) == 2
    assert main(["verify", str(other), str(out), str(layers), "--master", "smart", "--force"]) == 0


def test_an_edit_limited_in_time(source: Path, tmp_path: Path, tiny_model: Path, lines: Lines) -> None:
    out, layers = tmp_path / "b.mp4", tmp_path / "layers"
    command = ["edit", str(source), "add a red balloon", "--model", str(tiny_model), "--out", str(out)]
    limits = ["--from", "0.32", "--to", "0:00.4", "--layers", str(layers), "--master", "smart"]
    assert main([*command, *limits]) == 0
    said = lines()
    assert said["edited"].startswith("2 frames") and "kept" in said
    before, after = packets(source), packets(out)
    assert before[:6] == after[:6] and before[12:] == after[12:] and before != after
    assert main(["verify", str(source), str(out), str(layers), "--master", "smart"]) == 0
    assert main([*command, "--from", "x"]) == 2
    assert "a time is seconds" in lines()["vera:"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2.5", Fraction(5, 2)),
        (".5", Fraction(1, 2)),
        ("1:02.5", Fraction(125, 2)),
        ("1:00:02", 3602),
        ("0", 0),
        ("90", 90),
    ],
)
def test_times(text: str, seconds: Fraction | int) -> None:
    assert parse_time(text) == seconds


@pytest.mark.faults
@pytest.mark.parametrize("text", ["9" * 5000, "1:" + "9" * 5000, "9" * 400, "1." + "9" * 5000])
def test_times_beyond_all_use(text: str) -> None:
    with pytest.raises(VeraError, match=r"such as 2\.5 or 1:02\.5") as error:
        parse_time(text)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("text", ["", "x", "-1", "1:2:3:4", "1::2", "1e3", "1.5:2", "nan", "½", "²", "1:"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(VeraError, match=r"such as 2\.5 or 1:02\.5"):
        parse_time(text)
