"""Requests over HTTP/2 that no well-behaved client sends: each case of standard input on a connection of its own.

usage: http2_bytes.py PORT ENROLMENT_FOLDER TOKEN; reads the cases as JSON and prints, for each, status and reason, or the reset.
"""

import json
import socket
import ssl
import sys

from http2_client import Connection, LIMIT_SECONDS


def outer(port, folder, protocol):
    context = ssl.create_default_context(cafile=f"{folder}/trust.pem")
    context.load_cert_chain(f"{folder}/terminal.pem", f"{folder}/terminal.key")
    context.set_alpn_protocols([protocol])
    raw = socket.create_connection(("127.0.0.1", int(port)), LIMIT_SECONDS)
    return context.wrap_socket(raw, server_hostname="localhost")


class Inside:
    """TLS inside a tunnel over HTTP/1.1."""

    def __init__(self, tls, host, token, issuer):
        self.outer = tls
        tls.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\nProxy-Authorization: Bearer {token}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += tls.recv(1)
        assert b" 200 " in head, head
        context = ssl.create_default_context(cafile=issuer)
        context.set_alpn_protocols(["h2"])
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)
        self.retry(self.tls.do_handshake)

    def retry(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.push()
                data = self.outer.recv(65536)
                self.incoming.write(data) if data else self.incoming.write_eof()
            finally:
                self.push()

    def push(self):
        data = self.outgoing.read()
        if data:
            self.outer.sendall(data)

    def send(self, data):
        if data:
            self.retry(lambda: self.tls.write(data))

    def receive(self):
        return self.retry(lambda: self.tls.read(65536))


def ask(case, port, folder, token):
    if case.get("inside"):
        inside = Inside(outer(port, folder, "http/1.1"), case["inside"], token, f"{folder}/inspection.pem")
        connection = Connection(inside.send, inside.receive)
    else:
        tls = outer(port, folder, "h2")
        connection = Connection(tls.sendall, lambda: tls.recv(65536))
    fields = [tuple(field) for field in case["fields"]]
    if not case.get("inside") and case.get("session", True):
        fields.append(("proxy-authorization", f"Bearer {token}"))
    body, trailers = case.get("body"), case.get("trailers")
    stream = connection.ask(fields, end=body is None)
    if body is not None:
        connection.h2.send_data(stream, body.encode("latin-1"), end_stream=not trailers)
    if trailers:
        connection.h2.send_headers(stream, [tuple(field) for field in trailers], end_stream=True)
    connection.flush()
    return connection.head(stream)


def main(port, folder, token):
    told = []
    for case in json.load(sys.stdin):
        try:
            told.append(ask(case, port, folder, token))
        except Exception as error:  # what the library makes of it is told, not hidden
            told.append({"error": f"{type(error).__name__}: {error}"})
    print(json.dumps(told))


main(*sys.argv[1:])
