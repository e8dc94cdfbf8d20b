"""Files of strangers by the hundred: models, recipes, layers, shards, projects, LoRAs and LUTs, changed at random.

Each goes through the real command. A server that has imported everything forks a process for each case, with limits on
its time and memory, and looks afterwards at what it said and at every file that is not its output.
"""

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.mutations import change_bytes, change_header, change_node, change_value, change_weights, change_word

SECONDS, BYTES = 10, 2 << 30

INSTRUCTION = "add a red balloon"

Rule = str  # "trace", "hang", "memory", "changed" or "code"


@dataclass(frozen=True)
class Kind:
    """Files that a stranger may send, by their pattern in the folder of a case, and the commands that read them."""

    files: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]


EDIT = ("edit", "s.mkv", INSTRUCTION, "--model", "model", "--steps", "1", "--out", "out/r.mkv")
COMPOSITE = ("composite", "s.mkv", "L", "--out", "out/c.mkv")
EXPORTS = tuple(
    ("export", "L", "--source", "s.mkv", "--out", "out/E", "--to", name)
    for name in ("png", "nuke", "otio", "aftereffects", "fcpxml7", "psd")
)
KINDS = {
    "model": Kind(("model/**/*",), (EDIT,)),
    "recipe": Kind(("r.yaml",), (("train", "r.yaml"), ("train", "r.yaml", "--plan", "--gpus", "1"))),
    "manifest": Kind(
        ("L/*",),
        (COMPOSITE, (*COMPOSITE, "--force"), ("verify", "s.mkv", "r.mkv", "L"), *EXPORTS, (*EXPORTS[0], "--force")),
    ),
    "shards": Kind(("cache/**/*",), (("train", "r.yaml"),)),
    "rows": Kind(("clips/**/*",), (("data", "cache", "q.yaml", "--out", "out/cache"),)),
    "run": Kind(("out/kept/checkpoints/**/*",), (("train", "k.yaml"),)),
    "project": Kind(
        ("p.json",), (("composite", "s.mkv", "p.json", "--out", "out/c.mkv"), ("export", "p.json", *EXPORTS[0][2:]))
    ),
    "lora": Kind(
        ("lora.safetensors",), ((*EDIT, "--lora", "lora.safetensors"), (*EDIT, "--lora", "lora.safetensors:2"))
    ),
    "lut": Kind(("look.cube",), ((*EDIT, "--lut", "look.cube"),)),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a case: how it was changed, exit code, seconds, peak memory in bytes, and the rules it broke."""

    case: int
    kind: str
    change: str
    code: int
    seconds: float
    peak: int
    broken: dict[Rule, str]


def mutate(kind: Kind, draw: random.Random) -> str:
    """Change one of the files of a kind in the current folder; returns which, and how."""
    import yaml

    files = sorted({path for pattern in kind.files for path in Path().glob(pattern) if path.is_file()})
    # Text is where most is read from; weights are many, and mostly alike.
    weights = [1 if path.suffix in (".safetensors", ".tar", ".mkv") else 3 for path in files]
    path = draw.choices(files, weights)[0]
    chance = draw.random()
    if chance < 0.15:
        return f"{path}: {change_node(path, draw)}"
    if chance < 0.75 and path.suffix in (".json", ".yaml"):
        read: Callable[[str], Any] = json.loads if path.suffix == ".json" else yaml.safe_load
        value, what = change_value(read(path.read_text()), draw)
        if path.suffix == ".yaml" and isinstance(value, dict) and "output" in value:
            value["output"] = "out/run"  # where it writes is the recipe's to say: it stays where it can be watched
        text = json.dumps(value) if path.suffix == ".json" else yaml.safe_dump(value, allow_unicode=False)
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        return f"{path}: {what}"
    if chance < 0.75 and path.suffix == ".safetensors":
        return f"{path}: {change_header(path, draw)}"
    if chance < 0.75 and path.suffix == ".cube":
        return f"{path}: {change_word(path, draw)}"
    if path.suffix == ".safetensors" and draw.random() < 0.5:
        return f"{path}: {change_weights(path, draw)}"
    data = path.read_bytes()
    kept = data.index(b"\n") + 1 if path.suffix == ".yaml" else 0  # a recipe's first line is its output
    path.write_bytes(data[:kept] + change_bytes(data[kept:], draw))
    return f"{path}: bytes"


def prepare(folder: Path) -> None:
    """Write what the cases are made of, all of it sound."""
    import yaml
    from tests.clips import make_clip
    from tests.conftest import save_tiny_model
    from tests.loras import adapt, save_adapter
    from tests.training.drawn import flow_fields, open_drawn, write_recipe
    from tests.training.test_released import write_clips_of

    from vera.cli import main
    from vera.models import VeraTransformer3DModel
    from vera.pipelines import VeraPipeline
    from vera.training.cache import cache_data

    folder.mkdir()
    os.chdir(folder)
    for name in ("out", "run"):
        Path(name).mkdir()
    Path("victim").write_text("somebody's file", encoding="utf-8")
    save_tiny_model(Path("model"))
    make_clip(Path("s.mkv"), 5, (32, 32), codec="ffv1")
    assert main([*EDIT[:-1], "r.mkv", "--layers", "L"]) == 0
    assert main(["composite", "s.mkv", "L", "--out", "out/c.mkv", "--project", "p.json"]) == 0
    Path("out/c.mkv").unlink()
    transformer = VeraTransformer3DModel.from_pretrained("model/transformer")
    save_adapter(VeraPipeline, transformer, adapt(transformer), Path())
    Path("pytorch_lora_weights.safetensors").rename("lora.safetensors")
    fields = flow_fields(Path("model")) | {"steps": 2, "warmup": 1, "output": "out/run"}
    cache_data(write_recipe(Path(), **fields), Path("cache"), 6, open_data=open_drawn, report=lambda line: None)
    recipe = yaml.safe_load(Path("recipe.yaml").read_text(encoding="utf-8"))
    recipe |= {"data": {"kind": "shards", "path": "cache"}}
    Path("recipe.yaml").unlink()
    del recipe["output"]
    Path("r.yaml").write_text("output: out/run\n" + yaml.safe_dump(recipe), encoding="utf-8")
    Path("k.yaml").write_text(yaml.safe_dump(recipe | {"output": "out/kept"}), encoding="utf-8")
    assert main(["train", "k.yaml"]) == 0
    Path("k.yaml").write_text(yaml.safe_dump(recipe | {"output": "out/kept", "steps": 3}), encoding="utf-8")
    write_clips_of(Path("clips"), 4)
    released = {"kind": "released", "path": "clips", "clip_frames": 5, "frames": 5, "size": "32x32"}
    partly_bad = {"output": "out/q", "data": released | {"held_out_share": 0.1}, "max_bad_share": 1.0}
    Path("q.yaml").write_text(yaml.safe_dump(recipe | partly_bad), encoding="utf-8")
    grid = [f"{r / 4} {g / 4} {b / 4}" for b in range(5) for g in range(5) for r in range(5)]
    Path("look.cube").write_text("TITLE look\nLUT_3D_SIZE 5\n" + "\n".join(grid) + "\n", encoding="utf-8")


def snapshot(folder: Path) -> dict[str, str]:
    """What lies in a folder beside its output: contents of files, targets of links."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.relative_to(folder).parts[0] in ("out", "said"):
            continue
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            size = path.stat().st_size
            found[name] = str(size) if size > 1 << 30 else hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "no file"
    return found


def run_case(sound: Path, place: Path, case: int) -> Outcome:
    """One case in a process of its own, forked from this one."""
    draw = random.Random(case)
    name = list(KINDS)[case % len(KINDS)]
    kind = KINDS[name]
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(sound, place)
    os.chdir(place)
    change = mutate(kind, draw)
    argv = draw.choice(kind.commands)
    before = snapshot(place)
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _work(list(argv))
    code, peak, hung = _await(child, start + SECONDS)
    seconds = time.monotonic() - start
    broken: dict[Rule, str] = {}
    said = (place / "said").read_text(errors="replace")
    told = said.splitlines()
    if hung:
        broken["hang"] = f"over {SECONDS} s"
    elif "Traceback" in said:
        broken["trace"] = told[-1][:200]
    elif code not in (0, 2, 3):
        broken["code"] = f"{code}: {said[-200:]}"
    elif code == 2 and not (told and told[-1].startswith("vera: ")):
        broken["code"] = f"2 without a line: {said[-200:]}"
    if peak > BYTES or "MemoryError" in said:
        broken["memory"] = f"{peak >> 20} MiB"
    after = snapshot(place)
    if after != before:
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        broken["changed"] = ", ".join(sorted(changed))[:200]
    return Outcome(case, name, f"{' '.join(argv[:2])}  {change}", code, seconds, peak, broken)


def _work(argv: list[str]) -> None:
    """The child: the command, with its own session, limits and output, and no way back into the server."""
    code = 1
    try:
        os.setsid()
        said = os.open("said", os.O_CREAT | os.O_WRONLY, 0o600)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        from vera.cli import main

        code = main(argv)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _await(child: int, until: float) -> tuple[int, int, bool]:
    """Exit code, peak memory in bytes, and whether it had to be killed, with all that it started."""
    hung = False
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024, hung
        if time.monotonic() > until:
            hung = True
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        time.sleep(0.005)


def serve(folder: Path, cases: list[int]) -> None:
    """The server: a line of JSON for each case. It runs nothing itself, so that what it forks finds no idle threads."""
    import vera.cli.edit
    import vera.cli.export
    import vera.cli.layers
    import vera.evaluation
    import vera.layers.export
    import vera.pipelines
    import vera.training.run.loop

    del vera
    for case in cases:
        print(json.dumps(asdict(run_case(folder / "sound", folder / "case", case))), flush=True)


def run_cases(folder: Path, cases: list[int]) -> Iterator[Outcome]:
    """Prepare, start a server, and give what it tells of each case."""
    root = Path(__file__).parents[1]
    paths = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    quiet = {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"}
    environment = os.environ | quiet
    code = "import sys, json; from pathlib import Path; from tests.mutating import prepare, serve; "
    subprocess.run(
        [sys.executable, "-c", f"{code}prepare(Path(sys.argv[1]))", str(folder / "sound")],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    command = [sys.executable, "-c", f"{code}serve(Path(sys.argv[1]), json.loads(sys.argv[2]))", str(folder)]
    with subprocess.Popen([*command, json.dumps(cases)], env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            yield Outcome(**json.loads(line))
