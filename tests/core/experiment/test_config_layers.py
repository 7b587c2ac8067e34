from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ailab import current
from ailab.experiment import Config, ConfigPart, IncompleteConfigError
from ailab.experiment.config_layers import describe


class Model:
    pass


class Typed(ConfigPart):
    count: int = 3
    label: str = "x"
    sizes: list[int] = [1]  # noqa: RUF012 - as users write it
    maybe: int | None = None


class Mine(Config):
    def __init__(self) -> None:
        super().__init__()
        self.train.flip = False
        self.train.sizes = [1, 2]
        self.typed = Typed()
        self.table = {"a": 1}
        self.arch.model = Model
        self.arch.loss = len
        self.arch.metrics = []
        self.arch.prepare = dict
        self.check_completness()


def get(config: Config, path: str) -> Any:
    return config.get(path, "nothing")


@pytest.mark.parametrize(
    ("argument", "path", "value"),
    [
        ("config.train.batch_size=64", "train.batch_size", 64),
        ("train.batch_size=64", "train.batch_size", 64),
        ("--train.batch_size=64", "train.batch_size", 64),
        ("train.learning_rate.start_value=1", "train.learning_rate.start_value", 1.0),
        ("train.learning_rate.start_value=1e-4", "train.learning_rate.start_value", 1e-4),
        ("train.flip=yes", "train.flip", True),
        ("train.sizes=[3]", "train.sizes", [3]),
        ("train.experiment_name=12", "train.experiment_name", "12"),
        ("train.experiment_name=a=b", "train.experiment_name", "a=b"),
        ("typed.count=7", "typed.count", 7),
        ("typed.label=7", "typed.label", "7"),
        ("typed.sizes=[1, 2]", "typed.sizes", [1, 2]),
        ("typed.maybe=5", "typed.maybe", 5),
        ("typed.maybe=null", "typed.maybe", None),
        ("problem.base_dir=/data", "problem.base_dir", "/data"),
        ("arch.loss=math:sqrt", "arch.loss", __import__("math").sqrt),
        ("+train.new=1", "train.new", 1),
        ("+new.part.x=y", "new.part.x", "y"),
    ],
)
def test_an_override_from_the_command_line(argument: str, path: str, value: object) -> None:
    found = get(Mine.from_cli([argument]), path)
    assert found == value
    assert type(found) is type(value)


