"""Files of the viewer that scripts make: what lies there is what the scripts give."""

import base64
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest

VIEWER = Path(__file__).parents[3] / "web/viewer"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(name).stem, VIEWER / name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_vectors() -> None:
    committed = json.loads((VIEWER / "rule/vectors.json").read_text("utf-8"))
    made = json.loads(json.dumps(script("rule/make_vectors.py").vectors()))
    assert committed.keys() == made.keys()
    for name, values in made.items():
        assert numbers(committed[name]) == pytest.approx(numbers(values), abs=2e-6), name


def numbers(value: object) -> list[float]:
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [number for part in parts for number in numbers(part)]
    return [float(value)] if isinstance(value, int | float) else []


@pytest.mark.parametrize(("codec", "name"), [("avc1.64001f", "h264"), ("vp09.00.10.08", "vp9")])
def test_self_test_decodes_to_its_sum(codec: str, name: str) -> None:
    module = script("decode/make_self_test.py")
    clip = json.loads((VIEWER / "decode/self_test.json").read_text("utf-8"))[codec]
    decoder = av.CodecContext.create(name, "r")
    packet = av.Packet(base64.b64decode(clip["data"]))
    frame = next(frame for frame in (*decoder.decode(packet), *decoder.decode(None)))
    planes = frame.to_ndarray()
    assert module.checksum(planes.tobytes()) == clip["sum"]
    assert len(np.unique(planes)) > 100  # a picture, which a wrong range or matrix would change
