"""HTTP/2 to the gateway with a library that nobody here wrote (python3-h2), inside and outside of a tunnel.

usage: http2_client.py PORT ENROLMENT_FOLDER TOKEN ALLOWED_HOST REFUSED_HOST; prints what was answered as one JSON object.
"""

import json
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events

LIMIT_SECONDS = 20
EXTENDED = [(":protocol", "websocket"), (":scheme", "https"), (":path", "/canal")]


class Connection:
    """One HTTP/2 connection over `send` and `receive`; what is sent is not checked by the library."""

    def __init__(self, send, receive):
        # A client that means harm would not check what it sends either.
        config = h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.send, self.receive = send, receive
        self.heads, self.bodies, self.ended, self.reset, self.settings = {}, {}, set(), {}, {}
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.send(self.h2.data_to_send())

    def wait(self, done):
        while not done():
            data = self.receive()
            if not data:
                raise EOFError("the connection ended")
            for event in self.h2.receive_data(data):
                self.note(event)
            self.flush()

    def note(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.heads[event.stream_id] = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.reset[event.stream_id] = int(event.error_code)
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings.update({int(code): changed.new_value for code, changed in event.changed_settings.items()})

    def ask(self, headers, end=True):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers, end_stream=end)
        self.flush()
        return stream

    def head(self, stream):
        """Status of the answer, and the reason where it was refused; or how the stream was reset."""
        self.wait(lambda: stream in self.heads or stream in self.reset)
        # A whole answer before the end of a request is followed by a reset without error (RFC 9113, section 8.1).
        if stream not in self.heads:
            return {"reset": self.reset[stream]}
        head = self.heads[stream]
        details = head.get("proxy-status", "").partition('details="')[2].rstrip('"')
        return {"status": int(head[":status"]), "reason": details or None}

    def body(self, stream):
        self.wait(lambda: stream in self.ended)
        return self.bodies.get(stream, b"").decode()


class Tunnel:
    """TLS and HTTP/2 inside a CONNECT stream of another connection."""

    def __init__(self, outer, stream, host, issuer):
        self.outer, self.stream = outer, stream
        context = ssl.create_default_context(cafile=issuer)
        context.set_alpn_protocols(["h2"])
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)
        self.retry(self.tls.do_handshake)
        assert self.tls.selected_alpn_protocol() == "h2"

    def retry(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.push()
                self.outer.wait(lambda: self.outer.bodies.get(self.stream) or self.stream in self.outer.ended)
                self.incoming.write(self.outer.bodies.pop(self.stream, b""))
            finally:
                self.push()

    def push(self):
        data = self.outgoing.read()
        if data:
            self.outer.h2.send_data(self.stream, data)
            self.outer.flush()

    def send(self, data):
        if data:
            self.retry(lambda: self.tls.write(data))

    def receive(self):
        return self.retry(lambda: self.tls.read(65536))


def main(port, folder, token, allowed, refused):
    context = ssl.create_default_context(cafile=f"{folder}/trust.pem")
    context.load_cert_chain(f"{folder}/terminal.pem", f"{folder}/terminal.key")
    context.set_alpn_protocols(["h2"])
    raw = socket.create_connection(("127.0.0.1", int(port)), LIMIT_SECONDS)
    tls = context.wrap_socket(raw, server_hostname="localhost")
    outer = Connection(tls.sendall, lambda: tls.recv(65536))
    session = [("proxy-authorization", f"Bearer {token}")]
    connect = [(":method", "CONNECT")]
    told = {}
    told["foreign"] = outer.head(outer.ask(
        [(":method", "GET"), (":scheme", "https"), (":authority", allowed), (":path", "/")] + session))
    told["extended"] = outer.head(outer.ask(connect + [(":authority", allowed)] + EXTENDED + session))
    told["refused"] = outer.head(outer.ask(connect + [(":authority", f"{refused}:443")] + session, end=False))
    told["stranger"] = outer.head(outer.ask(connect + [(":authority", f"{allowed}:443")], end=False))

    stream = outer.ask(connect + [(":authority", f"{allowed}:443")] + session, end=False)
    told["connect"] = outer.head(stream)
    tunnel = Tunnel(outer, stream, allowed, f"{folder}/inspection.pem")
    inner = Connection(tunnel.send, tunnel.receive)
    get = [(":method", "GET"), (":scheme", "https"), (":authority", allowed), (":path", "/")]
    page = inner.ask(get)
    told["inside"] = inner.head(page)
    told["page"] = inner.body(page)
    told["advertised_inside"] = inner.settings.get(8, 0)
    told["extended_inside"] = inner.head(inner.ask(connect + [(":authority", allowed)] + EXTENDED, end=False))
    told["other_inside"] = inner.head(inner.ask(
        [(":method", "GET"), (":scheme", "https"), (":authority", refused), (":path", "/")]))
    told["after"] = inner.head(inner.ask(get))
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
