from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ailab.cli.output import ago, print_table, show_number, show_span, show_value, strict
from ailab.experiment import Run

Ailab = Callable[..., object]


def test_a_row_for_each_run(ailab, three: list[Run]) -> None:  # type: ignore[no-untyped-def]
    lines = ailab("list").lines
    assert lines[0].split() == ["id", "experiment", "state", "created", "duration", "primary"]
    assert [line.split()[0] for line in lines[1:]] == [run.id for run in three[::-1]]
    assert lines[1].split()[1:3] == ["digits", "failed"]
    assert lines[2].endswith("loss 0.125")


def test_filter_sort_limit_and_columns(ailab, three: list[Run]) -> None:  # type: ignore[no-untyped-def]
    assert ailab("list", "loss < 1", "--sort", "loss", "-q").lines == [three[1].id, three[0].id]
    assert ailab("list", "loss < 1", "--sort", "-loss", "-q", "-n", "1").lines == [three[0].id]
    header, row = ailab("list", "val/acc > 0", "-c", "min(loss), train.seed,val/acc").lines
    assert header.split()[-3:] == ["min(loss)", "train.seed", "val/acc"]
    assert row.split()[-3:] == ["0.125", "1", "0.5"]


def test_json(ailab, three: list[Run]) -> None:  # type: ignore[no-untyped-def]
    rows = ailab("list", "--json", "-c", "max(loss)").json
    assert [row["id"] for row in rows] == [run.id for run in three[::-1]]
    assert rows[0]["metric.loss"] == "NaN"
    assert rows[1]["max(loss)"] == 1.0
    assert rows[2]["config.train.seed"] == 0


def test_groups(ailab, three: list[Run]) -> None:  # type: ignore[no-untyped-def]
    one, two = ailab("list", "--groups", "--json").json
    assert one["runs"] == [three[2].id]
    assert two["runs"] == [three[1].id, three[0].id]
    assert two["metrics"]["loss"]["mean"] == 0.1875
    assert two["metrics"]["loss"]["low"] < 0.125
    header, _, row = ailab("list", "--groups").lines
    assert header.split() == ["experiment", "runs", "loss", "train.batch_size", "newest"]
    assert row.split()[:5] == ["digits", "2", "0.1875", "±", "0.79"]


def test_what_is_wrong_with_a_filter(ailab, three: list[Run]) -> None:  # type: ignore[no-untyped-def]
    done = ailab("list", "los < 3", code=2)
    assert "names 'los', which no run has; did you mean loss?\n  los < 3\n  ^" in done.err
    assert "it ends too early" in ailab("list", "loss <", code=2).err
    assert "names 'zz'" in ailab("list", "--sort", "zz", code=2).err


def test_nothing_to_list(ailab, workspace: Path) -> None:  # type: ignore[no-untyped-def]
    done = ailab("list")
    assert (done.out, done.err) == ("", f"no runs in {workspace}\n")
    assert ailab("list", "--json").json == []


def test_which_workspace(ailab, three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    workspace = three[0].path.parent.parent
    monkeypatch.delenv("AILAB_WORKSPACE")
    monkeypatch.chdir(tmp_path)
    workspace.rename(tmp_path / "moved")
    assert "give -w FOLDER, or set AILAB_WORKSPACE" in ailab("list", code=2).err
    assert len(ailab("list", "-q", "-w", str(tmp_path / "moved")).lines) == 3
    monkeypatch.chdir(tmp_path / "moved")
    assert len(ailab("list", "-q").lines) == 3
    monkeypatch.chdir(tmp_path)
    (tmp_path / "moved").rename(tmp_path / "checkpoints")
    assert len(ailab("list", "-q").lines) == 3
    assert "there is no workspace at" in ailab("list", "-w", "none", code=2).err


def in_a_terminal(*arguments: str, **variables: str) -> str:
    """What ``ailab`` prints to a terminal of 70 columns."""
    main, sub = pty.openpty()
    environment = {**os.environ, "COLUMNS": "70", "TERM": "xterm", **variables}
    output = b""
    with subprocess.Popen(
        [sys.executable, "-m", "ailab", *arguments], env=environment, stdout=sub, stdin=sub
    ) as process:
        os.close(sub)
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # the other side is closed
                break
            output += part
        assert process.wait() == 0
    os.close(main)
    return output.decode()


def test_in_a_terminal_rows_fit_and_have_colours_and_nothing_steers_it(three: list[Run], workspace: Path) -> None:
    three[0].set_tags(["x" * 90])
    text = in_a_terminal("list", "-c", "error")
    assert "\x1b[31mfailed\x1b[0m" in text
    assert "no\x1b[31m" not in text
    plain = re.sub(r"\x1b\[\d+m", "", text)
    assert max(len(line.rstrip("\r")) for line in plain.split("\n")) <= 70
    assert "…" in plain
    assert "\x1b[" not in in_a_terminal("list", NO_COLOR="1")


def test_a_table_is_aligned_by_width(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"a": "日本", "n": "1"}, {"a": "x\n", "n": "22"}], ["a", "n"], right=("n",))
    assert capsys.readouterr().out == "a      n\n日本   1\nx�    22\n"


def test_numbers_spans_and_times() -> None:
    assert [show_number(x) for x in (None, 3.0, 0.123456789, 1e-7, 1e9, float("nan"))] == [
        "", "3", "0.12346", "1e-07", "1e+09", "nan",
    ]  # fmt: skip
    assert [show_span(x) for x in (None, 5.4, 192, 7500, 100_800)] == ["", "5s", "3m12s", "2h05m", "1d04h"]
    assert ago(None) == ""
    assert show_value({"$class": "a:B"}) == "a:B"
    assert show_value("x" * 100, 10) == "xxxxxxxxx…"
    assert strict({"a": (float("inf"), -float("inf"), float("nan"), 1)}) == {"a": ["Infinity", "-Infinity", "NaN", 1]}


def test_run_ids_are_completed(three: list[Run], workspace: Path) -> None:
    environment = {
        **os.environ, "_AILAB_COMPLETE": "bash_complete",
        "COMP_WORDS": f"ailab show {three[0].id[:-3]}", "COMP_CWORD": "2",
    }  # fmt: skip
    command = [sys.executable, "-c", "from ailab.cli import main; main(prog_name='ailab')"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"plain,{three[0].id}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(ailab, shell: str) -> None:  # type: ignore[no-untyped-def]
    script = ailab("completion", shell).out
    assert f"_AILAB_COMPLETE={shell}_complete" in script


def test_a_command_loads_only_what_it_needs(three: list[Run], workspace: Path) -> None:
    code = (
        "import sys; from ailab.cli import main; main(['list'], standalone_mode=False);"
        "print(*sorted({n.partition('.')[0] for n in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"matplotlib", "pydantic", "PIL", "pathspec"} & set(done.stderr.split())
