#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker in another language, from PROTOCOL.md alone: it carries out the
repeatable verb "status" and nothing else, and keeps no file, so it must not be
given anything that is harmful to run twice.

    worker.py HOST PORT NAME PEER < secret
"""
import hashlib, hmac, json, secrets, socket, sys, time

host, port, me, peer = sys.argv[1:5]
secret = sys.stdin.buffer.read().strip()
inst, boot, bn = secrets.token_hex(16), int(time.time() * 1000), secrets.token_hex(16)
bus = socket.create_connection((host, int(port))).makefile("rwb")

def direction(writer, reader):
    return hmac.digest(secret, f"oswald-ipc/1|{writer}|{reader}".encode(), hashlib.sha256)

def mac(key, name, body):
    return hmac.digest(key, name.encode() + b"\0" + body, hashlib.sha256)

def put(name, body):
    value = b"OT1\n" + mac(direction(me, peer), name, body) + body
    bus.write(b"set %s 0 60 %d\r\n%s\r\n" % (name.encode(), len(value), value)); bus.flush()
    assert bus.readline() == b"STORED\r\n"

def get(name):
    bus.write(b"get %s\r\n" % name.encode()); bus.flush()
    head = bus.readline().split()
    if head == [b"END"]:
        return None
    value = bus.read(int(head[3]) + 2)[:-2]
    assert bus.readline() == b"END\r\n"
    body = value[36:]
    good = value[:4] == b"OT1\n" and hmac.compare_digest(value[4:36], mac(direction(peer, me), name, body))
    return json.loads(body) if good else None

jobs, heard, echo, seq, last = {}, None, None, 0, 0.0
while True:
    m, dirty = get(f"osw/1/{me}/{peer}"), False
    if m and (heard is None or m["b"] > heard["b"] or m["bn"] == heard["bn"] and m["s"] > heard["s"]):
        offers = {o["id"]: o for o in m.get("o", [])}
        if heard is None or heard["bn"] != m["bn"]:  # void what a new process does not grant
            jobs = {i: j for i, j in jobs.items() if j["st"] != "claim" or offers.get(i, {}).get("g") == j["n"]}
            dirty = True
        heard = m
        jobs = {i: j for i, j in jobs.items() if j["st"] == "done" and i not in m.get("f", []) or j["st"] != "done" and i in offers}
        for i, o in offers.items():
            if i not in jobs:
                bad = {"code": "invalid", "msg": f"{me} does not know the command {o['v']}."}
                ok = o["v"] == "status" and o.get("i")
                jobs[i] = {"id": i, "st": "claim", "n": secrets.token_hex(16)} if ok else {"id": i, "st": "refused", "e": bad}
                dirty = True
            elif jobs[i]["st"] == "claim" and o.get("g") == jobs[i]["n"]:
                echo = {"bn": m["bn"], "gn": m.get("gn", 0)}
                jobs[i] = {"id": i, "st": "done", "r": {"language": "Python"}}
                dirty = True
    if dirty or time.monotonic() - last > 2:
        seq, last = seq + 1, time.monotonic()
        body = {"ver": "py", "inst": inst, "b": boot, "bn": bn, "s": seq, "t": int(time.time() * 1000), "it": list(jobs.values())}
        body |= {"sb": heard["bn"]} if heard else {}
        body |= {"hb": echo} if echo else {}
        put(f"osw/1/{peer}/{me}", json.dumps(body).encode())
    time.sleep(0.01)
