"""Flink SQL: a tumbling window from a topic to a topic, with the exactly-once sink.

`java/FlinkApp.java` runs the job in a cluster of its own. Half of the input is written, the process
is killed while it works, the rest is written, and another process goes on from the last checkpoint:
it commits or aborts the transactions that were left, and each window is there once, exact.
"""

import json
import tempfile
import time
from collections import defaultdict

from confluent_kafka import Producer
from jvm import Java, fetch
from run import equal
from suites.streams import topics_of
from suites.transactions import read

TEST_SECONDS_MAX = 500
PARTITIONS = 2
ORDERS = 3000
# The first order's time, at the start of a window; an order comes every 100 ms.
STARTED_MS = int(time.time() * 1000) // 10_000 * 10_000 - 600_000
# What Flink reaches into on Java 17.
OPENED = [part for package in ("lang", "net", "nio", "time", "util", "util.concurrent")
          for part in ("--add-opens", f"java.base/java.{package}=ALL-UNNAMED")]


def order(n):
    """Who, how much, when in milliseconds, and the partition."""
    return f"u{n % 7}", n, STARTED_MS + n * 100, n % PARTITIONS


def write(bench, topic, orders):
    producer = Producer({"bootstrap.servers": bench.address})
    for who, amount, at, partition in orders:
        told = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000)) + f".{at % 1000:03}Z"
        value = json.dumps({"who": who, "amount": amount, "moment": told})
        producer.produce(topic, value, partition=partition, timestamp=at)
    equal(producer.flush(30), 0, "left in the queue")


def expected():
    """(who, start of the window in seconds): (total, orders) of each."""
    sums = defaultdict(lambda: [0, 0])
    for n in range(ORDERS):
        who, amount, at, _ = order(n)
        window = sums[who, at // 10_000 * 10]
        window[0] += amount
        window[1] += 1
    return dict(sums)


def windows(bench, topic):
    return [json.loads(value) for values in read(bench, topic, PARTITIONS) for value in values]


def a_window_is_exact_after_a_kill(bench):
    flink = fetch("flink")
    prefix = topics_of(bench, "flink", ["orders", "sums"], PARTITIONS)
    orders, sums = f"{prefix}-orders", f"{prefix}-sums"
    with tempfile.TemporaryDirectory(prefix="flink-") as folder:
        def application():
            return Java([flink / "classes", f"{flink}/libs/*"], "FlinkApp", bench.address, prefix,
                        folder, heap="700m", options=[*OPENED, "-Duser.timezone=UTC"])
        write(bench, orders, map(order, range(ORDERS // 2)))
        with application() as first:
            first.until("the first windows are written", lambda: windows(bench, sums), 200)
            write(bench, orders, map(order, range(ORDERS // 2, ORDERS // 2 + 500)))
            first.kill()
        write(bench, orders, map(order, range(ORDERS // 2 + 500, ORDERS)))
        # Later than all windows, in each partition, so that they close.
        write(bench, orders, [("end", 0, STARTED_MS + ORDERS * 100 + 600_000, partition)
                              for partition in range(PARTITIONS)])
        wanted = expected()
        with application() as second:
            second.until("all windows are written",
                         lambda: len(windows(bench, sums)) >= len(wanted), 200)
    told = [((w["who"], w["since"]), [w["total"], w["orders"]]) for w in windows(bench, sums)]
    equal(len(told), len(wanted), "windows")
    equal(dict(told) == wanted, True, "each window has its sum")


TESTS = [a_window_is_exact_after_a_kill]
