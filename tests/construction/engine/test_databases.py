"""The index in PostgreSQL: the same as in SQLite, for builds that know nothing of each other but the database."""

import os
import random
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.construction.crossing import write_footage, write_recipe
from tests.construction.engine.test_build import check_nothing_is_lost, make, start, started_working, surroundings
from tests.construction.engine.test_index import RANKS, STATES, tasks
from tests.construction.toys import DATABASE, LOG, finish, opened, tree
from tests.postgres import postgres, postgres_programs

from vera.cli import main
from vera.construction.engine.build import Build
from vera.construction.engine.databases import Postgres, Sqlite, check_url, open_database
from vera.construction.engine.index import Index
from vera.errors import VeraError


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL of its own."""
    if postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres() as held:
        yield held.url


@pytest.mark.slow
def test_both_databases_say_the_same(server: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sides = [Index(Sqlite(Path(folder) / "index.sqlite")), Index(Postgres(server, Path(folder)))]

        @settings(max_examples=30, deadline=None)
        @given(
            st.lists(st.lists(STATES, min_size=RANKS, max_size=RANKS), max_size=4),
            st.sets(st.integers(0, RANKS - 1), min_size=1),
        )
        def compare(units: list[list[str]], ranks: set[int]) -> None:
            for index in sides:
                index.forget(index.units())
                for number, states in enumerate(units):
                    index.put(f"{number:016x}", partial(tasks, f"{number:016x}", states))
            for _ in range(len(units) + 1):
                one, other = (index.claim(sorted(ranks)) for index in sides)
                assert one == other
            one, other = ((index.counts(), index.units(), index.leased(), index.find("leased")) for index in sides)
            assert one == other
            for index in sides:
                index.keep()
                index.free(own=True)
            one, other = ((index.counts(), index.leased(), index.find("ready", "s1")) for index in sides)
            assert one == other

        compare()
        for index in sides:
            index.close()


@pytest.mark.slow
def test_builds_of_two_folders_do_not_meet(server: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with closing(Index(Postgres(server, tmp_path / name))) as index:
            index.put(name, partial(tasks, name, ["ready"] * RANKS))
    with closing(Index(Postgres(server, tmp_path / "a"))) as index:
        assert index.units() == {"a"}


@pytest.mark.slow
def test_two_builds_share_the_work_and_kills_lose_nothing(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, rng = surroundings(tmp_path / "log", 0.1) | {DATABASE: server}, random.Random(0)
    (tmp_path / "log").touch()
    paths = ["5"] * 4
    one = started_working(tmp_path, lambda: start(tmp_path / "out", environment, *paths))
    other = start(tmp_path / "out", environment, *paths)
    time.sleep(rng.uniform(0, 2))
    os.killpg(one.pid, signal.SIGKILL)
    assert [process.wait(300) for process in (one, other)] == [-signal.SIGKILL, 0]
    check_nothing_is_lost(tmp_path, paths, objects=20, repeats=2)
    assert not (tmp_path / "out/index.sqlite").exists()


def lose(root: Path, after: int, cut: Callable[[Build], None]) -> None:
    """Begin a build whose database is lost after so many runs: it ends with one line."""
    with pytest.raises(VeraError) as error, opened(root, "3", "2") as build:

        def progress(what: str, done: int, of: int) -> None:
            if done == after:
                cut(build)

        finish(build, progress=progress)
    assert "\n" not in str(error.value) and str(error.value)


@pytest.mark.parametrize("after", [1, 4, 9])
def test_an_index_that_goes_away_costs_nothing_that_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setenv(LOG, str(tmp_path / "log"))
    lose(tmp_path / "out", after, lambda build: build.index.close())
    make(tmp_path / "out", "3", "2")
    began = Counter((tmp_path / "log").read_text(encoding="utf-8").splitlines())
    assert set(began.values()) == {1}
    make(tmp_path / "new", "3", "2")
    assert tree(tmp_path / "out") == tree(tmp_path / "new")


@pytest.mark.slow
def test_a_server_that_goes_away_costs_nothing_that_was_done(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    psycopg = pytest.importorskip("psycopg")
    monkeypatch.setenv(DATABASE, server)
    monkeypatch.setenv(LOG, str(tmp_path / "log"))

    def cut(build: Build) -> None:
        with psycopg.connect(server, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    lose(tmp_path / "out", 5, cut)
    make(tmp_path / "out", "3", "2")
    assert set(Counter((tmp_path / "log").read_text(encoding="utf-8").splitlines()).values()) == {1}
    make(tmp_path / "new", "3", "2")
    assert tree(tmp_path / "out") == tree(tmp_path / "new")


@pytest.mark.slow
def test_a_recipe_names_it_for_all_commands(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_footage(tmp_path / "footage", 1)
    recipe, out = write_recipe(tmp_path / "r.yaml", f"index: {server}"), tmp_path / "out"
    assert main(["data", "build", str(recipe), "--out", str(out)]) == 0
    for command in ("status", "retry", "verify", "gc"):
        assert main(["data", "build", command, str(out)]) == 0
    assert "1 for people at annotate" in capsys.readouterr().out
    assert not (out / "index.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:///index", "is a URL such as"),
        ("postgresql://host", "is a URL such as"),
        ("postgresql://a:secret@host/b", "PGPASSWORD"),
        ("postgresql://host/b?password=secret", "PGPASSWORD"),
        ("postgresql://[host/b", "is a URL such as"),
    ],
)
def test_urls_are_checked_and_passwords_never_kept(url: str, told: str) -> None:
    with pytest.raises(VeraError, match=told) as error:
        check_url(url, "index")
    assert "secret" not in str(error.value)


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"postgresql://nobody@127.0.0.1:{bound.getsockname()[1]}/b"
        with pytest.raises(VeraError, match=r"^index postgresql://127\.0\.0\.1/b: ") as error:
            open_database(url, tmp_path / "index.sqlite")
    assert "\n" not in str(error.value)


def test_a_spoilt_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"none" * 1000)
    with pytest.raises(VeraError, match="remove it: it is made anew"):
        Index(Sqlite(tmp_path / "index.sqlite"))
