from __future__ import annotations

from ailab.experiment.config_text import as_latex, as_markdown, as_yaml, config_table

ONE = {"train": {"batch_size": 64, "rate": 1e-05}, "arch": {"model": {"$class": "nets:Big_Net"}}, "note": "50% & more"}
TWO = {
    "train": {"batch_size": 64, "rate": 0.1},
    "arch": {"model": {"$class": "nets:Big_Net"}},
    "note": "50% & more",
    "x": None,
}


def test_only_what_differs() -> None:
    assert list(config_table([ONE, TWO], only_differing=True)) == ["train.rate", "x"]
    assert list(config_table([ONE])) == ["train.batch_size", "train.rate", "arch.model", "note"]


def test_latex_is_escaped() -> None:
    text = as_latex(config_table([ONE, TWO]), ["run_1", "run_2"])
    assert text.startswith("\\begin{tabular}{lll}\n\\toprule\nParameter & run\\_1 & run\\_2 \\\\\n\\midrule\n")
    assert r"\texttt{train.batch\_size} & 64 & 64 \\" in text
    assert r"\texttt{arch.model} & Big\_Net & Big\_Net \\" in text
    assert r"\texttt{note} & 50\% \& more & 50\% \& more \\" in text
    assert r"\texttt{x} & - & null \\" in text
    assert text.endswith("\\bottomrule\n\\end{tabular}")
    assert r"\textbackslash{}\{\}" in as_latex({"a": ["\\{}"]}, ["r"])


def test_markdown() -> None:
    lines = as_markdown(config_table([ONE]), ["r"]).splitlines()
    assert lines[:3] == ["| Parameter | Value |", "| --- | --- |", "| `train.batch_size` | 64 |"]
    assert r"| `arch.model` | Big\_Net |" in lines
    assert as_markdown({"a": ["x|y"]}, ["r"]).splitlines()[-1] == r"| `a` | x\|y |"


def test_yaml() -> None:
    content = {
        "train": {"rate": 1e-05, "name": "digits", "flag": True, "none": None},
        "list": [1, [2, "yes"], {"a": "b c"}], "empty": {},
        "no": "1", "odd: key": "a: b", "line": "x\ny",
    }  # fmt: skip
    assert (
        as_yaml(content)
        == """\
train:
  rate: 1.0e-05
  name: digits
  flag: true
  none: null
list:
  - 1
  -
    - 2
    - "yes"
  -
    a: "b c"
empty: {}
"no": "1"
"odd: key": "a: b"
line: "x\\ny\""""
    )
