#!/usr/bin/env python3
"""Sends a broker what no client would, and checks that it stays calm.

    tests/clients/with-ottla tests/clients/bad_input.py [TEST …]
    tests/clients/bad_input.py HOST:PORT [--pid PID] [--rss-mb 400] [--seed 1] [TEST …]

After each test the broker must answer a fresh connection within a second, a produce and fetch
through kcat that go on all along must not have stopped for more than STALL_SECONDS_MAX,
and its memory must stay under the bound. The process id comes from --pid or BROKER_PID.

Apache Kafka itself does not pass `announced_and_never_sent`: it allocates what a frame announces,
it takes some of `broken_batches` (LENIENT_KAFKA), and says of others only that something went wrong
(PUZZLED_KAFKA), which is allowed when BROKER_KIND is kafka.
"""

import argparse
import os
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent.parent / "perf" / "peers"))
import wire as w  # noqa: E402
from broker import rss_mb  # noqa: E402

ANSWER_SECONDS_MAX = 1.0
STALL_SECONDS_MAX = 3.0
# kcat reads its input in blocks of this size and waits for each to fill.
LINE_BYTES = 4096
TEST_SECONDS_MAX = 90
# A little more than what a batch may unpack to.
BOMB_BYTES = (256 << 20) + 1000
# What an idle connection may cost in the broker.
IDLE_KIB_MAX = 4.0
# What Apache Kafka 4.3.1 appends although its records are wrong.
LENIENT_KAFKA = {"deltas don't start at 0", "deltas repeat"}
# What it answers with UNKNOWN_SERVER_ERROR, since an exception passed all its checks.
PUZZLED_KAFKA = {"unknown codec", "not gzip at all", "not snappy at all", "not lz4 at all"}
# Kafka's codes for a batch that is not one.
CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE, INVALID_RECORD = 2, 76, 87


class Context:
    def __init__(self, address, pid, rss_mb_max, seed):
        self.address, self.pid, self.rss_mb_max = address, pid, rss_mb_max
        self.chance = random.Random(seed)
        self.count = 0
        self.topic = f"bad-input-{os.getpid()}"

    def connect(self, timeout_s=5):
        return w.Connection(self.address, timeout_s)

    def answers(self):
        """The broker answers a newcomer, and soon."""
        started = time.monotonic()
        with self.connect() as connection:
            error, rows = connection.api_versions()
        took = time.monotonic() - started
        if error or not rows:
            raise AssertionError(f"ApiVersions answered error {error} and {len(rows)} keys")
        if took > ANSWER_SECONDS_MAX:
            raise AssertionError(f"a newcomer waited {took:.1f} s for an answer")

    def closes_or_refuses(self, data, seconds=3):
        """Sends raw bytes; the broker closes the connection or sends an answer, or waits for more.
        It must not hang half way: returns what came."""
        with self.connect(seconds) as connection:
            try:
                connection.send(data)
                return connection.socket.recv(65536)
            except TimeoutError:
                return None
            except ConnectionError:
                return b""

    def closes(self, data, seconds=5):
        """Sends raw bytes that can never become a request: the broker must close."""
        with self.connect(seconds) as connection:
            try:
                connection.send(data)
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    if not connection.socket.recv(65536):
                        return
            except TimeoutError:
                pass
            except ConnectionError:
                return
        raise AssertionError(f"the connection stayed open after {data[:12].hex()}")


