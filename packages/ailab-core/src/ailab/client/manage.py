"""Looking after a server and its runs: tags, notes, the trash, the machine, storage, and who did what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from ailab.client.connection import Connection, quoted
from ailab.client.managed import Annotations, AuditEntry, AuditPage, RunStoragePage, Storage, SystemState, TrashedRun

__all__ = ["ManageCalls"]


class ManageCalls(Connection):
    """What a `Client` can change of runs, and ask about the server. Changes need an operator, the audit an admin."""

    def set_tags(self, run: str, tags: Iterable[str]) -> Annotations:
        """Replace a run's tags."""
        return self._tags(run, tags=list(tags))

    def add_tags(self, run: str, *tags: str) -> Annotations:
        """Add tags to a run; those it has already stay."""
        return self._tags(run, add=list(tags))

    def remove_tags(self, run: str, *tags: str) -> Annotations:
        """Take tags off a run; those it has not are no mistake."""
        return self._tags(run, remove=list(tags))

    def set_notes(self, run: str, text: str) -> Annotations:
        """Replace a run's notes; empty for none."""
        return cast(Annotations, self._call("POST", f"/runs/{quoted(run)}/notes", {"text": text}))

    def trash(self) -> list[TrashedRun]:
        """What is in the workspace's trash, the latest first."""
        return cast(list[TrashedRun], self._call("GET", "/trash")["runs"])

    def trash_runs(self, *runs: str) -> list[TrashedRun]:
        """Move runs to the trash: all of them or, if one is unknown (404) or running (409), none."""
        return cast(list[TrashedRun], self._call("POST", "/trash", {"runs": list(runs)})["runs"])

    def restore_runs(self, *runs: str) -> list[TrashedRun]:
        """Move runs back to where they were, by the ids that they had there."""
        return cast(list[TrashedRun], self._call("POST", "/trash/restore", {"runs": list(runs)})["runs"])

    def system_state(self) -> SystemState:
        """What processors, memory, disks and GPUs do at the moment."""
        return cast(SystemState, self._call("GET", "/system/state"))

    def storage(self) -> Storage:
        """What runs take of the disk, by user and by experiment, as far as they have been measured."""
        return cast(Storage, self._call("GET", "/storage"))

    def run_storage(
        self, user: str | None = None, experiment: str | None = None, offset: int = 0, limit: int = 100
    ) -> RunStoragePage:
        """What each run takes of the disk, the largest first."""
        query = {"user": user, "experiment": experiment, "offset": offset, "limit": limit}
        return cast(RunStoragePage, self._call("GET", "/storage/runs", query=query))

    def audit_page(
        self, before: float | None = None, user: str | None = None, action: str | None = None, limit: int = 100
    ) -> AuditPage:
        """What was done and refused before a time, the newest first."""
        query = {"before": before, "user": user, "action": action, "limit": limit}
        return cast(AuditPage, self._call("GET", "/audit", query=query))

    def audit(self, user: str | None = None, action: str | None = None) -> Iterator[AuditEntry]:
        """All that was done and refused, the newest first, fetched a page at a time."""
        before: float | None = None
        while True:
            page = self.audit_page(before, user, action, 1_000)
            yield from page["entries"]
            before = page["next"]
            if before is None:
                return

    def _tags(self, run: str, **change: list[str]) -> Annotations:
        return cast(Annotations, self._call("POST", f"/runs/{quoted(run)}/tags", change))
