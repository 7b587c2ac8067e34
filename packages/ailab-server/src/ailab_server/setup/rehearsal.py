"""What a start would find wrong that the config file alone does not show, without starting anything."""

from pathlib import Path

from ailab_server import hooks
from ailab_server.config import ServerConfig
from ailab_server.config.parts import TlsFiles
from ailab_server.serve import ListenError, listen
from ailab_server.setup.new_config import detect_gpus
from ailab_server.tls.certificate import TlsError, certificate_of

__all__ = ["doubts", "refusal"]


def doubts(config: ServerConfig) -> list[str]:
    """Keys that a server starts with, but which may not mean what is there, and why."""
    found = []
    if config.gpus and config.executor == "local":
        there = detect_gpus()
        if missing := ", ".join(str(id) for id in config.gpus if id not in there):
            found.append(f"gpus: nvidia-smi knows no {missing} here; tasks that get it would find no GPU")
    if not config.auto_detect_experiments:
        names = [name for name in config.experiments if not (Path(config.workspace) / name).is_dir()]
        if not config.experiments:
            found.append("experiments: is empty and auto_detect_experiments is false, so no run is shown")
        elif names:
            found.append(f"experiments: the workspace has no {', '.join(map(repr, names))} yet")
    return found


def refusal(config: ServerConfig) -> str | None:
    """The key and the reason for which a start would end with exit code 2; None: it would not.

    The port is not tried: the server that has it may be the one whose config this is.
    """
    try:
        if isinstance(config.tls, TlsFiles):  # else the certificate is made by the start
            certificate_of(config)
        for one in listen(config.host, 0):
            one.close()
    except TlsError as error:
        return str(error)
    except ListenError as error:
        return str(error) if error.wrong else None
    # The hook itself belongs to the start, as an executor may reach out for its cluster: only who would answer it.
    offers = hooks.server_manager().hook.ailab_executor.get_hookimpls()
    if config.executor != "local" and all(one.plugin is hooks for one in offers):
        return f"executor: no installed plugin offers {config.executor!r}; `ailab plugins` lists them"
    return None
