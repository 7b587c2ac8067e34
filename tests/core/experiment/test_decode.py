from __future__ import annotations

import json
import math

import pytest

from ailab.experiment import Config, ConfigPart
from ailab.experiment.decode import from_jsonable, load_object
from ailab.experiment.encode import to_jsonable


class Part(ConfigPart):
    pair: tuple[int, int] = (1, 2)


class Typed(Config):
    part: Part


def test_a_config_comes_back_from_its_json() -> None:
    config = Typed()
    config.part = Part(pair=(3, 4))
    config.arch.model = Part
    config.arch.loss = math.sqrt
    config.train.limit = math.inf
    config.train.price = "5$$"
    back = Typed.from_dict(json.loads(config.to_json()))
    assert back == config
    assert type(back.part) is Part
    assert back.part.pair == (3, 4)
    assert back.train.price == "5$"


def test_nothing_is_imported_unless_asked_for() -> None:
    content = {"model": {"$class": "a_module_that_is_not_there:Net"}, "limit": {"$float": "inf"}}
    part = ConfigPart.from_dict(content, load=False)
    assert part.limit == math.inf
    assert part.model == {"$class": "a_module_that_is_not_there:Net"}
    with pytest.raises(ValueError, match="cannot load 'a_module_that_is_not_there:Net'"):
        ConfigPart.from_dict({"model": {"$class": "a_module_that_is_not_there:Net"}})


def test_what_only_its_own_code_can_make_stays_a_marker() -> None:
    written = to_jsonable(object())
    assert from_jsonable(written) == written


def test_a_name_that_nobody_can_find() -> None:
    class Local:
        pass

    with pytest.raises(ValueError, match="defined in a script, or inside a function"):
        load_object(f"{Local.__module__}:{Local.__qualname__}")


def test_the_hash_is_of_the_fields_and_not_of_their_order() -> None:
    one, two = ConfigPart(a=1, b=ConfigPart(c=2)), ConfigPart(b=ConfigPart(c=2), a=1)
    assert one.hash() == two.hash() == "8dff0ccbefc8a969"
    two.b.c = 3
    assert one.hash() != two.hash()
    assert one.hash(without=["b.c"]) == two.hash(without=["b.c"]) == two.hash(without=["b"])


def test_the_difference_of_two() -> None:
    one, two = Typed(), Typed()
    two.train.batch_size = 64
    two.train.new = None
    found = one.diff(two)
    assert found["train.batch_size"] == (1, 64)
    assert repr(found["train.new"][0]) == "-"
    assert found["train.new"][1] is None
    assert set(found) == {"train.batch_size", "train.new"}
