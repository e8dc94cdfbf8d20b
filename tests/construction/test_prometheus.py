"""Metrics of a build: read by HTTP while it runs, by Prometheus' own parser, and gone with it."""

import errno
import socket
import struct
import threading
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.construction.test_networks import setup

from vera.cli import main
from vera.construction.construct import build_samples
from vera.construction.prometheus import served_metrics
from vera.errors import VeraError


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def read(port: int) -> dict[tuple[str, ...], float]:
    """Samples by their name and the values of their labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    labels = ("stage", "state", "status", "reason")
    return {
        (each.name, *(each.labels[label] for label in labels if label in each.labels)): each.value
        for family in families
        for each in family.samples
    }


def test_a_build_is_read_while_it_runs(tmp_path: Path) -> None:
    recipe, port = setup(tmp_path), free_port()
    seen: list[dict[tuple[str, ...], float]] = []
    report = build_samples(recipe, tmp_path / "out", metrics=str(port), progress=lambda *_: seen.append(read(port)))
    assert report.samples == 1
    first, last = seen[0], seen[-1]
    assert first["vera_build_runs_total", "ingest", "done"] == 1
    assert ("vera_build_runs_total", "publish", "done") not in first
    assert first["vera_build_tasks", "split", "ready", ""] == 1
    assert last["vera_build_runs_total", "publish", "done"] == 1
    tasks = {key[1:]: value for key, value in last.items() if key[0] == "vera_build_tasks"}
    assert tasks == report.counts
    assert last["vera_build_run_seconds_total", "layers"] > 0
    with pytest.raises(OSError, match="refused"):
        read(port)


@pytest.mark.parametrize("error", [VeraError("the database is away"), OSError(errno.EMFILE, "Too many open files")])
def test_tasks_are_left_out_while_the_index_cannot_be_had(error: Exception) -> None:
    def counts() -> Counter[tuple[str, str, str]]:
        raise error

    port = free_port()
    with served_metrics(f"127.0.0.1:{port}", counts):
        assert not [key for key in read(port) if key[0] == "vera_build_tasks"]


@pytest.mark.parametrize("sent", [b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\n\r\n"])
def test_readers_that_hang_up_print_nothing(sent: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    port, asked = free_port(), threading.Event()

    def counts() -> Counter[tuple[str, str, str]]:
        asked.set()
        return Counter()

    with served_metrics(str(port), counts):
        before = set(threading.enumerate())
        with socket.create_connection(("127.0.0.1", port)) as reader:
            reader.sendall(sent)
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends by a reset
            if sent.endswith(b"\r\n\r\n"):
                assert asked.wait(10)
        assert ("vera_build_tasks",) not in read(port)  # accepted when the thread of the one before has started
        for thread in set(threading.enumerate()) - before:
            thread.join(10)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("address", ["", "http", "http://127.0.0.1:9464", "70000", "a:b", "127.0.0.1:", "١٢"])
def test_what_is_no_address_is_one_line(tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = setup(tmp_path)
    assert main(["data", "build", str(recipe), "--out", str(tmp_path / "out"), "--metrics", address]) == 2
    assert "is PORT or HOST:PORT" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "no.such.host.invalid"])
def test_an_address_that_cannot_be_had_is_one_line(host: str) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(VeraError, match=f"--metrics {host}:{port}: "), served_metrics(f"{host}:{port}", Counter):
            pass
