#!/usr/bin/env python3
"""A peer of version 1 (docs/protocol.md): keeps the rows that a node sends in an SQLite file, and sends it rows.

usage: peer.py NAME NODE HOST PORT FILE

NAME is the peer's own name and NODE that of the node, which must have it in remoteClients. A line on standard input
sends a row, or with null a delete:  orders 7 {"id": "7", "item": "nut"}
"""
import json, queue, sqlite3, sys, threading, time
import paho.mqtt.client as mqtt

me, node, host, port, path = sys.argv[1:6]
todo = queue.Queue()  # what the main thread has to do: messages, and lines of standard input
node_until = 0.0  # the node is online until then, by our own clock
flying = {}  # what was sent and not answered: (table, id) -> (date, when, entity)

db = sqlite3.connect(path, isolation_level=None)  # each statement is committed when it returns
db.execute("CREATE TABLE IF NOT EXISTS entities (tbl, id, entity, PRIMARY KEY (tbl, id))")
db.execute("CREATE TABLE IF NOT EXISTS outbox (tbl, id, entity, PRIMARY KEY (tbl, id))")


def now():
    return int(time.time() * 1000)


def publish(topic, message):
    client.publish(topic, json.dumps({"sender": me, **message}), qos=1)


def store(table, id, entity):
    if entity is None:
        db.execute("DELETE FROM entities WHERE tbl = ? AND id = ?", (table, id))
    else:  # an entity with only some columns writes only those
        old = db.execute("SELECT entity FROM entities WHERE tbl = ? AND id = ?", (table, id)).fetchone()
        row = {**(json.loads(old[0]) if old else {}), **entity}
        db.execute("REPLACE INTO entities VALUES (?, ?, ?)", (table, id, json.dumps(row)))
    print(table, id, json.dumps(entity), flush=True)


def receive(topic, message):
    global node_until
    args = message.get("args", {})
    if message["sender"] != node:
        return
    if topic == "/change/" + me:
        answer = {"table": message["table"], "id": message["id"], "date": message["date"]}
        try:
            store(message["table"], message["id"], message["entity"])
            publish("/info/" + node, {"message": "data_received", "args": answer})  # only once it is stored
        except sqlite3.Error as e:
            publish("/info/" + node, {"message": "error", "args": {**answer, "message": str(e)[:255]}})
    elif message["message"] == "connected":
        node_until = time.monotonic() + max(5, (args["until"] - now()) / 1000)
    elif message["message"] == "connection_lost":
        node_until = 0.0
        flying.clear()
    elif message["message"] == "error":
        print("refused:", args["table"], args["id"], args["message"], file=sys.stderr, flush=True)
    elif flying.get((args["table"], args["id"]), (0,))[0] == args["date"]:  # data_received, of what we sent last
        _, _, entity = flying.pop((args["table"], args["id"]))  # a newer one, put there meanwhile, stays
        db.execute("DELETE FROM outbox WHERE tbl = ? AND id = ? AND entity = ?", (args["table"], args["id"], entity))


def send():
    """Send what waits, one change of a row at a time, and again what was not answered for 20 seconds."""
    if time.monotonic() < node_until and client.is_connected():
        for table, id, entity in db.execute("SELECT * FROM outbox").fetchall():
            if (table, id) not in flying or flying[table, id][1] < time.monotonic() - 20:
                flying[table, id] = date, _, _ = now(), time.monotonic(), entity
                publish("/change/" + node, {"table": table, "id": id, "date": date, "entity": json.loads(entity)})


def on_connect(*_):
    client.subscribe([("/info", 1), ("/info/" + me, 1), ("/change/" + me, 1)])
    todo.put(("beat", None))


def read_input():
    for line in sys.stdin:
        todo.put(("line", line))


client = mqtt.Client(*([mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, "CallbackAPIVersion") else []), client_id="peer-" + me)
client.will_set("/info", json.dumps({"sender": me, "message": "connection_lost", "args": {}}), qos=1)
client.on_connect = on_connect
client.on_message = lambda _client, _data, m: todo.put((m.topic, m.payload))
client.connect_async(host, int(port))
client.loop_start()  # a thread of paho's; it connects again by itself
threading.Thread(target=read_input, daemon=True).start()

beat = 0.0
while True:
    try:
        topic, payload = todo.get(timeout=0.2)
        if topic == "line":
            table, id, entity = payload.split(None, 2)
            db.execute("REPLACE INTO outbox VALUES (?, ?, ?)", (table, id, json.dumps(json.loads(entity))))
        elif topic == "beat":
            beat = 0.0
        else:
            receive(topic, json.loads(payload))
    except queue.Empty:
        pass
    except (ValueError, KeyError, TypeError, AttributeError) as e:  # foreign bytes must not stop us
        print("message or line refused:", repr(e), file=sys.stderr, flush=True)
    if time.monotonic() > beat + 3:  # well before "until"
        beat = time.monotonic()
        publish("/info", {"message": "connected", "args": {"until": now() + 8000}})
    send()
