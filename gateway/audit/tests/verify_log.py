#!/usr/bin/env python3
"""Verifies a tlog-tiles folder with nothing of Passerelle's: RFC 6962 over every entry, and the signed note's
Ed25519 signature by openssl. usage: verify_log.py FOLDER [OLDER_CHECKPOINT]"""
import base64, hashlib, os, subprocess, sys, tempfile

def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()

def root(leaves):  # RFC 6962, section 2.1
    if not leaves: return sha()
    if len(leaves) == 1: return leaves[0]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha(b"\x01", root(leaves[:k]), root(leaves[k:]))

def checkpoint(path, vkey):
    note = open(path, "rb").read().decode()
    text, signatures = note.rsplit("\n\n", 1)
    body, (origin, size, hash64) = text + "\n", text.split("\n")[:3]
    name, key_hash, key64 = vkey.strip().split("+", 2)
    key = base64.b64decode(key64)
    assert key[0] == 1 and len(key) == 33 and origin == name
    assert sha(name.encode(), b"\n", key)[:4].hex() == key_hash, "key hash"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        raw = base64.b64decode(signature)
        if dash == "\u2014" and signer == name and raw[:4].hex() == key_hash:
            with tempfile.TemporaryDirectory() as d:
                parts = {"key": bytes.fromhex("302a300506032b6570032100") + key[1:], "sig": raw[4:], "body": body.encode()}
                for part, data in parts.items(): open(os.path.join(d, part), "wb").write(data)
                subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin",
                                "-in", "body", "-sigfile", "sig"], cwd=d, check=True, stdout=subprocess.DEVNULL)
            return int(size), base64.b64decode(hash64)
    sys.exit("the log did not sign its checkpoint")

def tile(folder, level, n, width):
    path = "%03d" % (n % 1000)
    while n >= 1000:
        n //= 1000
        path = "x%03d/%s" % (n % 1000, path)
    path = os.path.join(folder, "tile", str(level), path)
    return open(path if width == 256 else "%s.p/%d" % (path, width), "rb").read()

def main(folder, older=None):
    vkey = open(os.path.join(folder, "log.vkey")).read()
    size, signed = checkpoint(os.path.join(folder, "checkpoint"), vkey)
    leaves = []
    for n in range((size + 255) // 256):
        width = min(256, size - n * 256)
        bundle = tile(folder, "entries", n, width)
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            leaves.append(sha(b"\x00", bundle[2:2 + length]))
            bundle = bundle[2 + length:]
        assert len(leaves) == n * 256 + width, "bundle %d" % n
    assert root(leaves) == signed, "root"
    hashes, level = leaves, 0
    while hashes:  # a hash in a tile stands for a full tile below
        for n in range((len(hashes) + 255) // 256):
            part = hashes[n * 256:n * 256 + 256]
            assert tile(folder, level, n, len(part)) == b"".join(part), "tile %d/%d" % (level, n)
        hashes = [root(hashes[n:n + 256]) for n in range(0, len(hashes) // 256 * 256, 256)]
        level += 1
    if older:
        old_size, old_root = checkpoint(older, vkey)
        assert old_size <= size and root(leaves[:old_size]) == old_root, "not consistent"
    print("verified %d records, root %s" % (size, base64.b64encode(signed).decode()))

main(*sys.argv[1:])
