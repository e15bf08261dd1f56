"""Autobahn's sections 1 to 7 in short, with both ends of a library that nobody here wrote (websockets).

`serve CERT KEY` echoes on a free port and prints it. `ask PORT HOST CA` runs every case against 127.0.0.1:PORT and prints one
JSON line for each: its name and what came back. The same cases straight to the echo and through the gateway must print the same.
"""

import asyncio
import json
import ssl
import struct
import sys

import websockets
from websockets.exceptions import ConnectionClosed

LIMIT = 1 << 20
LAST = b"dernier mot"


async def echo(socket, *_):
    try:
        async for message in socket:
            await socket.send(message)
    except ConnectionClosed:
        pass


async def serve(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with websockets.serve(echo, "127.0.0.1", 0, ssl=context, max_size=LIMIT) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


def frame(first, payload=b"", mask=True):
    """A frame as bytes, right or wrong: `first` is FIN, RSV and opcode."""
    head = bytes([first])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not mask:
        return head + payload
    key = b"\x01\x02\x03\x04"
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 0x81, 0x82, 0x80, 0x88, 0x89, 0x8A

# Name, and the raw frames that are sent. A case ends with what came back until the connection ended.
RAW = [
    ("1.1.1 empty text", [frame(TEXT)]),
    *[(f"1.1 text of {size}", [frame(TEXT, b"*" * size)]) for size in (125, 126, 127, 128, 65535, 65536)],
    *[(f"1.2 binary of {size}", [frame(BINARY, b"\xfe" * size)]) for size in (0, 125, 126, 65536)],
    ("1.1.8 byte by byte", [bytes([byte]) for byte in frame(TEXT, b"mot a mot")]),
    ("2.1 ping", [frame(PING)]),
    ("2.4 ping of 125", [frame(PING, b"\x00\xff" * 62)]),
    ("2.5 ping of 126", [frame(PING, b"\xfe" * 126)]),
    ("2.7 pong unasked", [frame(PONG, b"rien")]),
    ("2.10 ten pings", [frame(PING, bytes([n])) for n in range(10)]),
    ("3.1 reserved bit", [frame(TEXT | 0x40, b"a")]),
    ("3.4 two reserved bits", [frame(TEXT | 0x30, b"b"), frame(PING)]),
    *[(f"4 opcode {opcode}", [frame(0x80 | opcode)]) for opcode in (3, 7, 11, 15)],
    ("5.1 ping in pieces", [frame(0x09, b"a"), frame(CONTINUED, b"b")]),
    ("5.3 text in two", [frame(0x01, b"de"), frame(CONTINUED, b"ux")]),
    ("5.6 ping between", [frame(0x01, b"de"), frame(PING, b"p"), frame(CONTINUED, b"ux")]),
    ("5.9 continued from nothing", [frame(CONTINUED, b"a")]),
    ("5.18 text within text", [frame(0x01, b"a"), frame(TEXT, b"b")]),
    ("6.2 UTF-8", [frame(TEXT, "κόσμε é 漢 😀".encode())]),
    ("6.3 not UTF-8", [frame(TEXT, b"\xce\xba\xed\xa0\x80")]),
    ("6.4 UTF-8 cut between frames", [frame(0x01, b"\xc3"), frame(CONTINUED, b"\xa9")]),
    ("7.1 close", [frame(CLOSE, struct.pack(">H", 1000))]),
    ("7.3 close of one byte", [frame(CLOSE, b"a")]),
    ("7.5 close not UTF-8", [frame(CLOSE, struct.pack(">H", 1000) + b"\xff")]),
    *[(f"7.7 close {code}", [frame(CLOSE, struct.pack(">H", code))]) for code in (1001, 1011, 3000, 4999)],
    *[(f"7.9 close {code}", [frame(CLOSE, struct.pack(">H", code))]) for code in (0, 999, 1005, 1006, 2999)],
    ("no mask", [frame(TEXT, b"a", mask=False)]),
]
HANDSHAKE = (
    "GET /canal HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def raw(port, host, context, frames):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    writer.write(HANDSHAKE.format(host=host).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    came = [head.split("\r\n")[0], "s3pplmbitxaq9kygzzhzrbk+xoo=" in head]
    for sent in frames:
        writer.write(sent)
        await writer.drain()
    # The last word comes back after all else, or the other side has closed already; then a well-behaved end.
    back = b""
    try:
        writer.write(frame(TEXT, LAST))
        while not back.endswith(LAST) and (more := await reader.read(1 << 16)):
            back += more
        writer.write(frame(CLOSE, struct.pack(">H", 1000)))
        back += await reader.read(-1)
    except (ConnectionError, ssl.SSLError):
        back += b"reset"
    writer.close()
    return came + [len(back), back[:64].hex()]


async def by_library(port, host, context, deflate):
    compression = "deflate" if deflate else None
    async with websockets.connect(
        f"wss://{host}/canal",
        host="127.0.0.1",
        port=port,
        ssl=context,
        server_hostname=host,
        compression=compression,
    ) as socket:
        came = [[extension.name for extension in socket.extensions]]
        for message in ["mot", "é" * 40000, b"\x00" * 70000, ["en ", "trois ", "parts"]]:
            await socket.send(message)
            came.append(len(await socket.recv()))
        await (await socket.ping(b"echo"))
    return came + [socket.close_code]


async def ask(port, host, authority):
    context = ssl.create_default_context(cafile=authority)
    for name, frames in RAW:
        print(json.dumps([name, await asyncio.wait_for(raw(int(port), host, context, frames), 20)]))
    for name, deflate in [("12 deflate", True), ("by library", False)]:
        print(json.dumps([name, await asyncio.wait_for(by_library(int(port), host, context, deflate), 20)]))


asyncio.run({"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:]))
