"""A network that can be made bad: TCP to one address goes through here, late, in crumbs, into nothing or cut off.

Our own and not toxiproxy, because that comes neither with Debian nor with Python, and building it takes Go and two
minutes.
"""

import socket
import struct
import threading
import time
from random import Random

TOXICS = ("latency", "crumbs", "nothing", "reset", "")
CRUMB = 40  # bytes at most
LATE = 0.3  # seconds at most
BROKEN = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


class Wire:
    """Listens on `port` of 127.0.0.1 and passes everything on to port `target`, as badly as `turn` last said."""

    def __init__(self, target: int, random: Random) -> None:
        self._target, self._random, self._toxic = target, random, ""
        self._open = set[socket.socket]()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._run, name=f"wire to {target}", daemon=True).start()

    def turn(self, toxic: str) -> None:
        """One of TOXICS from now on. Connections from which something is missing are cut off."""
        before, self._toxic = self._toxic, toxic
        if "nothing" in (before, toxic) or toxic == "reset":
            self._cut()

    def close(self) -> None:
        """Nobody gets through any more."""
        self._listening.close()
        self._cut()

    def _run(self) -> None:
        while True:
            try:
                ours = self._listening.accept()[0]
                theirs = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._open |= {ours, theirs}
            for way in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self._pump, args=way, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                self._pass_on(data, sink)
        except OSError:
            pass
        for end in (source, sink):
            self._break(end, reset=self._toxic == "reset")

    def _pass_on(self, data: bytes, sink: socket.socket) -> None:
        match self._toxic:
            case "nothing":
                return
            case "reset" if self._random.random() < 0.3:
                raise ConnectionResetError
            case "latency":
                time.sleep(self._random.uniform(0, LATE))
            case "crumbs":
                while data:
                    size = self._random.randint(1, CRUMB)
                    sink.sendall(data[:size])
                    data = data[size:]
                    time.sleep(0.001)
        sink.sendall(data)

    def _cut(self) -> None:
        for end in tuple(self._open):
            self._break(end, reset=True)

    def _break(self, end: socket.socket, *, reset: bool) -> None:
        self._open.discard(end)
        try:
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, BROKEN)
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other way has closed it
        finally:
            end.close()
