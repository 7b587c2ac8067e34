"""A run on disk: how it is laid out, written and read. The contract is ``docs/run-folder.md``."""

from ailab.experiment.record.layout import SCHEMA as SCHEMA
from ailab.experiment.record.layout import RunFolder as RunFolder
from ailab.experiment.record.layout import create_run_folder as create_run_folder
from ailab.experiment.record.layout import discover as discover
from ailab.experiment.record.reader import RunReader as RunReader
from ailab.experiment.record.summary import ImageEvent as ImageEvent
from ailab.experiment.record.summary import MetricSummary as MetricSummary
from ailab.experiment.record.writer import RecordWriter as RecordWriter

__all__ = [
    "SCHEMA",
    "ImageEvent",
    "MetricSummary",
    "RecordWriter",
    "RunFolder",
    "RunReader",
    "create_run_folder",
    "discover",
]
