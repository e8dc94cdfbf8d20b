"""What the pages say can be done: commands are taken, examples call what there is, files and names exist."""

import ast
import importlib
import inspect
import re
import shlex
from collections.abc import Iterator

import pytest
from tests.test_project import ROOT, text, tracked

import vera.cli

PAGES = [name for name in tracked() if name.endswith(".md") and name != "CHANGELOG.md"]  # that one tells of what was


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)


def quoted(page: str) -> list[str]:
    """What stands between backticks in the sentences of a page, on one line or over two."""
    prose = re.sub(r"^```.*?^```", "", text(page), flags=re.DOTALL | re.MULTILINE)
    return [" ".join(name.split()) for name in re.findall(r"`([^`]+)`", prose)]


def commands(page: str) -> Iterator[str]:
    """The arguments of `vera` in a page's shell examples, without what is marked as optional or left out."""
    for block in [*blocks(page, "sh"), *blocks(page, "")]:
        for line in block.replace("\\\n", " ").splitlines():
            if call := re.search(r"^(?:[\w./-]+/|.* -m )?vera (.*)", line):
                yield re.sub(r"\[[^]]*\]", "", call.group(1))


COMMANDS = [(page, command) for page in PAGES for command in commands(page) if "..." not in command]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_is_taken(page: str, command: str) -> None:
    words = shlex.split(command, comments=True)
    vera.cli.build_app().parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_an_example_calls_what_there_is(page: str) -> None:
    for code in blocks(page, "python"):
        nodes = list(ast.walk(ast.parse(code)))
        names: dict[str, object] = {}
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(ast.unparse(node), names)
        for node in nodes:
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] in names:
                function = eval(ast.unparse(node.func), names)
                assert not any(isinstance(given, ast.Starred) for given in node.args)
                inspect.signature(function).bind(*node.args, **{given.arg or "": 0 for given in node.keywords})


@pytest.mark.parametrize("page", PAGES)
def test_files_and_names_that_a_page_names_exist(page: str) -> None:
    files = set(tracked())
    missing = []
    for name in quoted(page):
        if re.fullmatch(r"(?:src|tests|benchmarks|recipes|examples|docs|web|integrations)/[\w./-]+", name):
            fits = name in files or any(file.startswith(name.rstrip("/") + "/") for file in files)
            if not (fits or "NAME" in name):
                missing.append(name)
        elif dotted := re.match(r"vera(?:\.\w+)+(?![\w/.-])", name):
            missing += [] if exists(dotted.group()) else [name]
    for module in re.findall(r"python -m (benchmarks[\w.]*\w)", text(page)):
        missing += [] if {f"{module.replace('.', '/')}{end}" for end in (".py", "/__main__.py")} & files else [module]
    for script in re.findall(r"python (?:-m pytest )?((?:benchmarks|tests|examples)/[\w/.]*\w)", text(page)):
        missing += [] if (ROOT / script).exists() else [script]
    assert not missing


def exists(dotted: str) -> bool:
    """Whether this is a module of Vera or something in one."""
    found: object = vera
    for index, part in enumerate(names := dotted.split(".")):
        if index and not hasattr(found, part):
            try:
                found = importlib.import_module(".".join(names[: index + 1]))
            except ImportError:
                return False
        elif index:
            found = getattr(found, part)
    return True


PLANS = re.findall(r"^`vera (train [^`]+ --plan[^`]*)`:\n\n```\n([^`]*)```", text("docs/training.md"), re.MULTILINE)


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize(("command", "printed"), PLANS)
def test_a_plan_that_a_page_shows_is_what_the_command_prints(
    command: str, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A change of attention on CPUs had changed the memory that plans give for GPUs."""
    monkeypatch.chdir(ROOT)
    assert vera.cli.main(shlex.split(command)) == 0
    assert capsys.readouterr().out == printed
