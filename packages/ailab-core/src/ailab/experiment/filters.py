"""The language of ``ailab list 'loss < 0.3 and train.batch_size == 64'``, a small, safe part of Python's expressions.

    from ailab.experiment.filters import Filter

    good = Filter("min(val_loss) < 0.3 and 'baseline' in tags and created > '2d ago'")
    good.matches(subject)

Names are a run's own facts (``state``, ``experiment``, ``id``, ``created``, ``tags``, ...), its metrics' last values
and the paths of its configuration, in this order; a metric with a slash is written as it is (``val/loss``). Nothing
is ever executed: the expression is taken apart, and whatever is not on a short list is refused.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ailab.experiment.filter_values import compare, contains

__all__ = ["REDUCTIONS", "Filter", "FilterError", "Subject"]

_LONGEST = 2000
_DEEPEST = 50

REDUCTIONS = ("min", "max", "mean", "first", "last", "count")
"""What may be asked of all values of a metric, as in ``min(loss)``. NaN is left out of the first three."""

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne, ast.Is: operator.eq, ast.IsNot: operator.ne,
}  # fmt: skip
# No power: a few characters of it keep a processor busy for ever.
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip

_Evaluate = Callable[["Subject"], Any]


class FilterError(ValueError):
    """A filter cannot be understood; the message says where and what is known."""


class Subject(Protocol):
    """A run as a filter sees it."""

    def look_up(self, name: str) -> Any:
        """The value behind a name; None if the run has nothing of this name."""

    def reduce(self, metric: str, how: str) -> float | None:
        """One of `REDUCTIONS` of a metric's values; None if there is no such metric or it has no values."""