def test_a_dict_in_a_config_is_overridden_too() -> None:
    assert Mine.from_cli(["table.a=5"]).table == {"a": 5}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("train.batchsize=64", r"train\.batchsize=64: train has no field 'batchsize'; did you mean 'batch_size'\?"),
        ("trian.batch_size=64", r"the Config has no field 'trian'; did you mean 'train'"),
        ("train.zzz=64", r"train has no field 'zzz'; it has: batch_size, .*\+train\.zzz=\.\.\. adds"),
        ("train.batch_size=many", r"batch_size is a number \(1\), got 'many'"),
        ("train.flip=maybe", "flip is true or false, got 'maybe'"),
        ("train.sizes=3", r"sizes is a list, such as \[1, 2\], got '3'"),
        ("typed.count=x", "count must be int, got 'x'"),
        ("typed=3", "typed is a group of fields: count"),
        ("arch.model=no_such_module_at_all:Net", "cannot load 'no_such_module_at_all:Net'"),
        ("--epochs", "cannot understand the argument '--epochs'"),
    ],
)
def test_an_override_that_cannot_be(argument: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mine.from_cli([argument])


def test_the_environment_goes_before_the_file_and_the_command_line_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "big.json"
    file.write_text(json.dumps({"train": {"batch_size": 2, "epochs": 2, "log_steps": 2}}))
    monkeypatch.setenv("AILAB_CONFIG__train__epochs", "3")
    monkeypatch.setenv("AILAB_CONFIG__train__log_steps", "3")
    config = Mine.from_cli(["--config", str(file), "train.log_steps=4"])
    assert (config.train.batch_size, config.train.epochs, config.train.log_steps) == (2, 3, 4)
    monkeypatch.setenv("AILAB_CONFIG_FILE", str(file))
    assert Mine.from_cli([]).train.batch_size == 2


def test_a_misspelt_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AILAB_CONFIG__train__epoch", "3")
    with pytest.raises(
        ValueError, match="AILAB_CONFIG__train__epoch=3: train has no field 'epoch'; did you mean 'epochs'"
    ):
        Mine.from_cli([])


def test_a_toml_file_and_a_recorded_config(tmp_path: Path) -> None:
    toml = tmp_path / "x.toml"
    toml.write_text("[train]\nbatch_size = 5\n[train.optimizer]\ntype = 'sgd'\n")
    config = Mine.from_cli([f"--config={toml}"])
    assert (config.train.batch_size, config.train.optimizer.type) == (5, "sgd")
    recorded = tmp_path / "config.json"
    config.arch.loss = Model
    recorded.write_text(config.to_json())
    assert Mine.from_cli([f"--config={recorded}"]) == config


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", "{", "x.json cannot be read"),
        ("x.json", "[1]", "must hold an object"),
        ("x.ini", "a: 1", r"is .json, .toml or .yaml, got 'x.ini'"),
        ("x.yaml", "train: {", "x.yaml cannot be read"),
        ("x.yaml", "- 1", "must hold an object"),
        ("x.yml", "train: {batch_sise: 1}", "x.yml: train.batch_sise: train has no field 'batch_sise'; did you mean"),
        (
            "x.toml",
            "[train]\nbatch_sise = 1",
            "x.toml: train.batch_sise: train has no field 'batch_sise'; did you mean",
        ),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        Mine.from_cli([f"--config={tmp_path / name}"])


def test_a_recorded_config_goes_before_all_and_as_far_as_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = tmp_path / "config.json"
    content = Mine.from_cli(["train.batch_size=8", "train.learning_rate.start_value=1"]).to_dict()
    content |= {"added_later": 1, "arch": {"model": {"$class": "gone:Net"}}, "problem": {"base_dir": "/a/$b"}}
    content["table"] = {"a": 7}
    content["train"] = {**content["train"], "learning_rate": {"start_value": 2}, "optimizer": {"type": "sgd"}}
    recorded.write_text(ConfigPart().from_dict(content, load=False).to_json())
    monkeypatch.setenv("AILAB_CONFIG_RECORDED", str(recorded))
    config = Mine.from_cli(["train.batch_size=4"])
    assert (config.train.batch_size, config.train.optimizer.type, config.table) == (8, "sgd", {"a": 7})
    assert type(config.train.learning_rate.start_value) is float
    assert config.problem.base_dir == "/a/$b"
    assert config.arch.model is Model
    assert "added_later" not in config.to_dict()


def test_a_file_keeps_the_kinds_that_json_does_not_have(tmp_path: Path) -> None:
    class Pair(Mine):
        def __init__(self) -> None:
            super().__init__()
            self.train.pair = (1, 2)

    file = tmp_path / "x.json"
    file.write_text('{"train": {"pair": [3, 4], "learning_rate": {"start_value": 1}}}')
    config = Pair.from_cli(["--config", str(file)])
    assert config.train.pair == (3, 4)
    assert type(config.train.learning_rate.start_value) is float


def test_a_variable_expands_in_an_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_HOME", "/data")
    assert Mine.from_cli(["problem.base_dir=$DATA_HOME/x"]).problem.base_dir == "/data/x"


def test_what_is_missing_may_come_from_the_command_line() -> None:
    class Incomplete(Config):
        def __init__(self) -> None:
            super().__init__()
            self.arch.loss = len
            self.arch.metrics = []
            self.arch.prepare = dict
            self.check_completeness()

    with pytest.raises(IncompleteConfigError, match=r"arch\.model is not set"):
        Incomplete.from_cli([])
    config = Incomplete.from_cli(["arch.model=collections:OrderedDict"])
    assert current.config() is config


def test_the_arguments_of_the_program_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "train.batch_size=9"])
    assert Mine.from_cli().train.batch_size == 9


def test_help_lists_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        Mine.from_cli(["--help"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    assert "  train.batch_size=1\n" in output
    assert "  typed.count=3\n" in output
    assert "AILAB_CONFIG__train__batch_size=64" in describe(Mine())
