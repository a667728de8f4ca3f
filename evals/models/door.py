"""Where a fetch may connect to, and for how long: public addresses, until its time is over.

A host's address is looked at after its name was resolved, and that very address is connected to.
"""

import http.client
import ipaddress
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")
"""Of IETF's protocols, some clouds' metadata among them; older Pythons call it global."""
UNICAST = ipaddress.IPv6Network("2000::/3")
"""What of IPv6 is routed; all else is local, or another network's address in disguise."""


class PrivateAddressError(OSError):
    """A host lies in a network that strangers are not sent to."""


class Door:
    """Makes the connections of one fetch, and shuts them when its time is over.

    A timeout of a socket is one for each packet: a server that sends a byte now and then would
    never meet it.
    """

    def __init__(self, seconds: float, *, allow_private: bool) -> None:
        self.allow_private = allow_private
        self.is_over = False
        self._deadline = time.monotonic() + seconds
        self._held: list[socket.socket] = []
        """Second handles, for TLS takes the first."""

    @property
    def seconds_left(self) -> float:
        return max(0.01, self._deadline - time.monotonic())

    def connect(
        self, address: tuple[str, int], timeout: float | None = None, *source: Any
    ) -> socket.socket:
        """Connect to the first address of a host that is public and answers.

        What was looked at is connected to: a name that resolves to another address a moment later
        gains nothing.
        """
        host, port = address
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        open_to = [each for each in found if self.allow_private or _is_public(str(each[4][0]))]
        if not open_to:
            raise PrivateAddressError(
                f"{host} is this machine or in a private network; allow_urls=private allows that"
            )
        *others, last = open_to
        for number, each in enumerate(others):
            with suppress(OSError):
                return self._connect(each, self.seconds_left / (len(open_to) - number))
        return self._connect(last, self.seconds_left)

    def _connect(self, found: Any, seconds: float) -> socket.socket:
        family, kind, protocol, _, resolved = found
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(seconds)
            connection.connect(resolved)
            connection.settimeout(self.seconds_left)
            self._held.append(connection.dup())
        except BaseException:
            connection.close()
            raise
        if self.is_over:  # the timer came between
            self.shut()
        return connection

    def shut(self) -> None:
        """End what is read from the connections, from another thread."""
        self.is_over = True
        for held in self._held:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for held in self._held:
            held.close()


@contextmanager
def open_door(seconds: float, *, allow_private: bool) -> Iterator[Door]:
    """Give a door that shuts after so long.

    Raises:
        TimeoutError: it did, whatever came of it: a connection that is shut looks like an end.
    """
    door = Door(seconds, allow_private=allow_private)
    timer = threading.Timer(seconds, door.shut)
    timer.daemon = True
    timer.start()
    failure: Exception | None = None
    try:
        yield door
    except Exception as error:  # of any kind: which depends on where the connection was shut
        if not door.is_over:
            raise
        failure = error
    finally:
        timer.cancel()
        door.close()
    if door.is_over:
        raise TimeoutError(f"it took longer than {seconds:g} s") from failure


def _is_public(address: str) -> bool:
    """Return whether strangers may lead there.

    Of IPv6, addresses that carry one of IPv4 are not public: behind a translator they may be this
    network's own. So only what is routed, and neither 6to4 nor Teredo.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])  # fe80::1%eth0
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return _is_public(str(parsed.ipv4_mapped))
        if parsed not in UNICAST or parsed.sixtofour or parsed.teredo:
            return False
    elif parsed in PROTOCOLS:
        return False
    return parsed.is_global and not parsed.is_multicast


def _connecting(make: Callable[..., Any], door: Door, *arguments: Any, **options: Any) -> Any:
    connection = make(*arguments, **options)
    connection._create_connection = door.connect  # as http.client has it for this
    return connection


class _HTTPHandler(urllib.request.HTTPHandler):
    def __init__(self, door: Door) -> None:
        super().__init__()
        self._make: Any = partial(_connecting, http.client.HTTPConnection, door)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def __init__(self, door: Door) -> None:
        super().__init__()
        self._make: Any = partial(_connecting, http.client.HTTPSConnection, door)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, req)


def make_opener(door: Door) -> urllib.request.OpenerDirector:
    """Return what opens http and https alone: no file, no ftp, no data URL.

    A proxy would resolve names itself, so the environment's proxies serve only where private
    addresses are allowed.
    """
    handlers: list[urllib.request.BaseHandler] = [_HTTPHandler(door), _HTTPSHandler(door)]
    if door.allow_private:
        handlers.append(urllib.request.ProxyHandler())
    opener = urllib.request.OpenerDirector()
    for handler in handlers:
        opener.add_handler(handler)
    return opener
