from __future__ import annotations

from ailab_server.scheduler.environment import task_environment


def test_only_what_is_on_the_list_passes() -> None:
    server = {
        "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "VIRTUAL_ENV": "/v", "AWS_SECRET_ACCESS_KEY": "x",
        "AILAB_PASSWORD": "x",
        "https_proxy": "http://user:secret@proxy", "CUDA_VISIBLE_DEVICES": "7", "LD_PRELOAD": "x", "path": "x",
    }  # fmt: skip
    got = task_environment(server, [2, 5], {"AILAB_TASK_ID": "t"})
    assert got == {
        "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "VIRTUAL_ENV": "/v", "PYTHONUNBUFFERED": "1",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2,5", "AILAB_TASK_ID": "t",
    }  # fmt: skip


def test_without_gpus_all_are_hidden() -> None:
    assert task_environment({"CUDA_VISIBLE_DEVICES": "0"}, [], {})["CUDA_VISIBLE_DEVICES"] == ""
