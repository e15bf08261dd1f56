#!/usr/bin/env python3
"""An independent reading of the journal: C2SP tlog-tiles, RFC 6962 hashes, a signed note.

Shares no code with the gateway: Python's standard library, and openssl for the one Ed25519 signature. Prints
`witnessed N entries, root BASE64` or says what is wrong and exits 1.
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

TILE = 256  # hashes in a full tile, entries in a full bundle
ED25519_DER = bytes.fromhex("302a300506032b6570032100")


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(hashes):
    """RFC 6962, section 2.1, without recursion: the roots of the full subtrees, folded from the right."""
    stack = []  # (height, hash)
    for value in hashes:
        height = 0
        while stack and stack[-1][0] == height:
            value = node_hash(stack.pop()[1], value)
            height += 1
        stack.append((height, value))
    if not stack:
        return hashlib.sha256(b"").digest()
    value = stack.pop()[1]
    while stack:
        value = node_hash(stack.pop()[1], value)
    return value


def number_path(number):
    """C2SP tlog-tiles: groups of three digits, all but the last with an x."""
    groups = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03}")
    return "/".join(groups)


def tiles(folder, kind, count):
    """The tiles of one level that `count` items fill, with how many items each has."""
    for number in range((count + TILE - 1) // TILE):
        width = min(TILE, count - number * TILE)
        path = folder / "tile" / kind / number_path(number)
        if width < TILE and not path.is_file():
            path = path.parent / f"{path.name}.p" / str(width)
        yield number, width, path.read_bytes()


def entries(folder, size):
    for number, width, bundle in tiles(folder, "entries", size):
        at = 0
        for _ in range(width):
            length = int.from_bytes(bundle[at : at + 2], "big")
            entry = bundle[at + 2 : at + 2 + length]
            if len(entry) != length:
                raise ValueError(f"bundle {number} is cut short")
            yield entry
            at += 2 + length


def signed_checkpoint(folder):
    name, key_hash, key = (folder / "log.vkey").read_text().strip().split("+", 2)
    key = base64.b64decode(key)
    expected = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if expected.hex() != key_hash or key[0] != 1:
        raise ValueError("the verifier key does not hold together")
    text, signatures = (folder / "checkpoint").read_text().split("\n\n", 1)
    message = text + "\n"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if dash == "\u2014" and signer == name and signature[:4] == expected:
            verify(key[1:], message.encode(), signature[4:])
            origin, size, root = text.split("\n")[:3]
            if origin != name:
                raise ValueError(f"a checkpoint of {origin}, not of {name}")
            return int(size), base64.b64decode(root)
    raise ValueError("the log did not sign its checkpoint")


def verify(key, message, signature):
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        (place / "key").write_bytes(ED25519_DER + key)
        (place / "message").write_bytes(message)
        (place / "signature").write_bytes(signature)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", place / "key", "-rawin"]
        command += ["-in", place / "message", "-sigfile", place / "signature"]
        if subprocess.run(command, capture_output=True).returncode != 0:
            raise ValueError("the checkpoint's signature is wrong")


def check_hash_tiles(folder, hashes):
    """Every published tile of every level says what the entries say."""
    level = 0
    while hashes:
        for number, width, tile in tiles(folder, str(level), len(hashes)):
            if tile != b"".join(hashes[number * TILE : number * TILE + width]):
                raise ValueError(f"tile {level}/{number} differs from the entries")
        full = len(hashes) // TILE
        hashes = [root_hash(hashes[number * TILE : (number + 1) * TILE]) for number in range(full)]
        level += 1


def check_headers(found):
    """Entries stand at their index, and a closing names an opening before it, once."""
    open_now = set()
    for index, entry in enumerate(found):
        header = json.loads(entry.split(b"\n", 1)[0])
        if header["index"] != index:
            raise ValueError(f"entry {index} says that it is {header['index']}")
        if header["kind"] == "opened":
            open_now.add(index)
        elif header["kind"] == "closed":
            if header["opened"] not in open_now:
                raise ValueError(f"entry {index} closes {header['opened']}, which is not open")
            open_now.remove(header["opened"])


def main(folder):
    size, root = signed_checkpoint(folder)
    found = list(entries(folder, size))
    hashes = [leaf_hash(entry) for entry in found]
    if root_hash(hashes) != root:
        raise ValueError("the entries do not hash to the signed root")
    check_hash_tiles(folder, hashes)
    check_headers(found)
    print(f"witnessed {size} entries, root {base64.b64encode(root).decode()}")


if __name__ == "__main__":
    try:
        main(pathlib.Path(sys.argv[1]))
    except (ValueError, OSError, KeyError) as error:
        sys.exit(f"not witnessed: {error}")
