"""Make `self_test.json`: one key frame of each codec of the proxies, and a sum over the planes that it decodes to."""

import base64
import io
import json
from pathlib import Path

import av
import numpy as np

SIZE = 48


def main() -> None:
    """Write the clips beside this script."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    luma = (16 + rows * 4 + (columns // 6 % 2) * 20).astype(np.uint8)
    chroma = (96 + rows[::2, ::2] + columns[::2, ::2] // 2).astype(np.uint8)
    alpha = (rows * 5 + columns).clip(0, 255).astype(np.uint8)
    grey = np.full_like(chroma, 128)
    intra = {"crf": "18", "g": "1", "bf": "0"}
    clips = {
        "avc1.64001f": _encode("libx264", "h264", [luma, chroma, 255 - chroma], intra),
        "vp09.00.10.08": _encode("libvpx-vp9", "ivf", [alpha, grey, grey], {"lossless": "1", "g": "1"}),
    }
    path = Path(__file__).with_name("self_test.json")
    path.write_text(json.dumps(clips, indent=2) + "\n", "utf-8")


def _encode(codec: str, container: str, planes: list[np.ndarray], options: dict[str, str]) -> dict[str, object]:
    packed = np.concatenate([plane.ravel() for plane in planes]).reshape(-1, SIZE)
    frame = av.VideoFrame.from_ndarray(packed, "yuv420p")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, 25, options=options)
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        output.mux([*stream.encode(frame), *stream.encode(None)])
    file.seek(0)
    with av.open(file) as written:
        packet = next(written.demux(video=0))
        data = bytes(packet)
        decoded = next(iter(packet.decode() or written.decode(video=0)))
    return {"data": base64.b64encode(data).decode(), "sum": checksum(decoded.to_ndarray().tobytes())}


def checksum(data: bytes) -> int:
    """FNV-1a, 32 bit."""
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 % 2**32
    return value


if __name__ == "__main__":
    main()
