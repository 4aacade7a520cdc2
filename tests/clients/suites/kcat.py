"""kcat (librdkafka of the distribution): the client people try first."""

import json
import subprocess
import time

from run import equal, eventually, holds


def metadata_lists_the_broker(bench):
    told = json.loads(bench.kcat("-L", "-J").stdout)
    equal([b["name"] for b in told["brokers"]], [bench.address], "brokers")
    holds(told["controllerid"] == told["brokers"][0]["id"], "the broker is the controller")


def creates_a_topic_by_producing_to_it(bench):
    topic = bench.name("auto")
    bench.kcat("-P", "-t", topic, stdin="one\ntwo\nthree\n")
    equal(bench.kcat("-C", "-t", topic, "-e", "-q").stdout, "one\ntwo\nthree\n")


def keys_headers_timestamps_and_nulls(bench):
    topic = bench.topic()
    before_ms = int(time.time() * 1000)
    bench.kcat("-P", "-t", topic, "-K", ":", "-H", "a=1", "-H", "b=zwei", stdin="k:v\n")
    bench.kcat("-P", "-t", topic, "-K", ":", "-Z", stdin="gone:\n")
    lines = bench.kcat("-C", "-t", topic, "-e", "-q", "-J").stdout.splitlines()
    first, second = (json.loads(line) for line in lines)
    equal((first["key"], first["payload"], first["headers"]), ("k", "v", ["a", "1", "b", "zwei"]))
    equal((first["tstype"], first["offset"], first["partition"]), ("create", 0, 0))
    holds(before_ms <= first["ts"] <= time.time() * 1000, f"timestamp {first['ts']} is now")
    equal((second["key"], second["payload"], second["offset"]), ("gone", None, 1))


def every_level_of_acks(bench):
    topic = bench.topic()
    for acks in ("0", "1", "all"):
        bench.kcat("-P", "-t", topic, "-X", f"acks={acks}", stdin=f"acks={acks}\n")
    got = eventually(lambda: bench.end_offsets(topic) == 3 and bench.kcat(
        "-C", "-t", topic, "-e", "-q").stdout, "three records")
    equal(sorted(got.split()), ["acks=0", "acks=1", "acks=all"])


def reads_from_any_offset(bench):
    topic = bench.topic()
    bench.kcat("-P", "-t", topic, stdin="".join(f"{i}\n" for i in range(100)))

    def read(*how):
        return bench.kcat("-C", "-t", topic, "-e", "-q", *how).stdout.split()
    equal(read("-o", "97"), ["97", "98", "99"])
    equal(read("-o", "-2"), ["98", "99"])
    equal(read("-o", "beginning", "-c", "2"), ["0", "1"])
    equal(read("-o", "end"), [])


def finds_offsets_by_time(bench):
    topic = bench.topic()
    bench.kcat("-P", "-t", topic, stdin="early\n")
    time.sleep(0.05)
    between_ms = int(time.time() * 1000)
    time.sleep(0.05)
    bench.kcat("-P", "-t", topic, stdin="late\n")
    equal(bench.kcat("-C", "-t", topic, "-e", "-q", "-o", f"s@{between_ms}").stdout, "late\n")
    equal(bench.kcat("-C", "-t", topic, "-q", "-e", "-o", "s@0", "-o", f"e@{between_ms}").stdout,
          "early\n")
    for time_asked, offset in ((-1, 2), (-2, 0), (between_ms, 1)):
        equal(bench.kcat("-Q", "-t", f"{topic}:0:{time_asked}").stdout.split(),
              [topic, "[0]", "offset", str(offset)], f"time {time_asked}")


