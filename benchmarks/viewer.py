"""The viewer in headless Chromium: scrubbing, the first picture, memory of a long clip; what a proxy costs to decode.

Run: python -m benchmarks.viewer [scrub | first | memory | decode]. Clips are made on the spot. `scrub` jumps to frames
that were not decoded before, source, edit and alpha, and composes each in plain JavaScript and in WebGL. A processor
draws the latter here: that figure is no GPU's. `memory` plays ten minutes of a 4K clip, whose proxies are of 1280x720,
at eight times the speed, then pauses on frames whose exact pictures are of 4K; it adds up the proportional set size of
the page's process, and of all the browser's. `decode` is FFmpeg's, on one thread, in time of the processor: of a frame
as proxies are written, and with CABAC in place of CAVLC.
"""

import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from playwright.sync_api import Page
from tests.browsers import chromium
from tests.web.viewer.proxies import Planes, matte, noise, write_alpha, write_planes
from tests.web.viewer.served import SOFTWARE_WEBGL, build_page, served

from vera.video import planes
from vera.video.open import open_input, open_output
from vera.video.proxy import INTRA

RATE = 25
KINDS = ("scrub", "first", "memory", "decode")
# Opens the clip and gives the milliseconds since the page was asked for.
OPEN = """([clip, layers]) => {
  window.viewer = dev.open();
  viewer.setLayers(dev.layersOf(layers));
  return viewer.load(clip).then(() => performance.now());
}"""

EXACT = "{ exact: () => createImageBitmap(new ImageData(3840, 2160)) }"


def main() -> None:
    kinds = sys.argv[1:] or KINDS
    with tempfile.TemporaryDirectory() as folder, chromium(SOFTWARE_WEBGL) as browser:
        page, media = Path(folder, "page"), Path(folder, "media")
        media.mkdir()
        build_page(page)
        with served(page, media) as address:
            for kind in kinds:
                opened = browser.new_page(viewport={"width": 1280, "height": 800})
                {"scrub": scrub, "first": first, "memory": memory, "decode": decode}[kind](opened, address, media)
                opened.close()


def scrub(page: Page, address: str, media: Path) -> None:
    for size in ((1280, 720), (640, 360)):
        name = make_clip(media, size, 120)
        page.goto(f"{address}/dev.html")
        page.wait_for_function("window.dev")
        frames = [int(n) for n in np.random.default_rng(0).permutation(120)]
        found = page.evaluate("(given) => dev.times(...given)", [clip(name, size, 120), layers(name, 120), frames])
        for part, times in found.items():
            low, high = np.percentile(times, (50, 95))
            print(f"scrub {size[0]}x{size[1]}, three proxies: {part} p50 {low:.0f} ms, p95 {high:.0f} ms")


def first(page: Page, address: str, media: Path) -> None:
    size = (640, 360)
    name = make_clip(media, size, 120)
    times = []
    for _ in range(5):
        page.goto(f"{address}/dev.html")
        page.wait_for_function("window.dev")
        times.append(page.evaluate(OPEN, [clip(name, size, 120), layers(name, 120)]))
    print(f"first composited frame of 640x360 after the page was asked for: {statistics.median(times):.0f} ms")


def memory(page: Page, address: str, media: Path) -> None:
    size, count = (1280, 720), 600 * RATE
    name = make_clip(media, size, 120)
    repeat_packets(media / name / "proxy.mp4", count)
    page.goto(f"{address}/dev.html")
    page.wait_for_function("window.dev")
    given = clip(name, size, count) | {"width": 3840, "height": 2160}
    page.evaluate(OPEN.replace("dev.open()", f"dev.open({EXACT})"), [given, layers(name, 120)])
    page.evaluate("viewer.play(8)")
    start = time.monotonic()
    while time.monotonic() - start < 75:
        page.wait_for_timeout(15_000)
        print(f"memory at frame {page.evaluate('viewer.frame.value')} of {count}: {resident()}")
    for frame in range(0, 2000, 100):
        page.evaluate("(frame) => viewer.seek(frame)", frame)
        page.wait_for_timeout(1000)
    print(f"memory after 20 exact pictures of 4K: {resident()}")


def decode(page: Page, address: str, media: Path) -> None:
    size, count = (1280, 720), 24
    for coder in ("vlc", "cabac"):
        path = media / f"{coder}.mp4"
        with open_output(path) as container:
            stream: Any = container.add_stream("libx264", rate=RATE, options=INTRA | {"coder": coder})
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for number in range(count):
                container.mux(stream.encode(frame_of(noise(size, number), number)))
            container.mux(stream.encode(None))
        times = [decoded(path) / count for _ in range(5)]
        print(f"{coder}: {min(times) * 1e3:.1f} ms to decode a frame of {path.stat().st_size / count / 1e3:.0f} kB")


def decoded(path: Path) -> float:
    """Decode a file on one thread; seconds of the processor."""
    with open_input(path) as container:
        container.streams.video[0].thread_count = 1
        start = time.process_time()
        for _ in container.decode(video=0):
            pass
        return time.process_time() - start


def frame_of(picture: Planes, number: int) -> av.VideoFrame:
    height, width = picture.y.shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, values in zip(planes(frame), (picture.y, picture.cb, picture.cr), strict=True):
        plane[...] = values
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def resident() -> str:
    """Say what the page's process, and all of the browser's, have in memory, what they share counted in parts."""
    found = [one for one in psutil.Process().children(recursive=True) if "chrom" in one.name()]
    whole = {one: one.memory_full_info().pss for one in found}
    page = sum(size for one, size in whole.items() if "--type=renderer" in one.cmdline())
    return f"{page / 2**20:.0f} MiB the page, {sum(whole.values()) / 2**20:.0f} MiB the browser"


def make_clip(media: Path, size: tuple[int, int], count: int) -> str:
    name = f"{size[0]}x{size[1]}"
    folder = media / name
    if not folder.exists():
        folder.mkdir()
        write_planes(folder / "proxy.mp4", [noise(size, n) for n in range(count)])
        write_planes(folder / "edit.mp4", [noise(size, 1000 + n) for n in range(count)])
        write_alpha(folder / "alpha.webm", [matte(size, n) for n in range(count)])
    return name


def repeat_packets(path: Path, count: int) -> None:
    """Make a clip of key frames `count` frames long by writing its packets again and again."""
    with open_input(path) as given:
        packets = [bytes(packet) for packet in given.demux(video=0) if packet.size]
        stream = given.streams.video[0]
        longer = path.with_name("longer.mp4")
        with open_output(longer) as made:
            track: Any = made.add_stream_from_template(stream)
            for number in range(count):
                packet = av.Packet(packets[number % len(packets)])
                packet.stream, packet.time_base = track, Fraction(1, RATE)
                packet.pts = packet.dts = number
                packet.duration, packet.is_keyframe = 1, True
                made.mux(packet)
    longer.replace(path)


def clip(name: str, size: tuple[int, int], count: int) -> dict[str, Any]:
    times = [n / RATE for n in range(count)]
    return {"url": f"media/{name}/proxy.mp4", "times": times, "width": size[0], "height": size[1]}


def layers(name: str, count: int) -> list[dict[str, Any]]:
    url = f"media/{name}"
    media = {
        "id": "take",
        "edit": f"{url}/edit.mp4",
        "alpha": f"{url}/alpha.webm",
        "still": "",
        "frames": list(range(count)),
    }
    return [{"media": media, "on": True, "adjustment": {}}]


if __name__ == "__main__":
    main()
