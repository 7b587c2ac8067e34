from __future__ import annotations

import json
from pathlib import Path

from ailab.experiment.record.events import read_events


def test_of_heartbeats_and_progress_only_the_last_is_read(tmp_path: Path) -> None:
    lines = [json.dumps({"type": "status", "time": 0, "state": "running"})]
    for i in range(100):
        lines += [
            json.dumps({"type": "heartbeat", "time": i}),
            json.dumps({"type": "progress", "time": i, "value": 0.5}),
        ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join([*lines, json.dumps({"type": "status", "time": 200, "state": "finished"})]) + "\n")
    events, bad = read_events(path)
    assert bad == 0
    assert sorted((event["type"], event["time"]) for event in events) == [
        ("heartbeat", 99),
        ("progress", 99),
        ("status", 0),
        ("status", 200),
    ]


def test_what_is_no_event_is_counted_and_a_line_without_its_end_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"type": "a"}\n[1]\n{broken\n\xff\n{"type": "b"}')
    events, bad = read_events(path)
    assert [event["type"] for event in events] == ["a"]
    assert bad == 3


def test_another_spelling_of_a_heartbeat_is_an_event_like_any(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"time": 1, "type": "heartbeat"}\n{"type":"heartbeat","time":2}\n')
    assert len(read_events(path)[0]) == 2
