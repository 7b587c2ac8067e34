"""One object that holds every parameter of an experiment."""

from __future__ import annotations

import copy
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar, Self

from ailab import current
from ailab.errors import shown
from ailab.experiment.config_types import check_field, field_types, looks_like
from ailab.experiment.encode import to_jsonable

__all__ = ["Config", "ConfigPart", "IncompleteConfigError"]

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)\}|([A-Za-z_]\w*))")
_MISSING = object()

# The Configs that `from_cli` is building: what they lack may still come from a file or the command line.
_building: ContextVar[list[Config] | None] = ContextVar("_building", default=None)


class IncompleteConfigError(ValueError):
    """A Config lacks fields. ``problems`` holds a line for each."""

    def __init__(self, name: str, problems: list[str]) -> None:
        self.problems = problems
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{name} is not complete; mend these fields in its __init__:{lines}")


class ConfigPart:
    """A named group of parameters: plain attributes, nested as deep as you like.

    ``$NAME`` and ``${NAME}`` in a string become the environment variable's value (``$$`` is a dollar sign). A subclass
    may annotate fields: what is set is checked against the annotation by pydantic, and one annotated without a value is
    required, like those that `Config` lists. ``class Data(ConfigPart, closed=True)`` has the annotated fields and no
    others.

    Args:
        **fields: the first attributes.
    """

    _closed: ClassVar[bool] = False

    def __init_subclass__(cls, closed: bool | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if closed is not None:
            cls._closed = closed

    def __init__(self, **fields: Any) -> None:
        for cls in type(self).__mro__:
            for name, value in _class_fields(cls).items():
                if name not in self.__dict__ and isinstance(value, ConfigPart | list | dict | set):
                    # Of its own: what one instance changes must not change the class, and so all others.
                    self.__dict__[name] = copy.deepcopy(value)
        for name, value in fields.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__dict__.get("_frozen"):
            raise RuntimeError(
                f"cannot set {name} to {shown(value)}: the Config is frozen, as a run keeps it in config.json. "
                "Set it before log.setup(config=config)."
            )
        if not name.startswith("_"):
            self._check_name(name)
            value = check_field(type(self), name, _expand(name, value) if isinstance(value, str) else value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if self.__dict__.get("_frozen"):
            raise RuntimeError(f"cannot delete {name}: the Config is frozen, as a run keeps it in config.json")
        object.__delattr__(self, name)

    def _check_name(self, name: str) -> None:
        """Refuse a new field that is certainly a misspelt one.

        Raises:
            AttributeError: naming what it is close to.
        """
        typed = field_types(type(self))
        if name in self.__dict__ or name in typed:
            return
        known = [*typed, *(field for field in self.__dict__ if not field.startswith("_"))]
        close = looks_like(name, known, certain=not self._closed)
        if self._closed or close:
            hint = f"did you mean {close!r}?" if close else f"it has: {', '.join(typed)}"
            raise AttributeError(f"{type(self).__name__} has no field {name!r}; {hint}")

    def __getattr__(self, name: str) -> Any:
        # Only reached when the normal look-up fails. Any is what lets type checkers accept the open set of fields.
        if name.startswith("__"):
            raise AttributeError(name)
        import difflib  # late, as hashlib below: neither is needed to start a run

        close = difflib.get_close_matches(name, list(self.to_dict()), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"{type(self).__name__} has no field {name!r}{hint}")

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError as error:
            raise KeyError(str(error)) from None

    def __bool__(self) -> bool:
        """False for a part without fields, such as `get` returns for one that is not set."""
        return bool(self.to_dict())

    def get(self, name: str, default: Any = _MISSING) -> Any:
        """The field ``name``, dots leading into parts; if it is not set, ``default``, or else an empty ConfigPart."""
        found: Any = self
        for part in name.split("."):
            found = getattr(found, part, _MISSING) if isinstance(found, ConfigPart) else _MISSING
        if found is not _MISSING:
            return found
        return ConfigPart() if default is _MISSING else default

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict, nested parts as dicts, everything else as it is."""
        fields = {name: value for cls in reversed(type(self).__mro__) for name, value in _class_fields(cls).items()}
        fields |= {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        return {name: value.to_dict() if isinstance(value, ConfigPart) else value for name, value in fields.items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], load: bool = True) -> Self:
        """The part that was written as ``content``, such as a run's ``config``; ``__init__`` is not called.

        Dicts become parts. Classes and functions are imported by their names, which runs code: with ``load=False`` they
        stay ``{"$class": "module:name"}``.

        Raises:
            ValueError: a class or function cannot be found, or a value does not fit its annotation.
        """
        from ailab.experiment.decode import from_jsonable

        part = object.__new__(cls)
        types = field_types(cls)
        for name, value in content.items():
            if isinstance(value, Mapping) and not next(iter(value), "").startswith("$"):
                kind = types.get(name)
                below = kind if isinstance(kind, type) and issubclass(kind, ConfigPart) else ConfigPart
                part.__dict__[name] = below.from_dict(value, load)
            else:  # past __setattr__: a dollar sign in what was recorded is a dollar sign
                found = from_jsonable(value, load)
                part.__dict__[name] = check_field(cls, name, found) if load else found
        return part

    def diff(self, other: ConfigPart | Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """The fields in which the two differ: dotted path to this one's and the other's value, as in config.json.

        What only one of them has is ``ailab.experiment.difference.ABSENT`` in the other.
        """
        from ailab.experiment.difference import changes

        content = other.to_dict() if isinstance(other, ConfigPart) else other
        found = changes(to_jsonable(self.to_dict()), to_jsonable(content))
        return {change.path: (change.a, change.b) for change in found}

    def hash(self, without: Sequence[str] = ()) -> str:
        """Sixteen hexadecimal digits that are the same for the same fields, in any process and whatever their order.

        Args:
            without: dotted paths that do not count, such as ``["train.seed"]``.
        """
        import hashlib

        from ailab.experiment.settings import flatten

        fields = flatten(to_jsonable(self.to_dict()))
        kept = {
            path: value
            for path, value in fields.items()
            if not any(path == left or path.startswith(f"{left}.") for left in without)
        }
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]

    def to_json(self, indent: int | None = 2) -> str:
        """The fields as strict JSON; classes and functions by their qualified name."""
        return json.dumps(to_jsonable(self.to_dict()), indent=indent, allow_nan=False)

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, ConfigPart) else NotImplemented

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_json()})"

    def __copy__(self) -> ConfigPart:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> ConfigPart:
        """A copy that can be changed, even of a frozen part: the way to a second run with other parameters."""
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        for name, value in self.__dict__.items():
            if name != "_frozen":
                # Containers are part of the Config; models and datasets in it are things of their own.
                copied = isinstance(value, ConfigPart | list | dict | set)
                twin.__dict__[name] = copy.deepcopy(value, memo) if copied else value
        return twin

    def _freeze(self) -> None:
        for value in self.__dict__.values():
            if isinstance(value, ConfigPart):
                value._freeze()
        object.__setattr__(self, "_frozen", True)

    def _missing(self, prefix: str = "") -> list[str]:
        """The annotated fields without a value, here and below, as dotted names."""
        names = [
            name
            for cls in type(self).__mro__
            for name in cls.__dict__.get("__annotations__", {})
            if not name.startswith("_") and not hasattr(self, name)
        ]
        for name, value in self.__dict__.items():
            if isinstance(value, ConfigPart):
                names += value._missing(f"{name}.")
        return [prefix + name for name in names]


class Config(ConfigPart):
    """Every parameter of an experiment.

    Subclass it, set your own in ``__init__`` and end that with ``self.check_completness()``.

    Fields that come with it: ``train.batch_size`` (samples, 1), ``train.experiment_name`` (the class's name),
        ``train.checkpoint_path`` (the
    workspace folder; ``AILAB_WORKSPACE`` goes before it), ``train.epochs`` (50), ``train.log_steps`` (100),
    ``train.learning_rate`` (``type``,
    ``start_value``, ``end_value``), ``train.optimizer`` (``type``); ``arch.model``, ``arch.loss``, ``arch.metrics`` and
    ``arch.prepare`` (yours to
    set); ``problem.base_dir``, where the data lie, if anywhere.
    """

    train: ConfigPart
    arch: ConfigPart
    problem: ConfigPart

    def __init__(self) -> None:
        super().__init__()
        self.train = ConfigPart(
            batch_size=1,
            experiment_name=type(self).__name__,
            checkpoint_path="checkpoints",
            epochs=50,
            log_steps=100,
            learning_rate=ConfigPart(type="const", start_value=0.001, end_value=0.0001),
            optimizer=ConfigPart(type="adam"),
        )
        self.arch = ConfigPart(model=None, loss=None, metrics=None, prepare=None)
        self.problem = ConfigPart(base_dir=None)
        _hooks().ailab_config_defaults(config=self)

    @classmethod
    def from_cli(cls, arguments: Sequence[str] | None = None) -> Self:
        """A Config with the fields that a file, the environment and the command line override, in this order.

        ``train.py train.batch_size=64 --config big.json``; ``config.train.batch_size=64`` and
        ``--train.batch_size=64`` are the same, ``+train.new=1`` adds a field, ``--help`` lists them.
        ``AILAB_CONFIG_FILE`` names a file too, and ``AILAB_CONFIG__train__batch_size=64`` is an override in the
        environment. Texts become what the annotation or the value so far is. Completeness is checked at the end, if
        ``__init__`` checks it.

        Args:
            arguments: default: those of this program, ``sys.argv[1:]``.

        Raises:
            ValueError: an argument, variable or file cannot be understood, names a field that is not there (saying
            what it is close to), or has a value that does not fit.
            IncompleteConfigError: as `check_completeness`.
        """
        from ailab.experiment import config_layers as layers

        given = sys.argv[1:] if arguments is None else list(arguments)
        checked: list[Config] = []
        token = _building.set(checked)
        try:
            config = cls()
        finally:
            _building.reset(token)
        if "-h" in given or "--help" in given:
            sys.stdout.write(layers.describe(config))
            raise SystemExit(0)
        overrides, file = layers.from_arguments(given)
        if file is None and (named := os.environ.get(layers.FILE_VARIABLE)):
            file = Path(named)
        if file is not None:
            layers.apply_overrides(config, layers.from_file(file))
        layers.apply_overrides(config, [*layers.from_environment(), *overrides])
        if recorded := os.environ.get(layers.RECORDED_VARIABLE):
            layers.apply_recorded(config, Path(recorded))
        if any(one is config for one in checked):
            config.check_completeness()
        return config

    def check_completeness(self) -> None:
        """Check that nothing is missing, and make this the Config in use.

        Raises:
            IncompleteConfigError: listing at once every field that is missing or cannot be right.
        """
        if (building := _building.get()) is not None:
            building.append(self)
            return
        required = [
            "train.experiment_name",
            "train.checkpoint_path",
            "train.batch_size",
            "train.epochs",
            "train.optimizer.type",
            "train.learning_rate.type",
            "train.learning_rate.start_value",
            *(["train.learning_rate.end_value"] if _at(self, "train.learning_rate.type") == "exponential" else []),
            "arch.model",
            "arch.loss",
            "arch.metrics",
            "arch.prepare",
        ]
        problems = [f"{path} is not set" for path in required if _at(self, path) is None]
        try:
            problems += [f"{path} is not set" for path in self._missing() if path not in required]
        except RecursionError:
            problems.append("a part holds itself; a Config must be a tree to become config.json")
        for path in ("train.batch_size", "train.epochs"):
            value = _at(self, path)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                problems.append(f"{path} must be a whole number of at least 1, got {shown(value)}")
        for found in _hooks().ailab_config_problems(config=self):
            problems += found
        if problems:
            raise IncompleteConfigError(type(self).__name__, problems)
        current.use_config(self)

    # The spelling that the project's users have typed since its first version.
    check_completness = check_completeness

    def freeze(self) -> None:
        """Refuse changes from now on. ``log.setup`` does this; ``copy.copy`` gives one that can be changed."""
        self._freeze()


def changed_inside(part: ConfigPart, written: Any, prefix: str = "") -> list[str]:
    """The lists, dicts and sets in ``part`` that are no longer as they were written: freezing cannot reach into them.

    Args:
        written: what `to_dict` gave then, as JSON.
    """
    found: list[str] = []
    for name, value in part.__dict__.items():
        before = written.get(name, _MISSING) if isinstance(written, dict) else _MISSING
        if isinstance(value, ConfigPart):
            found += changed_inside(value, before, f"{prefix}{name}.")
        elif isinstance(value, list | dict | set) and before is not _MISSING:
            now = to_jsonable(value)
            # What stands for an object says how it looks, and with plugins is theirs to say: neither is a change.
            if now != before and "$object" not in json.dumps(now):
                found.append(prefix + name)
    return found


def _hooks() -> Any:
    from ailab.plugins import shared_manager  # late: importing ailab.experiment looks for no plugins

    return shared_manager().hook


def _at(part: Any, path: str) -> Any:
    for name in path.split("."):
        part = getattr(part, name, None) if isinstance(part, ConfigPart) else None
    return part


def _class_fields(cls: type) -> dict[str, Any]:
    """The annotated fields that a class gives a value."""
    annotated = cls.__dict__.get("__annotations__", {})
    return {name: cls.__dict__[name] for name in annotated if name in cls.__dict__ and not name.startswith("_")}


def _expand(name: str, value: str) -> str:
    def variable(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        wanted = match[2] or match[3]
        if wanted not in os.environ:
            raise ValueError(
                f"{name}={value!r} uses the environment variable {wanted}, which is not set; "
                "set it, or write $$ for a dollar sign"
            )
        return os.environ[wanted]

    return _VARIABLE.sub(variable, value)
