"""How long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # stage, done, total


def shares(progress: Progress | None, count: int) -> list[Progress | None]:
    """Give each of `count` works of equal length a way to tell `progress` how far they are together."""
    if progress is None or count == 1:
        return [progress] * count
    done: dict[str, list[int]] = {}

    def share(number: int) -> Progress:
        def report(stage: str, here: int, total: int) -> None:
            each = done.setdefault(stage, [0] * count)
            each[number] = here
            progress(stage, sum(each), total * count)

        return report

    return [share(number) for number in range(count)]
