"""The client side of the tests: HTTP/1.1 with kept connections, WebSockets, and emulated streams, over TLS or plain.

The clients are written on plain sockets, because the tests must send what libraries refuse (headers twice, bytes before the
handshake), and must see when a connection is closed or reset.
"""

import base64
import json
import os
import select
import socket
import ssl
import struct

TIMEOUT = 15


class Broken(Exception):
    """The connection ended before the answer was complete."""


class Link:
    """One connection from a chosen local address, over TLS if there is an authority."""

    def __init__(self, port, domain, authority, source, before=b""):
        """`before` is sent before the handshake of TLS."""
        plain = socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if before:
            plain.sendall(before)
        self.domain, self._socket, self._unread = domain, plain, b""
        if authority is not None:
            context = ssl.create_default_context(cafile=authority)
            context.set_alpn_protocols(["http/1.1"])
            self._socket = context.wrap_socket(plain, server_hostname=domain)

    def send(self, data):
        self._socket.sendall(data)

    def more(self):
        """Reads the next bytes. Returns False at the end of the connection."""
        part = self._socket.recv(65_536)
        self._unread += part
        return bool(part)

    def until(self, mark):
        while mark not in self._unread:
            if not self.more():
                raise Broken(f"the connection ended before {mark!r}, after {self._unread[:200]!r}")
        text, self._unread = self._unread.split(mark, 1)
        return text

    def exactly(self, count):
        while len(self._unread) < count:
            if not self.more():
                raise Broken(f"the connection ended when {count - len(self._unread)} bytes were missing")
        data, self._unread = self._unread[:count], self._unread[count:]
        return data

    def wait(self, seconds):
        """Sets the number of seconds that a read may take."""
        self._socket.settimeout(seconds)

    def is_closed(self):
        """Whether the peer closed the connection while it was idle."""
        if self._unread:
            return False
        if not self._has_decrypted() and not select.select([self._socket], [], [], 0)[0]:
            return False
        # An open connection can be readable, too: the server sends session tickets of TLS 1.3.
        self._socket.settimeout(0.05)
        try:
            return not self.more()
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            self._socket.settimeout(TIMEOUT)

    def _has_decrypted(self):
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()

    def close(self):
        self._socket.close()

    def ask(self, method, path, body=None, headers=()):
        """Sends a request, and reads the head of its answer."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.domain}"]
        lines += [f"{name}: {value}" for name, value in headers]
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            if not any(name.lower() == "content-type" for name, _ in headers):
                lines.append("Content-Type: application/json")
            lines.append(f"Content-Length: {len(data)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        return Answer(self)

    def request(self, method, path, body=None, headers=()):
        """Sends a request, and reads the whole answer."""
        answer = self.ask(method, path, body, headers)
        answer.read()
        return answer


class Answer:
    """The answer to a request."""

    def __init__(self, link):
        head = link.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self._link, self.status, self.body = link, int(head[0].split()[1]), b""
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in head[1:]]

    def all(self, name):
        return [value for known, value in self.headers if known.lower() == name]

    def header(self, name):
        return next(iter(self.all(name)), "")

    def chunk(self):
        """The next chunk of the body; empty at the end."""
        size = int(self._link.until(b"\r\n").split(b";")[0], 16)
        data = self._link.exactly(size)
        self._link.exactly(2)
        return data

    def read(self):
        if self.status in (101, 204, 304):
            return
        if self.header("transfer-encoding").lower() == "chunked":
            while part := self.chunk():
                self.body += part
        else:
            self.body = self._link.exactly(int(self.header("content-length") or 0))

    def json(self):
        return json.loads(self.body)


class WebSocket:
    """A WebSocket with the JSON protocol."""

    def __init__(self, link, path, headers=()):
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        self._link, self.code, self._lines = link, None, []
        self.answer = link.ask("GET", path, None, [*upgrade, ("Sec-WebSocket-Key", key), *headers])
        self.is_open = self.answer.status == 101
        if not self.is_open:
            self.answer.read()

    def send(self, message):
        self._frame(1, json.dumps(message).encode())

    def _frame(self, opcode, data):
        mask = os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self._link.send(bytes([0x80 | opcode]) + length + mask + masked)

    def message(self):
        """The next message that is no ping; `None` after a close frame; `code` then has its code."""
        while True:
            if self._lines:
                message = json.loads(self._lines.pop(0))
                if message:
                    return message
                self.send({})
                continue
            first, second = self._link.exactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self._link.exactly(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self._link.exactly(8))
            data = self._link.exactly(length)
            if first & 0x0F == 8:
                (self.code,) = struct.unpack(">H", data[:2])
                return None
            if first & 0x0F == 9:
                self._frame(10, data)
            if first & 0x0F in (1, 2):
                self._lines += [line for line in data.decode().split("\n") if line]

    def reply(self, number):
        while (message := self.message()) is not None:
            if message.get("id") == number:
                return message
        raise Broken(f"closed with {self.code} instead of an answer")

    def push(self):
        """The next push."""
        while (message := self.message()) is not None:
            if "push" in message:
                return message["push"]
        raise Broken(f"closed with {self.code} instead of a push")

    def hold(self):
        """Answers pings until the connection ends; the code of the close is then in `code`."""
        while self.message() is not None:
            pass

    def wait(self, seconds):
        self._link.wait(seconds)


class Stream:
    """An emulated stream: `http_stream`, or server-sent events."""

    def __init__(self, answer):
        self._answer = answer
        self._events = answer.header("content-type").startswith("text/event-stream")
        self._unread = b""
        self.connected = self.message()["connect"]

    def message(self):
        """The next message that is no ping; `None` at the end of the stream."""
        end, prefix = (b"\n\n", b"data: ") if self._events else (b"\n", b"")
        while True:
            if self._unread.startswith(b"\r\n"):
                self._unread = self._unread[2:]
            if end not in self._unread:
                part = self._answer.chunk()
                if not part:
                    return None
                self._unread += part
                continue
            line, self._unread = self._unread.split(end, 1)
            message = json.loads(line.removeprefix(prefix))
            if message:
                return message

    def push(self):
        while (message := self.message()) is not None:
            if "push" in message:
                return message["push"]
        raise Broken("the stream ended instead of a push")

    def command(self, commands):
        """The body of a request to `/emulation`."""
        session, node = self.connected["session"], self.connected["node"]
        return {"session": session, "node": node, "data": json.dumps(commands)}
