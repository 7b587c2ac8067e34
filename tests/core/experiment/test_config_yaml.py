from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ailab.experiment import Config
from ailab.experiment.config_text import as_yaml
from ailab.experiment.config_yaml import load_yaml

yaml = pytest.importorskip("yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: {b: [1, 2.5, x, true, null, ~]}", {"a": {"b": [1, 2.5, "x", True, None, None]}}),
        # What YAML 1.1 would read otherwise.
        ("lr: 1e-4", {"lr": 1e-4}),
        ("country: no", {"country": "no"}),
        ("switch: [on, yes, off, y]", {"switch": ["on", "yes", "off", "y"]}),
        ("n: [010, 0o17, 0x1F, -3, +4]", {"n": [10, 15, 31, -3, 4]}),
        ("time: 1:30", {"time": "1:30"}),
        ("day: 2026-11-22", {"day": "2026-11-22"}),
        ("x: [.5, 1., -.inf, 6.02E+23]", {"x": [0.5, 1.0, float("-inf"), 6.02e23]}),
        ("empty:", {"empty": None}),
        ("a: &b {c: 1}\nd: *b", {"a": {"c": 1}, "d": {"c": 1}}),
        ("", None),
    ],
)
def test_it_is_read_as_yaml_1_2(text: str, value: object) -> None:
    found = load_yaml(text)
    assert found == value
    assert repr(found) == repr(value)  # 1 is not True and not 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "expected"),
        ("a: 1\nb: 2\na: 3", "a stands there twice"),
        ("a: {1: 2}", "a.1 must be a text"),
        ("a: {b: !!timestamp 2026-11-22}", r"a\.b must be what JSON could hold too"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: 1\n---\nb: 2", "single document"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_yaml(text)


def test_without_a_reader_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "x.yaml").write_text("train: {batch_size: 8}")
    with pytest.raises(ModuleNotFoundError, match="pip install pyyaml"):
        Config.from_cli([f"--config={tmp_path / 'x.yaml'}"])


def test_what_the_command_prints_is_read_back(tmp_path: Path) -> None:
    import json

    config = Config()
    config.arch.model = Config
    config.train.learning_rate.start_value = 1e-05
    config.train.note = "no: 'quoted' # and\nmore"
    config.train.empty = {}
    assert load_yaml(as_yaml(json.loads(config.to_json()))) == json.loads(config.to_json())
    (tmp_path / "x.yml").write_text("train: {batch_size: 8, learning_rate: {start_value: 1}}")
    found = Config.from_cli(["--config", str(tmp_path / "x.yml")])
    assert found.train.batch_size == 8
    assert type(found.train.learning_rate.start_value) is float