class Filter:
    """A parsed filter, for any number of runs.

    Args:
        text: the expression; empty matches everything.
        called: what its errors call it.

    Attributes:
        names: what it looks up, in order, each once.

    Raises:
        FilterError: it is no expression, or uses what the language does not have.
    """

    def __init__(self, text: str, called: str = "filter") -> None:
        if len(text) > _LONGEST:
            raise FilterError(f"a {called} has at most {_LONGEST} characters, got {len(text)}")
        self._called = called
        text = self.text = " ".join(text.split("\n")).strip()
        self.names: list[str] = []
        self._columns: dict[str, int] = {}
        self._found: set[str] = set()
        self._within: dict[str, set[str]] = {}  # name → the names with slashes that it was typed in
        try:
            tree = ast.parse(text or "True", mode="eval")
        except SyntaxError as error:
            raise FilterError(self._unread(error)) from None
        except (ValueError, RecursionError, MemoryError):
            raise FilterError(f"the {called} {text[:80]!r} cannot be read") from None
        self._evaluate = self._compile(tree.body, 0)

    def __repr__(self) -> str:
        return f"Filter({self.text!r})"

    def matches(self, subject: Subject) -> bool:
        """Whether the run passes. What it does not have is None: unequal to all values, neither smaller nor larger.

        Raises:
            FilterError: a time or a span is compared with a text that is none.
        """
        try:
            return bool(self._evaluate(subject))
        except ValueError as error:
            raise FilterError(f"in the {self._called} {self.text!r}: {error}") from None

    def value(self, subject: Subject) -> Any:
        """What the expression comes to, for sorting and columns."""
        try:
            return self._evaluate(subject)
        except ValueError as error:
            raise FilterError(f"in {self.text!r}: {error}") from None

    def check_names(self, known: Callable[[], Iterable[str]]) -> None:
        """Refuse a name that no run has: misspelt, most likely. Call after all runs were asked.

        Args:
            known: called for the names that there are, if one was not met so far.

        Raises:
            FilterError: naming the first such name, where it stands, and what it is close to.
        """
        doubtful = [name for name in self.names if name not in self._found]
        choices = list(dict.fromkeys(known())) if doubtful else []
        for name in doubtful:
            # Not met only because another part of the expression decided before it, or a part of a name with slashes.
            if any(
                choice == name or choice.startswith(f"{name}.") or choice in self._within.get(name, ())
                for choice in choices
            ):
                continue
            ends = {choice.rpartition(".")[2]: choice for choice in reversed(choices)}
            close = difflib.get_close_matches(name, choices, n=3) or [
                ends[end] for end in difflib.get_close_matches(name.rpartition(".")[2], list(ends), n=3)
            ]
            hint = f"did you mean {' or '.join(close)}?" if close else f"known are {_some(choices)}"
            raise FilterError(self._at(self._columns[name], f"names {name!r}, which no run has; {hint}"))

    # --- inside ---

    def _at(self, column: int, problem: str) -> str:
        return f"the {self._called} {problem}\n  {self.text}\n  {' ' * column}^"

    def _unread(self, error: SyntaxError) -> str:
        # Characters, from 1 on; 0, or more than there are, is the end.
        column = min(error.offset - 1 if error.offset else len(self.text), len(self.text))
        if column == len(self.text) and error.msg == "invalid syntax":
            return self._at(column, "cannot be read: it ends too early")
        if self.text[column : column + 1] == "=":
            return self._at(column, "cannot be read: equal is written ==")
        return self._at(column, f"cannot be read: {error.msg}")

    def _column(self, node: ast.expr) -> int:
        return len(self.text.encode()[: node.col_offset].decode("utf-8", "ignore"))  # of a node Python counts bytes

    def _refuse(self, node: ast.expr, problem: str) -> FilterError:
        return FilterError(self._at(self._column(node), problem))

    def _compile(self, node: ast.expr, depth: int) -> _Evaluate:
        if depth > _DEEPEST:
            raise self._refuse(node, "is nested too deep")

        def inner(part: ast.expr) -> _Evaluate:
            return self._compile(part, depth + 1)

        match node:
            case ast.Constant(value=str() | bool() | int() | float() | None as value):
                return lambda subject: value
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                items = [inner(part) for part in parts]
                return lambda subject: [item(subject) for item in items]
            case ast.BoolOp(op=op, values=parts):
                items = [inner(part) for part in parts]
                combine = all if isinstance(op, ast.And) else any
                return lambda subject: combine(bool(item(subject)) for item in items)
            case ast.UnaryOp(op=ast.Not(), operand=part):
                item = inner(part)
                return lambda subject: not item(subject)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=part):
                item = inner(part)
                factor = -1.0 if isinstance(sign, ast.USub) else 1.0
                return lambda subject: _arithmetic(operator.mul, factor, item(subject))
            case ast.Compare():
                return self._compile_compare(node, inner)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
                return self._compile_arithmetic(node, inner(left), inner(right))
            case ast.Name() | ast.Attribute():
                return self._compile_name(node)
            case ast.Call(func=ast.Name(id=how), args=[of], keywords=[]) if how in (*REDUCTIONS, "abs"):
                return self._compile_call(how, of, inner)
            case ast.Subscript(
                value=ast.Name(id="metric" | "config" | "info" as kind), slice=ast.Constant(value=str() as name)
            ):
                return self._note(f"{kind}.{name}", node)
            case ast.Call():
                raise self._refuse(
                    node, f"calls what is not there; there are {', '.join(REDUCTIONS)} of a metric, and abs"
                )
            case ast.BinOp():
                raise self._refuse(node, "uses an operator that is not there; there are + - * / // %")
        raise self._refuse(
            node,
            f"holds a {type(node).__name__.lower()}; there are names, numbers, texts, lists, comparisons, in, "
            "and, or, not, + - * / // %, and min(loss) and the like",
        )

    def _compile_compare(self, node: ast.Compare, inner: Callable[[ast.expr], _Evaluate]) -> _Evaluate:
        operands = [inner(part) for part in (node.left, *node.comparators)]

        def evaluate(subject: Subject) -> bool:
            values = [operand(subject) for operand in operands]
            for op, left, right in zip(node.ops, values, values[1:], strict=False):
                if isinstance(op, ast.In | ast.NotIn):
                    passed = contains(right, left) is isinstance(op, ast.In)
                else:
                    passed = compare(_COMPARE[type(op)], left, right)
                if not passed:
                    return False
            return True

        return evaluate

    def _compile_arithmetic(self, node: ast.BinOp, left: _Evaluate, right: _Evaluate) -> _Evaluate:
        apply = _ARITHMETIC[type(node.op)]
        slashed = _dotted(node)
        for part in slashed.split("/") if slashed is not None else ():
            self._within.setdefault(part, set()).add(slashed or "")

        def evaluate(subject: Subject) -> Any:
            if slashed is not None:  # val/loss is a metric's name before it is a division
                found = self._look_up(subject, slashed)
                if found is not None:
                    self._found.update(slashed.split("/"))
                    return found
            return _arithmetic(apply, left(subject), right(subject))

        return evaluate

    def _compile_name(self, node: ast.expr) -> _Evaluate:
        name = _dotted(node)
        if name is None:
            raise self._refuse(node, "takes an attribute of something that is no name")
        return self._note(name, node)

    def _compile_call(self, how: str, of: ast.expr, inner: Callable[[ast.expr], _Evaluate]) -> _Evaluate:
        if how == "abs":
            item = inner(of)
            return lambda subject: _arithmetic(lambda a, b: abs(a), item(subject), 0.0)
        name = of.value if isinstance(of, ast.Constant) and isinstance(of.value, str) else _dotted(of)
        if name is None:
            raise self._refuse(of, f"takes {how} of something that is no metric's name")
        self._note(name, of)

        def evaluate(subject: Subject) -> float | None:
            found = subject.reduce(name, how)
            if found is not None:
                self._found.add(name)
            return found

        return evaluate

    def _note(self, name: str, node: ast.expr) -> _Evaluate:
        if name not in self.names:
            self.names.append(name)
            self._columns[name] = self._column(node)
        return lambda subject: self._look_up(subject, name)

    def _look_up(self, subject: Subject, name: str) -> Any:
        found = subject.look_up(name)
        if found is not None:
            self._found.add(name)
        return found


def _dotted(node: ast.expr) -> str | None:
    """The name that was typed: ``loss``, ``train.batch_size`` or ``val/loss``; None if it is none."""
    match node:
        case ast.Name(id=id):
            return id
        case ast.Attribute(value=value, attr=attr):
            before = _dotted(value)
            return None if before is None else f"{before}.{attr}"
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            parts = _dotted(left), _dotted(right)
            return None if None in parts else f"{parts[0]}/{parts[1]}"
    return None


def _arithmetic(apply: Callable[[float, float], float], left: Any, right: Any) -> float | None:
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        return None
    try:
        return apply(float(left), float(right))  # floats, as integers may grow without end
    except ZeroDivisionError:
        return math.nan
    except OverflowError:
        return math.inf


def _some(names: list[str], most: int = 30) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