class Bystander:
    """A kcat producer and a kcat consumer on a topic of their own, that must not be disturbed."""

    def __init__(self, context):
        self.context = context
        self.topic = f"{context.topic}-bystander"
        self.stopping = threading.Event()
        self.arrivals = []
        self.sent = 0
        with context.connect() as connection:
            connection.ask(w.METADATA, 1, struct.pack(">i", 1) + w.string(self.topic))
        subprocess.run(["kcat", "-b", context.address, "-P", "-t", self.topic], input=b"start\n",
                       check=True, timeout=20)
        self.consumer = subprocess.Popen(
            ["kcat", "-b", context.address, "-C", "-t", self.topic, "-o", "beginning", "-q", "-u",
             "-E", "-X", "fetch.wait.max.ms=100"], stdout=subprocess.PIPE)
        self.producer = subprocess.Popen(
            ["kcat", "-b", context.address, "-P", "-t", self.topic, "-E", "-q",
             "-X", "linger.ms=0", "-X", "enable.idempotence=true"], stdin=subprocess.PIPE)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.writer = threading.Thread(target=self.write, daemon=True)
        self.reader.start()
        self.writer.start()
        self.moved()

    def write(self):
        """Twenty numbered lines a second."""
        while not self.stopping.wait(0.05):
            try:
                self.producer.stdin.write(b"%-*d\n" % (LINE_BYTES - 1, self.sent))
                self.producer.stdin.flush()
                self.sent += 1
            except OSError:
                return

    def read(self):
        for line in self.consumer.stdout:
            self.arrivals.append((time.monotonic(), line.strip()))

    def moved(self):
        """Waits for the next arrival."""
        seen, until = len(self.arrivals), time.monotonic() + STALL_SECONDS_MAX
        while len(self.arrivals) <= seen:
            if time.monotonic() > until:
                raise AssertionError(f"the bystander has stood for {STALL_SECONDS_MAX} s")
            time.sleep(0.01)

    def longest_stall(self, since):
        times = [since] + [at for at, _ in self.arrivals if at > since] + [time.monotonic()]
        return max(b - a for a, b in zip(times, times[1:]))

    def close(self):
        """Everything sent came, once and in order."""
        self.stopping.set()
        self.writer.join()
        self.producer.stdin.close()
        try:
            self.producer.wait(15)
        except subprocess.TimeoutExpired:
            raise AssertionError("the bystander's producer cannot finish") from None
        until = time.monotonic() + 10
        while len(self.arrivals) < self.sent + 1 and time.monotonic() < until:
            time.sleep(0.02)
        self.kill()
        got = [line for _, line in self.arrivals]
        if got != [b"start"] + [b"%d" % i for i in range(self.sent)]:
            raise AssertionError(f"the bystander sent {self.sent} lines and {len(got) - 1} came")

    def kill(self):
        self.stopping.set()
        for process in (self.consumer, self.producer):
            process.kill()
            process.wait()


def frame(body):
    return struct.pack(">i", len(body)) + body


def random_bytes(context):
    """Noise of every size, as such and inside well-formed frames with a known key."""
    for size in (1, 3, 4, 5, 8, 64, 1000, 100_000):
        context.closes_or_refuses(context.chance.randbytes(size), 0.3)
    for _ in range(300):
        key = context.chance.choice([0, 1, 2, 3, 18, 19, 20, 21, 22, 23, 32, 33, 37, 44, 60, 75])
        version = context.chance.randint(0, 13)
        body = context.chance.randbytes(context.chance.randint(0, 400))
        context.closes_or_refuses(frame(w.header(key, version) + body), 0.3)


def truncated_frames(context):
    """Every prefix of a valid request, then the end of the connection."""
    request = frame(w.header(w.PRODUCE, 3) + w.produce_body(context.topic, 0, w.batch([b"x"] * 3)))
    for size in range(1, len(request)):
        with context.connect() as connection:
            connection.send(request[:size])
    with context.connect() as connection:
        error, _, end = connection.list_offset(context.topic, 0)
        if (error, end) != (0, 0):
            raise AssertionError(f"error {error}, {end} records from half frames")


def frames_shorter_than_they_say(context):
    """Whole frames whose body ends in the middle of a field: an error or a close, never a hang."""
    body = w.header(w.PRODUCE, 3) + w.produce_body(context.topic, 0, w.batch([b"x"] * 3))
    for size in range(0, len(body)):
        got = context.closes_or_refuses(frame(body[:size]), 3)
        if got is None:
            raise AssertionError(f"no answer and no close for a body cut at {size}")


def lengths(context):
    """The largest, negative and empty frame lengths."""
    for length in (2**31 - 1, 2**30, 104857601, -1, -2, -2**31):
        context.closes(struct.pack(">i", length) + b"x" * 100)
    for length in (0, 1, 3, 7):
        if context.closes_or_refuses(struct.pack(">i", length) + b"x" * length, 3) is None:
            raise AssertionError(f"a frame of {length} bytes was neither answered nor closed")


