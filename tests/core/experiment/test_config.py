from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest

from ailab import current
from ailab.experiment import Config, ConfigPart, IncompleteConfigError


class Model:
    pass


class Complete(Config):
    def __init__(self) -> None:
        super().__init__()
        self.train.batch_size = 42
        self.arch.model = Model
        self.arch.loss = len
        self.arch.metrics = []
        self.arch.prepare = Model
        self.check_completness()


def test_a_complete_config_is_the_one_in_use() -> None:
    config = Complete()
    assert current.config() is config
    assert config.train.batch_size == 42
    assert config.train.experiment_name == "Complete"


def test_both_spellings_are_the_same_method() -> None:
    assert Config.check_completness is Config.check_completeness


def test_all_missing_fields_are_listed_at_once() -> None:
    config = Config()
    config.train.epochs = None
    with pytest.raises(IncompleteConfigError) as caught:
        config.check_completeness()
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "train.epochs",
        "arch.model",
        "arch.loss",
        "arch.metrics",
        "arch.prepare",
    ]
    assert "arch.model is not set" in str(caught.value)
    assert current.config() is None


def test_an_exponential_learning_rate_needs_its_end() -> None:
    config = Complete()
    config.train.learning_rate.type = "exponential"
    config.train.learning_rate.end_value = None
    with pytest.raises(IncompleteConfigError, match=r"train\.learning_rate\.end_value is not set"):
        config.check_completeness()


def test_annotated_fields_without_a_value_are_required() -> None:
    class Data(ConfigPart):
        folder: str
        crop: int = 224

    config = Complete()
    config.data = Data()
    with pytest.raises(IncompleteConfigError, match=r"data\.folder is not set"):
        config.check_completeness()
    config.data.folder = "x"
    config.check_completeness()
    assert config.to_dict()["data"] == {"crop": 224, "folder": "x"}


def test_an_unknown_field_says_what_it_is_close_to() -> None:
    with pytest.raises(AttributeError, match="no field 'batchsize'; did you mean 'batch_size'"):
        _ = Complete().train.batchsize


def test_get_gives_the_field_or_the_default() -> None:
    config = Complete()
    assert config.train.get("batch_size") == 42
    assert config.train.get("other", 3) == 3
    assert config.get("train.batch_size") == 42
    assert config.train["batch_size"] == 42
    assert config.train.get("other") == ConfigPart()
    assert not config.train.get("other")
    with pytest.raises(KeyError, match="no field 'batchsize'; did you mean 'batch_size'"):
        config.train["batchsize"]


@pytest.mark.parametrize("value", ["42", 0, -1, 2.5, True])
@pytest.mark.parametrize("field", ["batch_size", "epochs"])
def test_numbers_that_cannot_be_right(field: str, value: object) -> None:
    config = Complete()
    setattr(config.train, field, value)
    with pytest.raises(
        IncompleteConfigError, match=rf"train\.{field} must be a whole number of at least 1, got {value!r}"
    ):
        config.check_completeness()


def test_environment_variables_expand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_HOME", "/data")
    part = ConfigPart(a="$DATA_HOME/x", b="${DATA_HOME}y", c="5$$", d="100 %")
    assert part.to_dict() == {"a": "/data/x", "b": "/datay", "c": "5$", "d": "100 %"}


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(
        ValueError, match="folder='\\$NOT_SET_ANYWHERE/x' uses the environment variable NOT_SET_ANYWHERE"
    ):
        ConfigPart(folder="$NOT_SET_ANYWHERE/x")


def test_a_frozen_config_refuses_changes_and_its_copy_does_not() -> None:
    config = Complete()
    config.train.sizes = [1, 2]
    config.freeze()
    with pytest.raises(RuntimeError, match="cannot set batch_size to 1 "):
        config.train.batch_size = 1
    twin = copy.copy(config)
    twin.train.batch_size = 1
    twin.train.sizes.append(3)
    assert (config.train.batch_size, twin.train.batch_size) == (42, 1)
    assert config.train.sizes == [1, 2]


def test_parts_compare_by_their_fields() -> None:
    assert ConfigPart(a=1, b=ConfigPart(c=2)) == ConfigPart(b=ConfigPart(c=2), a=1)
    assert ConfigPart(a=1) != ConfigPart(a=2)
    assert ConfigPart(a=1) != 1


def test_anything_becomes_strict_json() -> None:
    part = ConfigPart(
        cls=Model,
        function=math.sqrt,
        nan=math.nan,
        path=Path("a/b"),
        array=np.arange(3, dtype=np.int16),
        pair=(1, 2),
        broken=Broken(),
    )
    part.me = {"deep": [ConfigPart]}
    content = json.loads(part.to_json(), parse_constant=pytest.fail)
    assert content["cls"] == {"$class": f"{__name__}:Model"}
    assert content["function"] == {"$function": "math:sqrt"}
    assert content["nan"] == {"$float": "nan"}
    assert content["path"] == "a/b"
    assert content["array"] == [0, 1, 2]
    assert content["pair"] == [1, 2]
    assert content["broken"]["repr"] == "<unprintable>"
    assert content["me"]["deep"] == [{"$class": "ailab.experiment.config:ConfigPart"}]


def test_something_that_holds_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    json.loads(ConfigPart(loop=loop).to_json())


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")
