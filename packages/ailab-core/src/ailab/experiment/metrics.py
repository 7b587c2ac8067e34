"""What a run logs most: numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import error as struct_error
from typing import TYPE_CHECKING, Any

from ailab.experiment.converters import FloatConverters
from ailab.experiment.names import check_metric_name
from ailab.experiment.record.metric import AppendMany, Converters, Keys, Series
from ailab.experiment.values import as_step, flattened

if TYPE_CHECKING:
    import pluggy

    from ailab.experiment.record.layout import RunFolder
    from ailab.experiment.record.writer import RecordWriter

__all__ = ["Metrics"]


class Metrics:
    """The part of `ActiveRun` that logs numbers.

    Each method first tries a way that looks at nothing twice, and takes the careful one when that fails.

    Attributes:
        series: what has been logged and may be logged again without another look at its name.
    """

    folder: RunFolder | None
    _log: Callable[..., None]
    _warn: Callable[[str], None]
    _notify: Callable[..., None]
    _require_running: Callable[[], None]
    _record: Callable[[], RecordWriter]

    def __init__(self, plugins: pluggy.PluginManager) -> None:
        self.series: dict[str, Series] = {}
        self._keys = Keys(self.series)
        self._append_many: AppendMany = _nothing_known
        self._floats = FloatConverters(plugins)
        # Asked once: a hook that nobody implements costs a logged value nothing.
        self._on_value = plugins.hook.ailab_value_logged if plugins.hook.ailab_value_logged.get_hookimpls() else None

    def log(self, values: Mapping[str, Any], *, step: int | None = None) -> None:
        """As ``ailab.experiment.logging.log``."""
        if step is not None and type(step) is not int:
            step = as_step("step", step)
        try:
            if self._append_many(self._keys, values, step, self._floats.known):
                return
        except (KeyError, AttributeError, TypeError, ValueError, OverflowError, struct_error):
            pass  # something not seen before, or no number, name or step at all: looked at below
        step = as_step("step", step)
        numbers: dict[str, float] = {}
        for name, value in flattened("values", values):
            if name not in self.series:
                check_metric_name("values", name)
            numbers[name] = self._floats.as_float(name, value)
        try:
            at_once = self._append_many(self._keys, numbers, step, self._floats.known)
        except KeyError:
            at_once = False
        for name, number in () if at_once else numbers.items():
            self._log_number(name, number, step, False)
        if self._on_value is None and self.folder is not None:
            self._learn(self._keys, values, "")

    def log_value(self, name: str, value: Any, *, step: int | None = None, primary: bool = False) -> None:
        """As ``ailab.experiment.logging.log_value``."""
        try:
            series = self.series[name]
            number = value if type(value) is float else self._floats.known[type(value)](value)
            if (
                (step is None or type(step) is int)
                and (not primary or series.primary)
                and (number - number == 0.0 or series.flagged)
            ):
                series.write(series, number, step)
                return
        except (KeyError, TypeError, ValueError, OverflowError, struct_error):
            pass  # not seen before, or no name or number at all, or no step: looked at below
        name = check_metric_name("name", name)
        number = self._floats.as_float("value", value)
        self._log_number(name, number, as_step("step", step), bool(primary))

    def _log_number(self, name: str, number: float, step: int | None, primary: bool) -> None:
        self._require_running()
        if self.folder is None:
            return
        writer = self._record()
        step, now = writer.scalar(name, number, step, primary)
        series = writer.series(name, primary)
        if number - number != 0.0 and not series.flagged:
            series.flagged = True
            self._warn(f"{name} is {number} at step {step}; further ones of this metric are kept and not reported")
            self._log("nonfinite", name=name, step=step, value=str(number))
        if self._on_value is None:
            self.series[name] = series
            self._append_many = writer.append_many
        else:
            self._notify(self._on_value, run=self, name=name, value=number, step=step, time=now, primary=primary)

    def _learn(self, keys: Keys, values: Mapping[str, Any], prefix: str) -> None:
        for name, value in values.items():
            if isinstance(value, Mapping):
                self._learn(keys.below.setdefault(name, Keys()), value, f"{prefix}{name}/")
            elif prefix and (series := self.series.get(prefix + name)) is not None:
                keys.series[name] = series

    def _forget_metrics(self) -> None:
        """What is logged from now on is looked at: the run is over, or this is a forked child of its process."""
        self._append_many = _nothing_known
        self._keys.clear()


def _nothing_known(keys: Keys, values: Mapping[str, Any], step: int | None, converters: Converters) -> bool:
    """How a dict is logged before anything was."""
    return False
