"""The example of docs/judges.md runs as it stands."""

import re
from pathlib import Path

import pytest
from tests.chat_endpoint import answer, chat_endpoint, in_turn
from tests.clips import make_clip


def test_the_example_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "judges.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", 12)
    said = answer({"reason": "blue", "sky": "clear"})
    with chat_endpoint(in_turn(said), ("Qwen/Qwen3-VL-8B-Instruct",)) as server:
        exec(code.replace("http://localhost:8000/v1", server.url), {"__name__": "documented"})
        assert sum(part["type"] == "image_url" for part in server.asked[0]["messages"][1]["content"]) == 8
    assert "Weather(reason='blue', sky='clear') Usage(replies=1" in capsys.readouterr().out
