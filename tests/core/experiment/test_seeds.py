from __future__ import annotations

from collections.abc import Callable

import pytest

from ailab.experiment import Run, Workspace
from ailab.experiment.seeds import independent, is_seed, seed_groups


def test_runs_that_differ_in_the_seed_alone(record: Callable[..., Run]) -> None:
    runs = [
        record({"loss": [1.0]}, seed=0),
        record({"loss": [2.0]}, seed=0, batch_size=2),
        record({"loss": [3.0]}, seed=1),
        record(seed=2, data_seed=5),
        record({"loss": [9.0]}, seed=0, experiment="other"),
    ]
    groups = seed_groups(runs)
    assert [[run.id for run in group.runs] for group in groups] == [
        [runs[0].id, runs[2].id, runs[3].id],
        [runs[1].id],
        [runs[4].id],
    ]
    assert groups[0].lasts("loss") == [1.0, 3.0]
    assert groups[0].primary == "loss"
    assert groups[0].seeds == [{"train.seed": 0}, {"train.seed": 1}, {"train.seed": 2, "train.data_seed": 5}]


def test_only_finished_runs_with_seeds_of_their_own_count(record: Callable[..., Run]) -> None:
    one = record({"loss": [1.0]}, seed=0)
    record({"loss": [1.0]}, seed=0)  # the same again is no second sample
    two = record({"loss": [3.0]}, seed=1)
    record({"loss": [9.0]}, seed=2, end={"state": "failed", "error": "no"})
    (group,) = seed_groups(Workspace(one.path.parent.parent).runs(reverse=True))
    assert len(group.runs) == 4
    assert [run.id for run in group.counted] == [one.id, two.id]
    assert group.lasts("loss") == [1.0, 3.0]


def test_runs_without_a_seed_all_count_and_unfinished_ones_where_there_are_no_others(
    record: Callable[..., Run],
) -> None:
    runs = [record({"loss": [1.0]}), record({"loss": [2.0]}, seed=None)]
    assert independent(runs) == runs
    failed = [record({"loss": [float(i)]}, seed=i, end={"state": "failed", "error": "no"}) for i in range(2)]
    assert seed_groups(failed)[0].lasts("loss") == [0.0, 1.0]


@pytest.mark.parametrize(
    ("path", "seed"),
    [("seed", True), ("train.seed", True), ("data.shuffle_seed", True), ("seed_init", True), ("a.Seed", True),
     ("train.seeding", False), ("seed.kind", False), ("train.reseed", False)],
)  # fmt: skip
def test_what_is_a_seed(path: str, seed: bool) -> None:
    assert is_seed(path) is seed
