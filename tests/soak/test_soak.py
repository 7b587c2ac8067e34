"""That the soak itself works: a few seconds of it, with everything in but trainings that are killed and turn stale."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from soak.soak import Load, Soak
load = Load(
    writers=3, keep=2, damaged=3, lookers=1, slow=1, never=2, pause=0.1, restart=2.0,
    ends=("finish", "fail"), longest=2.0,
)
result = Soak(Path(sys.argv[2]), load, seed=7).run(5.0)
assert not result.wrong, result.wrong
assert result.counts["values"]["told"] > 0 and result.counts["values"]["lost"] == 0, result.counts
assert result.counts["second server's starts"] > 1, result.counts
assert len(result.samples) > 1
"""


def test_a_few_seconds_of_it(tmp_path: Path) -> None:
    """Nothing may be wrong; whether anything is flat takes longer."""
    command = [sys.executable, "-c", CODE, str(Path(__file__).parents[1]), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_lost_value_is_found_out(tmp_path: Path) -> None:
    """The ledger: a run whose file lacks one number of those that its training was told are logged."""
    from ailab.experiment.record.layout import create_run_folder
    from ailab.experiment.record.writer import RecordWriter
    from soak.ledger import Ledger
    from soak.servers import Caller
    from soak.writer import Plan, worth
    from soak.writers import Run, Segment

    folder = create_run_folder(tmp_path, "soak", "run0")
    folder.info.write_text("{}")
    plan = Plan(str(tmp_path), "soak", "run0", 1, str(tmp_path / "told"), "finish", 1.0, 1, 0.0, False)
    writer = RecordWriter(folder, lambda message, error: None)
    for number in range(9):
        writer.scalar(plan.metric, worth(1, number), number, True)
    writer.event("status", state="finished")
    writer.close()
    told = [10, 0, 0, 0, 1, 1]
    Path(plan.told).write_bytes(b"".join(count.to_bytes(8, "little") for count in told))

    class Files(Caller):
        """An API that says what the files hold."""

        def __init__(self) -> None: ...

        def ask(self, *question: object, **more: object) -> bytes:
            return b'{"metrics": [{"name": "loss1", "count": 9}], "images": []}'

        def series(self, run: str, metric: str) -> tuple[list[float], list[float]]:
            return list(range(9)), [worth(1, number) for number in range(9)]

    ledger = Ledger()
    run = Run("run0", folder.path, [Segment(plan, None, 0.0, ended=0.0)])  # type: ignore[arg-type]
    row = {"id": "x", "state": "finished", "damaged": False}
    assert ledger.check(run, row, Files())
    assert ledger.lost == 1
    assert ledger.wrong == ["run0: 10 values of loss1 were logged, 9 are there"]
