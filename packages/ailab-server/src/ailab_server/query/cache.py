"""Facts of runs that are over, on the local disk."""

from pathlib import Path

from ailab_server.workspace.cache import SummaryCache

__all__ = ["FactsCache"]


class FactsCache(SummaryCache):
    """As the cache of rows, in a file beside it; ``row`` is what `Deep.to_bytes` made."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        super().__init__(folder, workspace)
        self.path = self.path.with_name(self.path.name.replace("summaries", "facts"))
