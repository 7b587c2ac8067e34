from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import pytest

from ailab.experiment import Config, import_config

HEAD = "from ailab.experiment import Config\n"


def write(path: Path, code: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEAD + code)
    return path


def test_the_config_that_a_file_defines(tmp_path: Path) -> None:
    file = write(
        tmp_path / "big.py",
        """
class Big(Config):
    def __init__(self, size=1, *, name="big"):
        super().__init__()
        self.train.batch_size = size
        self.train.experiment_name = name
""",
    )
    assert import_config(file).train.batch_size == 1
    config = import_config(str(file), 64, name="x")
    assert (config.train.batch_size, config.train.experiment_name) == (64, "x")
    assert pickle.loads(pickle.dumps(type(config))) is type(config)  # noqa: S301


def test_the_last_of_several_that_build_on_one_another(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "class Base(Config): pass\nclass Big(Base): pass\n")
    assert type(import_config(file)).__name__ == "Big"


def test_a_file_says_which(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "class One(Config): pass\nclass Two(Config): pass\n")
    with pytest.raises(ValueError, match=r"it defines One, Two; say which by config = MyConfig"):
        import_config(file)
    assert (
        type(import_config(write(file, "class One(Config): pass\nclass Two(Config): pass\nconfig = One"))).__name__
        == "One"
    )
    done = write(file, "class One(Config): pass\nconfig = One()")
    assert type(import_config(done)).__name__ == "One"
    with pytest.raises(ValueError, match="holds a finished config"):
        import_config(done, 3)


def test_a_config_may_import_the_one_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a_base_for_this_test.py", "class Base(Config): pass\n")
    file = write(tmp_path / "big.py", "from a_base_for_this_test import Base\nclass Big(Base): pass\n")
    before = list(sys.path)
    assert type(import_config(file)).__name__ == "Big"
    assert sys.path == before
    monkeypatch.delitem(sys.modules, "a_base_for_this_test")


def test_two_files_of_one_name_are_two(tmp_path: Path) -> None:
    one = write(tmp_path / "x" / "c.py", "class One(Config): pass\n")
    two = write(tmp_path / "y" / "c.py", "class Two(Config): pass\n")
    assert [type(import_config(file)).__name__ for file in (one, two)] == ["One", "Two"]


def test_files_without_a_config(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        import_config(tmp_path / "none.py")
    with pytest.raises(ValueError, match="it defines none"):
        import_config(write(tmp_path / "a.py", ""))
    with pytest.raises(ZeroDivisionError):
        import_config(write(tmp_path / "b.py", "1 / 0"))


def test_its_classes_are_loaded_back_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process, and in another folder that holds the same files."""
    code = "class Net: pass\nclass Big(Config):\n def __init__(self):\n  super().__init__()\n  self.arch.model = Net\n"
    names = set()
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        monkeypatch.chdir(tmp_path / place)
        monkeypatch.syspath_prepend(tmp_path / place)  # as for a script there
        write(Path("configs_of_this_test/big.py"), code)
        for module in ("configs_of_this_test", "configs_of_this_test.big"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        names.add(import_config("configs_of_this_test/big.py").arch.model.__module__)
        written = import_config("configs_of_this_test/big.py").to_json()
        monkeypatch.delitem(sys.modules, "configs_of_this_test.big")
        loaded = Config.from_dict(json.loads(written))
        assert loaded.arch.model.__name__ == "Net"
    assert names == {"configs_of_this_test.big"}


def test_a_file_that_no_import_would_find_has_the_same_name_wherever_the_project_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []
    for place in ("one", "two"):
        file = write(tmp_path / place / "json.py", "class Big(Config): pass\n")  # not the standard library's
        monkeypatch.chdir(file.parent)
        names.append(type(import_config("json.py")).__module__)
    assert names[0] == names[1] != "json"
