"""The runs of a server: choosing them, and one in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from ailab.client.connection import Connection, quoted
from ailab.client.types import RunDetail, RunDiff, RunPage, RunSummary

__all__ = ["RunCalls"]


class RunCalls(Connection):
    """What a `Client` can ask about runs."""

    def runs(self, filter: str = "", sort: Sequence[str] = (), page: int = 1000) -> Iterator[RunSummary]:
        """A summary of every run that passes a filter, newest first unless sorted; fetched ``page`` at a time.

        Args:
            filter: such as ``"loss < 0.3 and train.lr == 0.1"``, in the language of ``ailab list``.
            sort: facts, metrics, paths of the configuration or expressions; the first counts most, and ``-`` before
                one means the largest first.

        Raises:
            ServerError: status 422 for a filter or a sort key that cannot be understood; it says where.
        """
        seen: set[str] = set()
        offset, total = 0, 1
        while offset < total:
            found = self.run_page(filter, sort, offset=offset, limit=page)
            # What began since the last page moves the others on: nothing is told twice.
            yield from (run for run in found["runs"] if run["id"] not in seen)
            seen |= {run["id"] for run in found["runs"]}
            offset, total = offset + page, found["total"]

    def run_page(
        self,
        filter: str = "",
        sort: Sequence[str] = (),
        columns: Sequence[str] = (),
        offset: int = 0,
        limit: int | None = None,
    ) -> RunPage:
        """One page of `runs`, and how many fit in all.

        Args:
            columns: what to add of each run, as in ``sort`` without ``-``.
            offset, limit: leave out so many, and then at most so many.
        """
        asked = {"filter": filter or None, "sort": list(_several("sort", sort)),
                 "column": list(_several("columns", columns)), "offset": offset or None, "limit": limit}  # fmt: skip
        # The first question about thousands of runs waits for their files.
        return cast(RunPage, self._call("GET", "/runs", query=asked, seconds=300))

    def run(self, id: str) -> RunDetail:
        """One run's metrics, images, configuration and, if it failed, traceback."""
        return cast(RunDetail, self._call("GET", f"/runs/{quoted(id)}"))

    def image(self, run: str, image: str) -> bytes:
        """The bytes of one picture of a run, a PNG; ``image`` is its id."""
        with self._opened("GET", f"/runs/{quoted(run)}/images/{quoted(image)}") as answer:
            return answer.read()

    def diff(self, runs: Sequence[str]) -> RunDiff:
        """In what two to a hundred runs differ from the first: configuration, data, git, environment."""
        return cast(RunDiff, self._call("GET", "/diff", query={"run": list(_several("runs", runs))}))


def _several(argument: str, values: Sequence[str]) -> Sequence[str]:
    if isinstance(values, str):  # each of its characters would be asked for
        raise TypeError(f"{argument} must be a list of strings, got the string {values!r}")
    return values