def keeps_keys_together_over_sixteen_partitions(bench):
    topic = bench.topic(partitions=16)
    lines = [f"{i % 97}:{i} {'x' * (i % 50)}" for i in range(20000)]
    # Without idempotence a retried batch may land behind the next one.
    bench.kcat("-P", "-t", topic, "-K", ":", "-X", "enable.idempotence=true",
               stdin="\n".join(lines) + "\n")
    got = bench.kcat("-C", "-t", topic, "-e", "-q", "-f", "%p %k:%s\n").stdout.splitlines()
    equal(len(got), len(lines), "count")
    partition_of, last_of = {}, {}
    for line in got:
        partition, rest = line.split(" ", 1)
        key, value = rest.split(":", 1)
        number = int(value.split()[0])
        equal(partition_of.setdefault(key, partition), partition, f"partition of key {key}")
        holds(last_of.get(key, -1) < number, f"key {key} in order at {number}")
        last_of[key] = number
    equal(sorted(line.split(" ", 1)[1] for line in got), sorted(lines), "records")
    holds(len(set(partition_of.values())) == 16, "every partition got some")


def a_chosen_partition(bench):
    topic = bench.topic(partitions=4)
    bench.kcat("-P", "-t", topic, "-p", "3", stdin="here\n")
    equal(bench.kcat("-C", "-t", topic, "-p", "3", "-e", "-q").stdout, "here\n")
    equal(bench.kcat("-C", "-t", topic, "-p", "0", "-e", "-q").stdout, "")


def a_waiting_consumer_gets_a_record_at_once(bench):
    topic = bench.topic()
    consumer = subprocess.Popen(
        ["kcat", "-b", bench.address, "-C", "-t", topic, "-o", "end", "-c", "2", "-q", "-u",
         "-X", "fetch.wait.max.ms=20000", "-X", "fetch.min.bytes=1"],
        stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(1.5)  # Time for it to find the end and wait there.
        bench.kcat("-P", "-t", topic, stdin="first\n")
        started = time.monotonic()
        equal(consumer.stdout.readline(), "first\n")
        bench.kcat("-P", "-t", topic, stdin="second\n")
        equal(consumer.stdout.readline(), "second\n")
        holds(time.monotonic() - started < 3, "the wait ended long before fetch.wait.max.ms")
        equal(consumer.wait(10), 0, "exit code")
    finally:
        consumer.kill()
        consumer.wait()


def a_large_message_passes_and_a_larger_is_refused(bench):
    topic = bench.topic()
    large = "x" * 900_000
    bench.kcat("-P", "-t", topic, stdin=large + "\n")
    equal(bench.kcat("-C", "-t", topic, "-e", "-q").stdout, large + "\n")
    refused = bench.kcat("-P", "-t", topic, "-X", "message.max.bytes=9000000",
                         "-X", "message.timeout.ms=8000", stdin="y" * 3_000_000 + "\n", code=None)
    holds("Message size too large" in refused.stderr, f"refused clearly: {refused.stderr[-300:]}")
    equal(bench.end_offsets(topic), 1, "records")


def a_missing_topic_is_an_error(bench):
    refused = bench.kcat("-C", "-t", bench.name("missing"), "-e", code=None)
    holds(refused.returncode != 0, "exit code")
    holds("Unknown topic or partition" in refused.stderr, refused.stderr[-300:])


def small_fetches_bring_everything(bench):
    """Many tiny answers, each cut by max bytes, still give every record once and in order."""
    topic = bench.topic()
    lines = "".join(f"{i} {'y' * 200}\n" for i in range(5000))
    bench.kcat("-P", "-t", topic, "-X", "batch.num.messages=50", stdin=lines)
    got = bench.kcat("-C", "-t", topic, "-e", "-q", "-X", "fetch.message.max.bytes=15000",
                     "-X", "fetch.max.bytes=1000000", "-X", "check.crcs=true").stdout
    equal(got == lines, True, "what was read is what was written")


TESTS = [metadata_lists_the_broker, creates_a_topic_by_producing_to_it,
         keys_headers_timestamps_and_nulls, every_level_of_acks, reads_from_any_offset,
         finds_offsets_by_time, keeps_keys_together_over_sixteen_partitions, a_chosen_partition,
         a_waiting_consumer_gets_a_record_at_once, a_large_message_passes_and_a_larger_is_refused,
         a_missing_topic_is_an_error, small_fetches_bring_everything]
