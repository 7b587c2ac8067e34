"""Filter, sort, columns and pages of ``GET /runs``."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab_server.query import facts
from ailab_server.workspace import poll

from .conftest import answer


@pytest.fixture
def four(logged: Callable[..., Any]) -> list[str]:
    """Names of: two finished runs, a failed one with a name that needs care, and one that goes on."""
    names = []
    for number, (loss, lr) in enumerate([(0.5, 0.1), (0.2, 0.01)]):
        with logged(lr=lr, seed=number, tags=["good", f"n{number}"]) as run:
            for value in (9.0, loss + 1, loss):
                run.log_value("loss", value, primary=True)
        names.append(run.folder.path.name)
    try:
        with logged("other", lr="high") as run:
            run.log_value("val/acc top-5!", math.nan)
            raise ValueError("no luck")
    except ValueError:
        names.append(run.folder.path.name)
    return names


def chosen(app: Any, **params: Any) -> list[str]:
    return [run["name"] for run in answer(app, "/runs", **params)["runs"]]


QUESTIONS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [2, 1, 0]),
    ({"filter": "loss < 0.3"}, [1]),
    ({"filter": "min(loss) > 0.3 and count(loss) == 3"}, [0]),
    ({"filter": "first(loss) == 9 and max(loss) == 9"}, [1, 0]),
    ({"filter": "train.lr == 0.1 or experiment == 'other'"}, [2, 0]),
    ({"filter": "state == 'failed' and 'luck' in error"}, [2]),
    ({"filter": "'n1' in tags"}, [1]),
    ({"filter": "created > '1h ago' and duration < '1h'"}, [2, 1, 0]),
    ({"filter": "info.schema == 1 and user == info.user and host == info.host"}, [2, 1, 0]),
    ({"sort": "loss"}, [1, 0, 2]),
    ({"sort": "-loss"}, [0, 1, 2]),
    ({"sort": ["experiment", "-train.seed"]}, [1, 0, 2]),
    ({"sort": "created"}, [0, 1, 2]),
    ({"offset": 1}, [1, 0]),
    ({"offset": 1, "limit": 1}, [1]),
    ({"limit": 0}, []),
    ({"offset": 7}, []),
    ({"sort": "loss", "filter": "loss > 0", "offset": 1}, [0]),
]


def test_what_is_asked_for(four: list[str], opened: Any) -> None:
    app, _ = opened()
    for params, expected in QUESTIONS:
        assert chosen(app, **params) == [four[number] for number in expected], params


def test_the_answer_says_how_many_there_are_and_what_the_columns_hold(four: list[str], opened: Any) -> None:
    app, _ = opened()
    columns = ["loss", "min(loss)", "train.lr", "val/acc top-5!", "tags", "created", "arch.model", "loss - 1"]
    found = answer(app, "/runs", column=columns, filter="duration >= 0", limit=2)
    assert (found["total"], found["offset"], found["columns"]) == (3, 0, columns)
    runs = answer(app, "/runs")
    assert (runs["total"], runs["columns"], runs["values"]) == (3, [], [])
    assert found["runs"] == runs["runs"][:2]
    failed, second = found["values"]
    assert failed[:5] == [None, None, "high", "NaN", []]
    assert second[:5] == [0.2, 0.2, 0.01, None, ["good", "n1"]]
    assert second[5] == runs["runs"][1]["created"]
    assert second[6] == {"$function": "builtins:print"}
    assert second[7] == pytest.approx(-0.8)


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"filter": "los < 1"}, "names 'los', which no run has; did you mean loss?\n  los < 1\n  ^"),
    ({"filter": "loss <"}, "cannot be read"),
    ({"filter": "loss.__class__()"}, "calls what is not there"),
    ({"filter": "created > 'soon'"}, "expected a time such as"),
    ({"filter": "x" * 2001}, "at most 2000 characters"),
    ({"sort": "lss"}, "which no run has"),
    ({"sort": ["loss"] * 11}, "at most 10"),
    ({"sort": "-"}, "a name is empty"),
    ({"column": "nope"}, "which no run has"),
    ({"column": "val acc"}, "cannot be read"),
    ({"offset": -1}, "greater than or equal to 0"),
    ({"limit": "x"}, "valid integer"),
]


def test_what_cannot_be_understood_says_where(four: list[str], opened: Any) -> None:
    app, _ = opened()
    for params, says in MISTAKES:
        problem = answer(app, "/runs", 422, **params)
        assert says in problem["detail"], params
        assert problem["status"] == 422


def test_a_run_that_goes_on_is_found_by_what_it_says_now(
    new_run: Callable[..., Any], opened: Any, eventually: Callable[..., Any]
) -> None:
    run = new_run()
    run.value("loss", 3.0)
    app, _ = opened()
    assert len(chosen(app, filter="state == 'running' and min(loss) == 3")) == 1
    run.value("loss", 1.0)
    run.value("new", 1.0)
    # A name that no run has is refused until one has it.
    eventually(lambda: app.client.get("/runs?filter=new == 1").status_code == 200)
    eventually(lambda: chosen(app, filter="min(loss) == 1 and first(loss) == 3 and new == 1 and count(loss) == 2"))
    run.end()
    eventually(lambda: chosen(app, filter="state == 'finished' and min(loss) == 1"))


def test_a_tag_that_is_set_later_is_found(four: list[str], opened: Any, eventually: Any, workspace: Path) -> None:
    from ailab.experiment import Workspace

    app, _ = opened()
    assert chosen(app, filter="'late' in tags") == []
    Workspace(workspace).run(four[0]).set_tags(["late"])
    assert eventually(lambda: chosen(app, filter="'late' in tags")) == [four[0]]


def settled(opened: Any) -> Any:
    """An app in which no run is followed any more: what is asked of them is kept on the disk."""
    app, _ = opened()
    end = time.monotonic() + 20
    while app.services.workspace.store.live:
        assert time.monotonic() < end
        time.sleep(0.02)
    return app


def test_facts_outlive_the_server_and_are_read_no_second_time(
    four: list[str], opened: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll, "SETTLE_SECONDS", 0.0)
    app = settled(opened)
    question = {"filter": "min(loss) < 0.4 and train.lr < 1", "column": ["info.schema", "max(loss)", "tags"]}
    first = answer(app, "/runs", **question)
    assert first["values"] == [[1, 9.0, ["good", "n1"]]]

    def refuse(*_: Any) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(facts.Deep, "of_files", refuse)
    again, _ = opened()
    found = answer(again, "/runs", **question)
    assert found["values"] == first["values"]
    cache = next(iter(app.services.index._cache.path.parent.glob("facts-*")))
    damaged = bytearray(cache.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    cache.write_bytes(damaged)
    monkeypatch.undo()
    third, _ = opened()
    assert answer(third, "/runs", **question)["values"] == first["values"]


def test_what_changed_while_no_server_ran_is_read_again(
    four: list[str], opened: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll, "SETTLE_SECONDS", 0.0)
    app = settled(opened)
    assert chosen(app, filter="train.lr == 0.1") == [four[0]]
    config = workspace / "digits" / four[0] / "config.json"
    content = json.loads(config.read_text())
    content["train"]["lr"] = 0.75
    config.write_text(json.dumps(content))
    again = settled(opened)
    assert chosen(again, filter="train.lr == 0.1 or experiment == 'none'") == []
    assert chosen(again, filter="train.lr == 0.75") == [four[0]]


def test_damaged_and_hostile_runs_are_passed_over(
    four: list[str], opened: Any, workspace: Path, new_run: Callable[..., Any]
) -> None:
    deep: Any = {}
    for _ in range(400):
        deep = {"a": deep}
    run = new_run(config=deep, user=["no"], host={"x": 1})
    run.end()
    flood = new_run(config={f"k{number}": "v" * 1000 for number in range(2000)})
    flood.value("loss", 0.001)
    flood.end()
    damaged = new_run()
    damaged.end()
    (damaged.path / "config.json").write_bytes(b"\xff{[")
    (damaged.path / "streams" / "x.jsonl").write_bytes(b'{"type": "metric", "time": 1, "id": 0, "name": "\\ud800"}\n')
    (damaged.path / "streams" / "x.scalars").symlink_to("/dev/zero")
    app, _ = opened()
    assert len(chosen(app, filter="loss < 0.01")) == 1
    found = answer(app, "/runs", column=["train", "k1", "loss"], sort="-loss")
    assert found["total"] == 6
    assert [row[2] for row in found["values"]][:3] == [0.5, 0.2, 0.001]
    assert found["values"][2][1] == "v" * 1000
    assert max(len(json.dumps(row)) for row in found["values"]) < 10_000
    assert len(chosen(app, filter="min(loss) < 100", sort="max(loss)")) == 3