def one_log_line_for_each_connection_cut(context):
    """It names the peer and the reason, once, however many bytes follow; goodbyes are not told."""
    log = Path(os.environ.get("BROKER_LOG_DIR", "")).parent / "out.log"
    if os.environ.get("BROKER_KIND") != "ottla" or not log.exists():
        print("     the log of another broker is not looked at", flush=True)
        return
    noise = context.chance.randbytes(200_000)
    good = frame(w.header(w.API_VERSIONS, 0))
    too_long = r"a frame of -?\d+ bytes; socket\.request\.max\.bytes is \d+"
    cases = [
        (struct.pack(">i", 2**31 - 1) + noise, too_long),
        (struct.pack(">i", 104857601) + noise, too_long),
        (struct.pack(">i", -1) + noise, too_long),
        (struct.pack(">i", 0) + noise, too_long),
        (good * 3 + struct.pack(">i", -7) + noise, too_long),
        (b"GET / HTTP/1.1\r\nHost: ottla\r\n\r\n" * 1000, too_long),
        (b"\x16\x03\x01\x00\xf5\x01" + noise, too_long),
        (frame(b"abc") + noise, "malformed request: .+"),
        (frame(w.header(w.PRODUCE, 3) + b"\0") * 100, "malformed request: .+"),
        (frame(w.header(w.METADATA, 1) + struct.pack(">i", 10**8)), "malformed request: .+"),
        (frame(w.header(999, 0)) * 100, "api key 999 is not served"),
        (frame(w.header(w.METADATA, 1000) + b"\0") * 100, "version 1000 of Metadata is not served"),
    ]
    wanted = {}
    for data, reason in cases:
        with context.connect() as connection:
            wanted[peer(connection)] = reason
            with_patience(connection, data)
            until_closed(connection)
    with context.connect() as connection:
        wanted[peer(connection)] = too_long
        for byte in b"\xff" * 500:
            with_patience(connection, bytes([byte]))
        until_closed(connection)
    with context.connect() as connection:
        wanted[peer(connection)] = "the peer closed 997 bytes before the end of a frame"
        connection.send(struct.pack(">i", 1000) + b"abc")
    with context.connect() as connection:
        polite = peer(connection)
        connection.api_versions()
    # What comes last: its line stands behind all others.
    with context.connect() as connection:
        last = peer(connection)
        wanted[last] = "api key 998 is not served"
        connection.send(frame(w.header(998, 0)))
        until_closed(connection)
    until = time.monotonic() + 10
    while f"peer={last} " not in (told := log.read_text()) and time.monotonic() < until:
        time.sleep(0.01)
    lines = [line for line in told.splitlines() if "peer=" in line]
    for name, reason in wanted.items():
        mine = [line for line in lines if f"peer={name} " in line]
        if len(mine) != 1 or not re.search(f" INFO connection closed .*error={reason}$", mine[0]):
            raise AssertionError(f"{name} was cut for {reason}: {len(mine)} lines, {mine[:3]}")
    if any(f"peer={polite} " in line for line in lines):
        raise AssertionError("a client that left between two requests is told of")


def peer(connection):
    return "{}:{}".format(*connection.socket.getsockname())


def until_closed(connection):
    """Reads answers until the broker ends the connection, as it must."""
    try:
        while connection.socket.recv(65536):
            pass
    except ConnectionError:
        pass


def unknown_keys_and_versions(context):
    for key, version in ((4, 0), (7, 0), (999, 0), (-1, 0), (32767, 32767), (w.PRODUCE, 99),
                         (w.FETCH, -1), (w.METADATA, 1000), (w.FETCH, 0), (w.LIST_OFFSETS, 0)):
        got = context.closes_or_refuses(frame(w.header(key, version) + b"\0" * 20), 3)
        if got is None:
            raise AssertionError(f"key {key} version {version}: neither an answer nor a close")


