"""What a start would find wrong that the config file alone does not show, without starting anything."""

from ailab_server import hooks
from ailab_server.config import ServerConfig
from ailab_server.config.parts import TlsFiles
from ailab_server.serve import ListenError, listen
from ailab_server.tls.certificate import TlsError, certificate_of

__all__ = ["refusal"]


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
