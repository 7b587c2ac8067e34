"""What a run logged besides numbers and images: texts, tables, histograms, files."""

from ailab_server.models.base import Answer, Number

__all__ = [
    "Histogram",
    "HistogramList",
    "HistogramName",
    "LoggedFile",
    "LoggedFileList",
    "Table",
    "TableList",
    "TablePage",
    "Text",
    "TextContent",
    "TextList",
]


class Text(Answer):
    """A text: its first 200 ``characters``, of how many; the whole is at ``/runs/{run}/texts/{id}``."""

    id: str
    name: str
    step: int | None
    time: float
    text: str
    characters: int


class TextList(Answer):
    """The texts of a run, in the order they were logged; the latest 10,000."""

    texts: list[Text]


class TextContent(Answer):
    """A whole text."""

    id: str
    name: str
    step: int | None
    time: float
    text: str


class Table(Answer):
    """A table; its rows are at ``/runs/{run}/tables/{id}``, and as CSV at ``/runs/{run}/tables/{id}/csv``."""

    id: str
    name: str
    step: int | None
    time: float
    columns: list[str]
    rows: int


class TableList(Answer):
    """The tables of a run, in the order they were logged; the latest 10,000."""

    tables: list[Table]


class TablePage(Answer):
    """Some rows of a table, from ``offset`` on of ``total``, each with a text for each column."""

    id: str
    columns: list[str]
    rows: list[list[str]]
    offset: int
    total: int


class HistogramName(Answer):
    """A name under which histograms were logged, and how many."""

    name: str
    count: int


class Histogram(Answer):
    """How many values lay between each two ``edges`` (one more than ``counts``); ``nonfinite`` were in no bin."""

    name: str
    step: int | None
    time: float
    edges: list[Number]
    counts: list[int]
    nonfinite: int


class HistogramList(Answer):
    """Under which names a run logged histograms; and those of the name that was asked for, evenly thinned."""

    names: list[HistogramName]
    histograms: list[Histogram]


class LoggedFile(Answer):
    """A file that was logged, of ``size`` bytes, which are at ``/runs/{run}/files/{id}``."""

    id: str
    name: str
    step: int | None
    time: float
    size: int


class LoggedFileList(Answer):
    """The files of a run, in the order they were logged; the latest 10,000."""

    files: list[LoggedFile]