def negative_and_huge_counts(context):
    """Array, string and bytes lengths far beyond the frame: refused without being allocated."""
    topic = w.string(context.topic)
    bodies = []
    for count in (-2, -2**31, 2**31 - 1, 100_000_000):
        size = struct.pack(">i", count)
        bodies += [
            (w.METADATA, 1, size), (w.METADATA, 1, size + topic),
            (w.PRODUCE, 3, w.string(None) + struct.pack(">hi", 1, 1000) + size),
            (w.PRODUCE, 3, w.string(None) + struct.pack(">hii", 1, 1000, 1) + topic + size),
            (w.PRODUCE, 3, w.string(None) + struct.pack(">hii", 1, 1000, 1) + topic
             + struct.pack(">ii", 1, 0) + size),
            (w.FETCH, 4, struct.pack(">iiiib", -1, 0, 1, 1000, 0) + size),
            (w.LIST_OFFSETS, 1, struct.pack(">i", -1) + size),
            (19, 2, size), (20, 1, size), (32, 1, size), (33, 0, size), (21, 0, size),
        ]
    for short in (-2, -32768, 32767):
        bodies.append((w.METADATA, 1, struct.pack(">ih", 1, short)))
    # Flexible versions: compact counts as five-byte varints.
    for count in (b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x07", b"\xff" * 12):
        bodies += [(w.METADATA, 9, b"\0" + count), (w.FETCH, 12, b"\0" + count),
                   (w.API_VERSIONS, 3, b"\0" + count), (w.PRODUCE, 9, b"\0\0" + count),
                   (75, 0, b"\0" + count)]
    for key, version, body in bodies:
        got = context.closes_or_refuses(frame(w.header(key, version) + body), 3)
        # Apache Kafka forgets to answer a Produce whose records are null.
        if got is None and not (key == w.PRODUCE and os.environ.get("BROKER_KIND") == "kafka"):
            raise AssertionError(f"key {key} v{version} {body[-24:].hex()}: no answer, no close")


def arrays_of_nothing(context):
    """Sixteen megabytes that really hold eight million empty names: as objects they would be many
    times as large. The broker refuses before it has taken a few times the frame."""
    count = 8_000_000
    body = w.header(w.METADATA, 1) + struct.pack(">i", count) + bytes(2 * count)
    before = peak_mb(context.pid) if context.pid else 0
    got = context.closes_or_refuses(frame(body), 10)
    if got is None:
        raise AssertionError("neither an answer nor a close")
    grown = (peak_mb(context.pid) if context.pid else 0) - before
    if grown > 100 and os.environ.get("BROKER_KIND") != "kafka":
        raise AssertionError(f"{grown:.0f} MB more at the peak")


def many_names(context):
    """A hundred thousand names in one request, none of which a topic may have, and as many
    partitions of one topic: each is answered, and nobody waits for the broker to have compared
    each with each."""
    count = 100_000
    names = b"".join(w.string(f"!{number:x}") for number in range(count))
    with context.connect(30) as connection:
        answer = connection.ask(w.METADATA, 4, struct.pack(">i", count) + names + b"\1")
    if answer.count(b"!") != count:
        raise AssertionError(f"{answer.count(b'!')} names are answered")
    asked = b"".join(struct.pack(">iq", number, -1) for number in range(count))
    body = struct.pack(">ii", -1, 1) + w.string(context.topic) + struct.pack(">i", count) + asked
    with context.connect(30) as connection:
        answer = connection.ask(w.LIST_OFFSETS, 1, body)
    told = struct.unpack_from(">i", answer, 4 + 2 + len(context.topic))[0]
    if told != count:
        raise AssertionError(f"{told} partitions are answered")


def many_named_often(context):
    """One thing named a hundred thousand times: told each time, with memory for one at a time.
    Groups there are not: none is compared with all the others."""
    count = 20_000
    resource = b"\2" + w.string(context.topic) + struct.pack(">i", -1)
    with context.connect(60) as connection:
        answer = connection.ask(w.DESCRIBE_CONFIGS, 1, struct.pack(">i", count) + resource * count
                                + b"\0")
    if (told := struct.unpack_from(">i", answer, 4)[0]) != count:
        raise AssertionError(f"{told} resources are described")
    count = 100_000
    names = b"".join(w.string(f"no-group-{number:x}") for number in range(count))
    with context.connect(60) as connection:
        answer = connection.ask(w.DESCRIBE_GROUPS, 0, struct.pack(">i", count) + names)
    if (told := struct.unpack_from(">i", answer)[0]) != count:
        raise AssertionError(f"{told} groups are described")


def many_large_at_once(context):
    """Fifty clients ask about 120,000 topics each at the same time, who have short names: few MiB
    that become many as they are answered, one after the other. More than there is memory for in
    one request is refused."""
    count, clients = 120_000, 50
    names = b"".join(w.string(f"!{number:x}") for number in range(count))
    body = struct.pack(">i", count) + names + b"\1"
    connections = [context.connect(80) for _ in range(clients)]
    try:
        for connection in connections:
            connection.send_request(w.METADATA, 4, body)
        for connection in connections:
            answer = connection.response()
            if answer.count(b"!") != count:
                raise AssertionError(f"{answer.count(b'!')} names are answered")
    finally:
        for connection in connections:
            connection.close()
    if os.environ.get("BROKER_KIND") != "kafka":
        short = struct.pack(">i", 5_000_000) + w.string("!") * 5_000_000 + b"\1"
        with context.connect(30) as connection:
            connection.send_request(w.METADATA, 4, short)
            until_closed(connection)
    if context.pid and peak_mb(context.pid) > context.rss_mb_max:
        raise AssertionError(f"RSS was {peak_mb(context.pid):.0f} MB")


def peak_mb(pid):
    """The most resident memory the process ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def broken_batches(context):
    """Each is refused with Kafka's own code; the next good one gets the next offset."""
    good = w.batch([b"a", b"b"])
    flipped = bytearray(good)
    flipped[-1] ^= 1
    three = w.record(0, None, b"x") + w.record(1, None, b"y") + w.record(2, None, b"z")
    broken = {
        CORRUPT_MESSAGE: {
            "wrong CRC": w.batch([b"a"], crc=12345),
            "a flipped byte": bytes(flipped),
            "magic 7": w.batch([b"a"], magic=7),
            "length too short": w.batch([b"a"], length=20),
            "length negative": w.batch([b"a"], length=-5),
            "noise of a negative length": b"\xff" * 17 + context.chance.randbytes(300),
            "noise of a huge length": b"\x7f" * 17 + context.chance.randbytes(300),
        },
        INVALID_RECORD: {
            "magic 0": w.batch([b"a"], magic=0),
            "length too long": w.batch([b"a"], length=10_000),
            "count larger than the records": w.batch([b"a"], count=5),
            "count smaller than the records": w.batch([b"a", b"b", b"c"], count=1),
            "count negative": w.batch([b"a"], count=-1),
            "count huge": w.batch([b"a"], count=2**31 - 1),
            "deltas don't start at 0": w.batch([], records=w.record(5, None, b"x"), count=1),
            "deltas repeat": w.batch([], records=w.record(0, None, b"x") * 2, count=2),
            "last delta differs": w.batch([b"a", b"b"], last_delta=7),
            "bytes behind the records": w.batch([], records=three + b"junk", count=3),
            "a record longer than the batch": w.batch([], records=b"\xfe\xff\xff\xff\x0f", count=1),
            "not gzip at all": w.batch([b"a"], attributes=1),
            "not snappy at all": w.batch([b"a"], attributes=2),
            "not lz4 at all": w.batch([b"a"], attributes=3),
            "a control batch": w.batch([b"a"], attributes=0x20),
            "two batches in one": good + good,
            "no batch": b"",
            "half a header": good[:30],
            "half a batch": good[:-5],
        },
        UNSUPPORTED_COMPRESSION_TYPE: {
            "unknown codec": w.batch([b"a"], attributes=7),
            "not zstd at all": w.batch([b"a"], attributes=4),
        },
    }
    wrong, kafka = [], os.environ.get("BROKER_KIND") == "kafka"
    with context.connect() as connection:
        before = connection.end_offset(context.topic, 0)
        for wanted, name, records in ((code, name, records) for code, batches in broken.items()
                                      for name, records in batches.items()):
            if kafka and name in LENIENT_KAFKA:
                wanted = 0
            elif kafka and name in PUZZLED_KAFKA:
                wanted = -1
            try:
                with context.connect() as own:
                    error, _ = own.produce(context.topic, 0, records)
            except (ConnectionError, TimeoutError) as lost:
                error = repr(lost)
            if error != wanted:
                wrong.append(f"{name}: {error}, not {wanted}")
            if wanted == 0:
                before = connection.end_offset(context.topic, 0)
        after = connection.end_offset(context.topic, 0)
        if after != before:
            wrong.append(f"{after - before} records of them were written")
        error, offset = connection.produce(context.topic, 0, w.batch([b"good"]))
        if (error, offset) != (0, after):
            wrong.append(f"then a good one: error {error} at {offset}, wanted {after}")
    if wrong:
        raise AssertionError("; ".join(wrong))


def bombs():
    """One whole batch per codec whose records unpack to a little more than the bound of 256 MiB."""
    import zlib

    import lz4.frame
    import snappy
    import zstandard
    plain = b"\0" * BOMB_BYTES
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield 1, packer.compress(plain) + packer.flush()
    # Snappy packs at most 20:1, so its bomb is as large as a batch may be.
    yield 2, snappy_bomb(snappy)
    # LZ4 packs at most 255:1, so its bomb is a little less than the bound.
    yield 3, lz4.frame.compress(plain[:240 << 20], compression_level=0)
    yield 4, zstandard.ZstdCompressor(level=3).compress(plain)


def snappy_bomb(snappy):
    """Java's framing around blocks of zeros: as much as fits a batch."""
    block = snappy.compress(b"\0" * (1 << 20))
    blocks = (struct.pack(">i", len(block)) + block) * (1_000_000 // (len(block) + 4))
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + blocks


def compression_bombs(context):
    """Whole bombs in all codecs, eight connections with each at once: refused, not unpacked."""
    batches = []
    for codec, packed in bombs():
        if len(packed) < 1_040_000:
            batches += [w.batch([b""], records=packed, count=1, attributes=codec)] * 8
    if len(batches) < 24:
        raise AssertionError("the bombs are too large to be sent")
    connections = [context.connect(60) for _ in batches]
    try:
        for connection, batch in zip(connections, batches):
            connection.send_request(w.PRODUCE, 7, w.produce_body(context.topic, 0, batch))
        for connection in connections:
            try:
                error, _ = w.produce_answer(context.topic, connection.response())
            except ConnectionError:
                continue
            if error == 0:
                raise AssertionError("zeros were taken for a record")
    finally:
        for connection in connections:
            connection.close()


def half_open_connections(context):
    """Clients that say half a request and vanish, or close one direction."""
    request = frame(w.header(w.API_VERSIONS, 0))
    for _ in range(200):
        connection = context.connect()
        connection.send(request[:context.chance.randint(1, len(request) - 1)])
        # A reset instead of a goodbye.
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    with context.connect() as connection:
        connection.correlation_id = 1
        connection.send(request)
        connection.socket.shutdown(socket.SHUT_WR)
        try:
            connection.response()
        except ConnectionError:
            pass  # Allowed: whoever stops sending may be taken for gone.


def slow_connections(context):
    """A hundred clients that send a byte now and then, and fifty that never read their answers."""
    request = frame(w.header(w.METADATA, 1) + struct.pack(">i", -1))
    slow = [context.connect() for _ in range(100)]
    for byte in request[:20]:
        for connection in slow:
            connection.send(bytes([byte]))
        time.sleep(0.05)
    with context.connect() as connection:
        for _ in range(20):
            connection.produce(context.topic, 0, w.batch([b"x" * 900_000]))
    deaf = [context.connect() for _ in range(50)]
    ask = frame(w.header(w.FETCH, 4)
                + w.fetch_body(context.topic, 0, 0, wait_ms=0, max_bytes=16 << 20))
    for connection in deaf:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send(ask * 20)
    time.sleep(2)
    context.answers()
    for connection in slow + deaf:
        connection.close()


def five_thousand_idle_connections(context):
    many_files()
    idle, before = [], rss_mb(context.pid) if context.pid else 0
    try:
        for i in range(5000):
            idle.append(context.connect())
            if i % 500 == 0:
                context.answers()
        for connection in idle[::50]:
            if connection.api_versions()[0] != 0:
                raise AssertionError("an idle connection is not served")
        context.answers()
        if context.pid:
            each = (rss_mb(context.pid) - before) * 1024 / 5000
            print(f"     5000 idle connections: {each:.1f} KiB each", flush=True)
            if each > IDLE_KIB_MAX and os.environ.get("BROKER_KIND") != "kafka":
                raise AssertionError(f"an idle connection takes {each:.1f} KiB")
        readable, _, _ = select.select([c.socket for c in idle[:900]], [], [], 0)
        if readable:
            raise AssertionError(f"{len(readable)} of 900 idle connections were closed")
    finally:
        for connection in idle:
            connection.close()


def pipelined_without_reading(context):
    """A hundred thousand requests in one breath: the broker must stop reading, not hoard."""
    request = frame(w.header(w.API_VERSIONS, 0)) * 1000
    with context.connect(1) as connection:
        sent = 0
        try:
            for _ in range(100):
                connection.send(request)
                sent += 1000
        except TimeoutError:
            pass  # It stopped reading: as it should.
        context.answers()


def announced_and_never_sent(context):
    """Forty frames of 100 MB announced and not sent: nothing may be set aside for them."""
    announced = [context.connect() for _ in range(40)]
    started = time.monotonic()
    body = w.header(w.PRODUCE, 3) + b"x" * 1000
    for connection in announced:
        connection.send(struct.pack(">i", 100_000_000) + body)
    while time.monotonic() - started < 5:
        context.answers()
        time.sleep(0.2)
    for connection in announced:
        # A little more of each, so that the broker has to hold what came.
        connection.send(b"y" * 100_000)
    time.sleep(1)
    context.answers()
    for connection in announced:
        connection.close()


def watch_others(context, seconds, ask):
    """Newcomers are answered, and asked small and middling things, while `seconds` pass."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        context.answers()
        with context.connect() as connection:
            for size in (100, 40_000, 200_000):
                started = time.monotonic()
                error, _ = connection.produce(context.topic, 0, w.batch([b"x" * size]))
                took = time.monotonic() - started
                if error or took > ANSWER_SECONDS_MAX:
                    raise AssertionError(f"{size} bytes: error {error} after {took:.1f} s {ask}")
        time.sleep(0.2)


def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 5200:
        raise AssertionError(f"this shell allows only {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def one_byte_of_a_length(context):
    """Clients that send one byte and stop must not hold a receive buffer each."""
    many_files()
    silent = [context.connect() for _ in range(1500)]
    try:
        for connection in silent:
            connection.send(b"\0")
        watch_others(context, 2, "beside clients of one byte")
    finally:
        for connection in silent:
            connection.close()


def fill(context, batches):
    """Batches of 900 KB; returns the end offset."""
    records = w.batch([context.chance.randbytes(900_000)])
    with context.connect(30) as connection:
        for _ in range(batches):
            connection.produce(context.topic, 0, records)
        return connection.end_offset(context.topic, 0)


def deaf_clients_that_trickle(context):
    """Clients that read no answer and send on, byte by byte."""
    end = fill(context, 2)
    ask = frame(w.header(w.FETCH, 4) + w.fetch_body(context.topic, 0, end - 1, wait_ms=0))
    deaf = [context.connect() for _ in range(20)]
    try:
        for connection in deaf:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.send(ask * 40)
        time.sleep(0.5)
        for _ in range(60):
            for connection in deaf:
                with_patience(connection, b"\0")
            time.sleep(0.02)
        watch_others(context, 2, "beside a trickle")
    finally:
        for connection in deaf:
            connection.close()


def with_patience(connection, data):
    """Sends unless the broker has cut the connection, as it may."""
    try:
        connection.send(data)
    except OSError:
        pass


def stalled_uploads(context):
    """Four times 60 of 100 MB, then silence."""
    head = struct.pack(">i", 100_000_000) + w.header(w.PRODUCE, 3)
    stalled = [context.connect(1) for _ in range(4)]
    try:
        for connection in stalled:
            connection.send(head)
        piece = b"y" * 1_000_000
        for _ in range(60):
            for connection in stalled:
                try:
                    connection.socket.send(piece)
                except OSError:
                    pass  # It is not read: as it should be.
        watch_others(context, 8, "beside stalled uploads")
    finally:
        for connection in stalled:
            connection.close()


def half_frames(context):
    """Thousands of frames that lack their last byte: memory is charged for what has come."""
    many_files()
    half = struct.pack(">i", 63 << 10) + w.header(w.PRODUCE, 3) + b"z" * (62 << 10)
    connections = [context.connect() for _ in range(4000)]
    try:
        for connection in connections:
            connection.socket.setblocking(False)
            try:
                connection.socket.send(half)
            except OSError:
                pass
        # Those that stand still make room for those that wait, in seconds.
        time.sleep(6)
        watch_others(context, 3, "beside half frames")
        memory = rss_mb(context.pid) if context.pid else 0
        if memory > context.rss_mb_max:
            raise AssertionError(f"RSS is {memory:.0f} MB, more than {context.rss_mb_max}")
    finally:
        for connection in connections:
            connection.close()


def deaf_consumers(context):
    """Consumers of cold data that take nothing: memory stays bounded, and they are cut off."""
    end = fill(context, 120)
    files = Path(f"/proc/{context.pid}/fd")
    before = len(list(files.iterdir())) if context.pid else 0
    deaf = [context.connect() for _ in range(60)]
    try:
        most = 0
        for i, connection in enumerate(deaf):
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            start = max(0, end - 1 - 2 * i)
            connection.send(frame(w.header(w.FETCH, 4) + w.fetch_body(
                context.topic, 0, start, wait_ms=0, max_bytes=16 << 20)) * 20)
        started = time.monotonic()
        while context.pid and time.monotonic() - started < 75:
            most = max(most, rss_mb(context.pid))
            context.answers()
            if most > context.rss_mb_max:
                raise AssertionError(f"RSS is {most:.0f} MB, more than {context.rss_mb_max}")
            if len(list(files.iterdir())) <= before + 10:
                took = time.monotonic() - started
                print(f"     60 deaf consumers: gone in {took:.0f} s, {most:.0f} MB", flush=True)
                return
            time.sleep(0.5)
        if context.pid:
            raise AssertionError("deaf consumers are still connected")
    finally:
        for connection in deaf:
            connection.close()


TESTS = [random_bytes, truncated_frames, frames_shorter_than_they_say, lengths,
         one_log_line_for_each_connection_cut, unknown_keys_and_versions,
         negative_and_huge_counts, arrays_of_nothing, many_names, many_named_often,
         many_large_at_once, broken_batches,
         compression_bombs, half_open_connections, slow_connections, pipelined_without_reading,
         five_thousand_idle_connections, announced_and_never_sent, one_byte_of_a_length,
         deaf_clients_that_trickle, deaf_consumers, stalled_uploads, half_frames]


def too_long(*_):
    raise TimeoutError(f"longer than {TEST_SECONDS_MAX} s")


def run(context, bystander, test):
    """One test and what must hold after it."""
    started = time.monotonic()
    signal.alarm(TEST_SECONDS_MAX)
    try:
        test(context)
        context.answers()
        bystander.moved()
        stall = bystander.longest_stall(started)
        if stall > STALL_SECONDS_MAX:
            raise AssertionError(f"the bystander stood for {stall:.1f} s")
        memory = rss_mb(context.pid) if context.pid else 0
        if memory > context.rss_mb_max:
            raise AssertionError(f"RSS is {memory:.0f} MB, more than {context.rss_mb_max}")
        print(f"ok bad_input.{test.__name__} ({time.monotonic() - started:.1f} s, longest stall "
              f"{stall * 1000:.0f} ms, RSS {memory:.0f} MB)", flush=True)
        return True
    except Exception as error:  # noqa: BLE001: a test may fail in any way
        print(f"FAILED bad_input.{test.__name__}: {type(error).__name__}: {error}", flush=True)
        return False
    finally:
        signal.alarm(0)


def main():
    kafka = os.environ.get("BROKER_KIND") == "kafka"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tests", nargs="*", metavar="TEST", help="and HOST:PORT, or BROKER is used")
    parser.add_argument("--pid", type=int, default=int(os.environ.get("BROKER_PID", "0")))
    # The default memory budget of 256 MiB, code, stacks and slack.
    parser.add_argument("--rss-mb", type=float, default=1700 if kafka else 400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    addresses = [a for a in arguments.tests if ":" in a] or [os.environ.get("BROKER", "")]
    only = [a for a in arguments.tests if ":" not in a]
    if not addresses[0]:
        parser.error("no HOST:PORT")
    signal.signal(signal.SIGALRM, too_long)
    context = Context(addresses[0], arguments.pid, arguments.rss_mb, arguments.seed)
    subprocess.run(["kcat", "-b", context.address, "-L", "-t", context.topic, "-X",
                    "allow.auto.create.topics=true"], capture_output=True, timeout=20, check=True)
    bystander = Bystander(context)
    try:
        results = [run(context, bystander, t) for t in TESTS if not only or t.__name__ in only]
        try:
            bystander.close()
        except AssertionError as error:
            print(f"FAILED bad_input.bystander: {error}", flush=True)
            results.append(False)
    finally:
        bystander.kill()
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) and results else 1


if __name__ == "__main__":
    sys.exit(main())
