"""Loaded at start by every Python process of the tests (conftest.py puts this folder on the path).

Connections beyond this machine fail, and each attempt is written to the file TUTORIAL_NETWORK_LOG.
"""

import ipaddress
import os
import socket
import sys
from pathlib import Path

_connect, _connect_ex, _getaddrinfo = (
    socket.socket.connect,
    socket.socket.connect_ex,
    socket.getaddrinfo,
)


def _is_local(host) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host if isinstance(host, str) else host.decode()).is_loopback
    except ValueError:
        return False


def _check(address) -> None:
    host = address[0] if isinstance(address, tuple) else None  # a path is a Unix socket
    if not _is_local(host):
        with Path(os.environ["TUTORIAL_NETWORK_LOG"]).open("a", encoding="utf-8") as log:
            log.write(f"{host} from {sys.argv[:1]}\n")
        raise socket.gaierror(socket.EAI_NONAME, f"the tests allow no network, so not {host}")


def _guarded_connect(self, address):
    _check(address)
    return _connect(self, address)


def _guarded_connect_ex(self, address):
    _check(address)
    return _connect_ex(self, address)


def _guarded_getaddrinfo(host, *args, **kwargs):
    _check((host,))
    return _getaddrinfo(host, *args, **kwargs)


if os.environ.get("TUTORIAL_NETWORK_LOG"):
    socket.socket.connect = _guarded_connect
    socket.socket.connect_ex = _guarded_connect_ex
    socket.getaddrinfo = _guarded_getaddrinfo
