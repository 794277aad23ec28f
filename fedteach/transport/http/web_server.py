"""A web server in a thread of this process: uvicorn, on a socket that is bound before anything is said about it."""

import contextlib
import gc
import os
import socket
import ssl
import threading
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from fedteach.transport.base import TransportError
from fedteach.transport.http.limits import PatientOnlyForAWhile

_STARTS_WITHIN_S = 30.0
_ENDS_WITHIN_S = 5.0
_MOST_CONNECTIONS = 4000


class WebServer:
    """Serves an app until it is stopped.

    Args:
        app: what to serve; if its `state.send_home` is there, that is called on the event loop when serving ends.
        host: address to listen on; "127.0.0.1" is this machine only, "0.0.0.0" every network it is in.
        port: port, or 0 for a free one.
        certificate: files of a certificate and its key, for https; None serves http.

    Raises:
        TransportError: if the port cannot be had.
    """

    def __init__(
        self, app: FastAPI, host: str = "127.0.0.1", port: int = 0, certificate: tuple[Path, Path] | None = None
    ):
        allow_many_connections()
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=PatientOnlyForAWhile,
            ws="none",
            lifespan="on",
            log_config=None,  # no access log: nobody wants it, and nothing secret can get into it
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who asks is who has called, whatever a header says
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
            backlog=2048,
        )
        if certificate is not None:
            config.load()
            config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
            config.ssl.load_cert_chain(*certificate)
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._serve, name="fedteach web server", daemon=True)

    def start(self) -> None:
        """Begin to serve; returns when requests are answered.

        Raises:
            TransportError: if the app does not start.
        """
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(_STARTS_WITHIN_S / 0.02)):
            if self._server.started or not self._thread.is_alive():
                break
            waited.wait(0.02)
        if not self._server.started:
            raise TransportError("the web server did not start; FEDTEACH_DEBUG=1 shows why")

    def stop(self) -> None:
        """End; requests that are being answered get a second."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_ENDS_WITHIN_S)
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


class _Server(uvicorn.Server):
    """Answers those who wait before it waits for them: uvicorn would cut them off, and tell the screen at length."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        send_home = getattr(self.config.app.state, "send_home", None)  # type: ignore[union-attr]
        if send_home is not None:
            send_home()
        await super().shutdown(sockets)


def settle_down() -> None:
    """Tell the garbage collector that what is here now stays.

    For a process that does nothing but serve: with TensorFlow loaded, each look at a million objects that never go
    costs as much as a dozen requests.
    """
    gc.collect()
    gc.freeze()


def is_free(host: str, port: int) -> bool:
    """Say whether a port can be had."""
    try:
        _bound(host, port).close()
    except TransportError:
        return False
    return True


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere it would let two servers have the same port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        raise TransportError(f"cannot listen on {host}, port {port}: {error}; choose another --port, or 0") from error
    return bound


def allow_many_connections() -> None:
    """Raise this process' limit of open files to what it may have: each of a thousand clients holds one."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
