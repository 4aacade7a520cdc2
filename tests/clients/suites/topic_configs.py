"""Topic and broker settings do what they say, changed while the broker runs: retention, compaction,
timestamps, sizes, codecs, log levels.

A broker looks for old segments every five minutes. By PROPERTIES it does at once, so the suite has
a broker of its own under `with-ottla` and `with-kafka`. On one that is there already, with
intervals as long as the defaults, the tests that would wait for it are skipped.
"""

import os
import re
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource,
                                   ResourceType)

import wire
from run import REPOSITORY, Skip, equal, eventually, holds, raises

PROPERTIES = {"log.retention.check.interval.ms": 300, "log.initial.task.delay.ms": 0,
              "log.cleaner.backoff.ms": 100}
NODE = "1"
HOUR_MS = 3_600_000
# With none at all Kafka may close a segment that it is still flushing, and then stops.
DELETE_DELAY_MS = 1000
CODEC_MASK = 7
INVALID_TIMESTAMP, MESSAGE_TOO_LARGE, INVALID_RECORD = 32, 10, 87


def now_ms():
    return int(time.time() * 1000)


def alter(bench, kind, name, settings, operation=AlterConfigOpType.SET):
    """Sets (or deletes) settings of one resource and waits until they hold."""
    entries = [ConfigEntry(key, None if operation == AlterConfigOpType.DELETE else str(value),
                           incremental_operation=operation) for key, value in settings.items()]
    resource = ConfigResource(kind, name, incremental_configs=entries)
    future, = bench.admin().incremental_alter_configs([resource]).values()
    future.result(15)
    if operation == AlterConfigOpType.SET:
        bench.soon(lambda: all(described(bench, kind, name)[key].value == str(value)
                               for key, value in settings.items()), f"{settings} hold")


def alter_all_brokers(bench, settings, operation="add"):
    """The default for all brokers, which confluent-kafka cannot name."""
    told = (",".join(settings) if operation == "delete"
            else ",".join(f"{key}={value}" for key, value in settings.items()))
    configs(bench, "--entity-type", "brokers", "--entity-default", "--alter",
            f"--{operation}-config", told)


def alter_topic(bench, topic, **settings):
    named = {key.replace("_", "."): value for key, value in settings.items()}
    alter(bench, ResourceType.TOPIC, topic, named)


def described(bench, kind, name):
    future, = bench.admin().describe_configs([ConfigResource(kind, name)]).values()
    return future.result(15)


def needs_quick_retention(bench):
    settings = described(bench, ResourceType.BROKER, NODE)
    if int(settings["log.retention.check.interval.ms"].value) > 5000:
        raise Skip("the broker looks for old segments too rarely")


def needs_quick_cleaner(bench):
    settings = described(bench, ResourceType.BROKER, NODE)
    if int(settings["log.cleaner.backoff.ms"].value) > 5000:
        raise Skip("the broker looks for dirty logs too rarely")


def send(bench, topic, records, codec="none", **settings):
    """Records are (key, value, timestamp); each is a batch of its own."""
    producer = Producer({"bootstrap.servers": bench.address, "linger.ms": 0, "acks": "all",
                         "compression.type": codec, **settings})
    failed = []
    for key, value, timestamp in records:
        producer.produce(topic, value, key, 0, timestamp=timestamp,
                         on_delivery=lambda error, _: failed.append(error) if error else None)
        producer.flush(20)
    if failed:
        raise KafkaException(failed[0])


def read(bench, topic, isolation="read_committed"):
    """Everything there is: (offset, key, value, timestamp type, timestamp)."""
    consumer = Consumer({"bootstrap.servers": bench.address, "group.id": topic,
                         "enable.partition.eof": True, "auto.offset.reset": "earliest",
                         "isolation.level": isolation, "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, -2)])
        found = []
        until = time.monotonic() + 30
        while time.monotonic() < until:
            message = consumer.poll(1)
            if message is None:
                continue
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    return found
                raise KafkaException(message.error())
            found.append((message.offset(), message.key(), message.value(),
                          *message.timestamp()))
        raise AssertionError(f"no end of {topic} after {len(found)} records")
    finally:
        consumer.close()


def earliest(bench, topic):
    with wire.Connection(bench.address) as connection:
        return connection.list_offset(topic, 0, wire.EARLIEST)[2]


def stored_batches(bench, topic):
    """The batches as they lie in the log, as bytes."""
    with wire.Connection(bench.address) as connection:
        _, _, data = connection.fetch(topic, 0, 0)
    return [raw for _, _, _, raw in wire.batches(data)]


def codec_of(raw):
    return wire.CODECS[int.from_bytes(raw[21:23], "big") & CODEC_MASK]


def code_of(run):
    return raises(KafkaException, run).args[0].code()


def files_of(topic, pattern="*.log"):
    root = os.environ.get("BROKER_LOG_DIR")
    return sorted((Path(root) / f"{topic}-0").glob(pattern)) if root else []


# Retention.

def old_segments_go(bench):
    needs_quick_retention(bench)
    topic = bench.topic(segment_ms=60_000, file_delete_delay_ms=DELETE_DELAY_MS)
    old = now_ms() - 5 * HOUR_MS
    # Each opens a segment: its time is more than segment.ms after the one before.
    send(bench, topic, [(None, b"x", old + n * HOUR_MS) for n in range(3)]
         + [(None, b"x", now_ms())])
    time.sleep(1)
    equal(earliest(bench, topic), 0, "a week is not over")
    alter_topic(bench, topic, retention_ms=HOUR_MS)
    eventually(lambda: earliest(bench, topic) == 3, "what is older than an hour goes", 30)
    equal([offset for offset, *_ in read(bench, topic)], [3])
    if files_of(topic):
        eventually(lambda: len(files_of(topic)) == 1, "with its files", 30)


def the_active_segment_goes_too_when_it_is_old(bench):
    needs_quick_retention(bench)
    topic = bench.topic(retention_ms=HOUR_MS)
    send(bench, topic, [(None, b"x", now_ms() - 2 * HOUR_MS)])
    eventually(lambda: earliest(bench, topic) == 1, "nothing is left", 40)
    equal(bench.end_offsets(topic), 1)
    send(bench, topic, [(None, b"y", now_ms())])
    equal([value for _, _, value, *_ in read(bench, topic)], [b"y"])


def a_large_partition_shrinks(bench):
    needs_quick_retention(bench)
    topic = bench.topic(segment_bytes=1 << 20, retention_bytes=1 << 20)
    send(bench, topic, [(None, os.urandom(100_000), now_ms()) for _ in range(50)])
    # What is left is less than a segment above retention.bytes.
    eventually(lambda: 50 - earliest(bench, topic) <= 21, "4 MB too many go", 40)
    holds(50 - earliest(bench, topic) >= 10, "retention.bytes stay")


def deleted_records_free_their_segments(bench):
    needs_quick_retention(bench)
    topic = bench.topic(segment_bytes=1 << 20, file_delete_delay_ms=DELETE_DELAY_MS)
    send(bench, topic, [(None, os.urandom(100_000), now_ms()) for _ in range(35)])
    future, = bench.admin().delete_records([TopicPartition(topic, 0, 25)]).values()
    equal(future.result(15).low_watermark, 25)
    equal(read(bench, topic)[0][0], 25)
    if files_of(topic):
        eventually(lambda: all(int(f.stem) >= 20 for f in files_of(topic)), "their files go", 30)


# Compaction.

def compacted(bench, **settings):
    needs_quick_cleaner(bench)
    defaults = {"cleanup_policy": "compact", "segment_ms": 10_000,
                "min_cleanable_dirty_ratio": 0.01, "file_delete_delay_ms": DELETE_DELAY_MS}
    return bench.topic(**(defaults | settings))


def steps(records, start=None):
    """(key, value) pairs with times so far apart that each opens a segment."""
    start = start or now_ms() - HOUR_MS
    return [(key, value, start + n * 20_000) for n, (key, value) in enumerate(records)]


def pairs(bench, topic):
    return [(key, value) for _, key, value, *_ in read(bench, topic)]


def only_the_newest_of_a_key_stays(bench):
    for codec in wire.CODECS:
        topic = compacted(bench)
        # Long enough that it is smaller when compressed, or librdkafka sends it as it is.
        values = [(b"%d" % (n % 3), b"%d" % n * 300) for n in range(9)]
        send(bench, topic, steps(values + [(b"last", b"x")]), codec)
        wanted = values[6:] + [(b"last", b"x")]
        eventually(lambda: pairs(bench, topic) == wanted, f"{codec} is compacted", 60)
        equal([offset for offset, *_ in read(bench, topic)], [6, 7, 8, 9], "offsets stay")
        equal({codec_of(raw) for raw in stored_batches(bench, topic)} - {"none"},
              {codec} - {"none"}, f"stays {codec}")


def a_batch_of_many_keeps_some(bench):
    """Records of one batch go one by one; it is written anew in its codec."""
    topic = compacted(bench)
    at = now_ms() - HOUR_MS
    producer = Producer({"bootstrap.servers": bench.address, "linger.ms": 500,
                         "compression.type": "zstd"})
    for n in range(100):
        producer.produce(topic, b"value %d" % n, b"%d" % (n % 10), 0, timestamp=at + n)
    producer.flush(20)
    send(bench, topic, [(b"0", b"new", at + 20_000), (b"last", b"x", at + 40_000)])
    wanted = [(b"%d" % n, b"value %d" % (90 + n)) for n in range(1, 10)]
    wanted += [(b"0", b"new"), (b"last", b"x")]
    eventually(lambda: pairs(bench, topic) == wanted, "it is compacted", 60)
    times = [t for *_, t in read(bench, topic)]
    equal(times[:9], [at + 90 + n for n in range(1, 10)], "times stay")


def a_tombstone_goes_after_its_time(bench):
    topic = compacted(bench, delete_retention_ms=1000)
    start = now_ms() - HOUR_MS
    send(bench, topic, steps([(b"a", b"1"), (b"a", None), (b"b", b"1"), (b"c", b"1")], start))
    eventually(lambda: (b"a", b"1") not in pairs(bench, topic), "the value goes", 60)
    holds((b"a", None) in pairs(bench, topic), "the tombstone stays for a while")
    later = iter(range(100))

    def gone():
        # Each look needs something dirty.
        send(bench, topic, [(b"more", b"x", start + 100_000 + next(later) * 20_000)])
        time.sleep(1)
        return (b"a", None) not in pairs(bench, topic)
    eventually(gone, "the tombstone goes", 90)
    holds((b"b", b"1") in pairs(bench, topic), "others stay")


def young_records_wait(bench):
    topic = compacted(bench, min_compaction_lag_ms=HOUR_MS)
    values = [(b"a", b"%d" % n) for n in range(4)]
    # 80 seconds old at most: none has waited an hour.
    send(bench, topic, steps(values, now_ms() - 80_000))
    time.sleep(3)
    equal(pairs(bench, topic), values)
    alter_topic(bench, topic, min_compaction_lag_ms=0)
    eventually(lambda: pairs(bench, topic) == values[2:], "they need not any more", 60)


def old_records_do_not_wait_for_a_dirty_log(bench):
    topic = compacted(bench, min_cleanable_dirty_ratio=1)
    values = [(b"a", b"%d" % n) for n in range(4)]
    send(bench, topic, steps(values))
    time.sleep(2)
    equal(pairs(bench, topic), values, "not dirty enough")
    alter_topic(bench, topic, max_compaction_lag_ms=60_000)
    eventually(lambda: pairs(bench, topic) == values[2:], "too old to wait", 60)


def aborted_data_goes(bench):
    topic = compacted(bench)
    try:
        producer = Producer({"bootstrap.servers": bench.address, "transactional.id": topic,
                             "transaction.timeout.ms": 20000})
        producer.init_transactions(20)
    except KafkaException as error:
        raise Skip(f"no transactions: {error}") from None
    # Markers have the broker's time: what follows is later, so that each opens a segment.
    start = now_ms() + 20_000
    at = iter(range(start, start + HOUR_MS // 2, 20_000))
    for n, commit in enumerate([True, False, True, False]):
        producer.begin_transaction()
        producer.produce(topic, b"%d" % n, b"key", 0, timestamp=next(at))
        producer.flush(20)
        (producer.commit_transaction if commit else producer.abort_transaction)(20)
    send(bench, topic, [(b"last", b"x", next(at)), (b"last", b"y", next(at))])
    wanted = [(b"key", b"2"), (b"last", b"x"), (b"last", b"y")]
    eventually(lambda: pairs(bench, topic)[:1] == wanted[:1], "the newest committed one stays", 60)

    def uncommitted():
        return [value for _, _, value, *_ in read(bench, topic, "read_uncommitted")]
    eventually(lambda: b"1" not in uncommitted() and b"3" not in uncommitted(),
               "what was aborted goes", 60)


def both_policies_together(bench):
    needs_quick_retention(bench)
    topic = compacted(bench, cleanup_policy="compact,delete", retention_ms=2 * HOUR_MS)
    send(bench, topic, [(b"old", b"x", now_ms() - 3 * HOUR_MS)])
    # Before it shares a segment with what is younger: compaction may put them together.
    eventually(lambda: earliest(bench, topic) == 1, "the old one goes", 60)
    start = now_ms() - HOUR_MS
    send(bench, topic, steps([(b"a", b"1"), (b"a", b"2"), (b"b", b"1")], start))
    eventually(lambda: pairs(bench, topic) == [(b"a", b"2"), (b"b", b"1")], "both do", 60)


def kafkas_own_tool_reads_what_was_compacted(bench):
    if not os.environ.get("BROKER_LOG_DIR"):
        raise Skip("BROKER_LOG_DIR is not set")
    bench.needs_kafka()
    topic = compacted(bench)
    for codec in wire.CODECS:
        start = now_ms() - HOUR_MS + wire.CODECS.index(codec) * 600_000
        values = [(b"%d" % (n % 4), os.urandom(300)) for n in range(12)]
        send(bench, topic, steps(values, start), codec)
    eventually(lambda: len(read(bench, topic)) == 4 or len(read(bench, topic)) == 5,
               "it is compacted", 60)
    time.sleep(2)
    tool = REPOSITORY / "perf" / "peers" / "kafka-tool"
    segments = files_of(topic)
    files = ",".join(str(f) for f in segments)
    told = bench.command(tool, "dump-log", "--deep-iteration", "--files", files).stdout
    equal(set(re.findall(r"isvalid: (\w+)", told)), {"true"})
    indexes = ",".join(str(f) for f in files_of(topic, "*index"))
    told += bench.command(tool, "dump-log", "--files", indexes).stdout if indexes else ""
    for word in ("corrupt", "invalid", "mismatch", "exception"):
        holds(word not in told.lower(), f"no word of {word}: {told[-300:]}")


def a_record_without_a_key_is_refused(bench):
    topic = bench.topic(cleanup_policy="compact")
    refused = code_of(lambda: send(bench, topic, [(None, b"x", now_ms())]))
    equal(refused, INVALID_RECORD)
    alter_topic(bench, topic, cleanup_policy="delete")
    send(bench, topic, [(None, b"x", now_ms())])


# What a produced batch is held against, and what becomes of it.

def the_broker_stamps_records(bench):
    topic = bench.topic()
    old = now_ms() - HOUR_MS
    send(bench, topic, [(None, b"1", old)])
    alter_topic(bench, topic, message_timestamp_type="LogAppendTime")
    send(bench, topic, [(None, b"2", old)])
    (*_, kind, first), (*_, kind_after, second) = read(bench, topic)
    equal((kind, first), (1, old))
    equal(kind_after, 2)
    holds(abs(second - now_ms()) < 60_000, "the broker's time")


def times_far_from_now_are_refused(bench):
    topic = bench.topic(message_timestamp_before_max_ms=HOUR_MS)
    send(bench, topic, [(None, b"1", now_ms() - HOUR_MS // 2)])
    equal(code_of(lambda: send(bench, topic, [(None, b"2", now_ms() - 2 * HOUR_MS)])),
          INVALID_TIMESTAMP)
    equal(code_of(lambda: send(bench, topic, [(None, b"3", now_ms() + 2 * HOUR_MS)])),
          INVALID_TIMESTAMP)
    alter_topic(bench, topic, message_timestamp_before_max_ms=24 * HOUR_MS,
                message_timestamp_after_max_ms=24 * HOUR_MS)
    send(bench, topic, [(None, b"2", now_ms() - 2 * HOUR_MS), (None, b"3", now_ms() + 2 * HOUR_MS)])
    equal([value for _, _, value, *_ in read(bench, topic)], [b"1", b"2", b"3"])


def large_batches_are_refused(bench):
    topic = bench.topic(max_message_bytes=10_000)
    record = [(None, os.urandom(20_000), now_ms())]
    equal(code_of(lambda: send(bench, topic, record)), MESSAGE_TOO_LARGE)
    alter_topic(bench, topic, max_message_bytes=30_000)
    send(bench, topic, record)
    equal(bench.end_offsets(topic), 1)


def batches_are_put_into_the_topics_codec(bench):
    topic = bench.topic()
    sent = ["none", *wire.CODECS]
    value = b"compressible " * 300
    send(bench, topic, [(b"k", value, now_ms())])
    for stored in ("gzip", "snappy", "lz4", "zstd", "uncompressed", "producer"):
        alter_topic(bench, topic, compression_type=stored)
        before = bench.end_offsets(topic)
        for codec in wire.CODECS:
            send(bench, topic, [(b"k", value, now_ms())], codec)
        new = [raw for raw in stored_batches(bench, topic)
               if int.from_bytes(raw[:8], "big") >= before]
        wanted = {"uncompressed": ["none"] * 5, "producer": wire.CODECS}.get(stored, [stored] * 5)
        equal([codec_of(raw) for raw in new], wanted, stored)
    found = read(bench, topic)
    equal(len(found), 1 + 6 * (len(sent) - 1))
    equal({value for _, _, value, *_ in found}, {value})


def recompressed_batches_keep_their_producer(bench):
    topic = bench.topic(compression_type="zstd")
    send(bench, topic, [(b"k", b"v" * 2000, now_ms()) for _ in range(20)], "gzip",
         **{"enable.idempotence": True})
    equal(bench.end_offsets(topic), 20)
    raw = stored_batches(bench, topic)
    holds(int.from_bytes(raw[0][43:51], "big", signed=True) >= 0, "a producer id")
    equal([int.from_bytes(r[53:57], "big") for r in raw], list(range(20)), "its sequence")


def levels_of_codecs_count(bench):
    value = "".join(str(n * n) for n in range(40_000)).encode()[:200_000]
    for codec, low, high in (("gzip", 1, 9), ("zstd", 1, 19)):
        sizes = []
        for level in (low, high):
            settings = {"compression_type": codec, f"compression_{codec}_level": level}
            topic = bench.topic(**settings)
            send(bench, topic, [(None, value, now_ms())])
            sizes.append(sum(len(raw) for raw in stored_batches(bench, topic)))
        holds(sizes[1] < sizes[0], f"{codec} at {low} and {high}: {sizes}")


def one_replica_is_enough_where_there_is_one(bench):
    """min.insync.replicas counts up to the replicas a partition has (KIP-966)."""
    topic = bench.topic(min_insync_replicas=2)
    send(bench, topic, [(None, b"x", now_ms())])
    equal(bench.end_offsets(topic), 1)


def indexes_are_as_dense_as_asked(bench):
    if not os.environ.get("BROKER_LOG_DIR"):
        raise Skip("BROKER_LOG_DIR is not set")
    sizes = []
    for interval in (100, 1 << 20):
        topic = bench.topic(index_interval_bytes=interval, segment_ms=10_000)
        start = now_ms() - HOUR_MS
        send(bench, topic, [(None, b"x" * 5000, start)] * 20 + [(None, b"x", start + 30_000)])
        first = "0" * 20 + ".index"
        # Kafka preallocates; it cuts the file when the segment is closed.
        time.sleep(2)
        sizes.append(files_of(topic, first)[0].stat().st_size)
    holds(sizes[0] >= 100 and sizes[1] == 0, f"{sizes}")


def a_full_index_closes_its_segment(bench):
    if not os.environ.get("BROKER_LOG_DIR"):
        raise Skip("BROKER_LOG_DIR is not set")
    topic = bench.topic(segment_index_bytes=80, index_interval_bytes=0)
    send(bench, topic, [(None, b"x" * 200, now_ms()) for _ in range(40)])
    # Ten entries of eight bytes, or six of the time index's twelve.
    eventually(lambda: len(files_of(topic)) >= 4, "a segment for every few batches", 30)
    equal(len(read(bench, topic)), 40)


def a_removed_file_waits_for_its_delay(bench):
    needs_quick_retention(bench)
    topic = bench.topic(segment_ms=60_000, file_delete_delay_ms=60_000)
    old = now_ms() - 5 * HOUR_MS
    send(bench, topic, [(None, b"x", old), (None, b"x", now_ms())])
    alter_topic(bench, topic, retention_ms=HOUR_MS)
    eventually(lambda: earliest(bench, topic) == 1, "the old segment goes", 30)
    if os.environ.get("BROKER_LOG_DIR"):
        def kept():
            return len(files_of(topic)) == 1 and len(files_of(topic, "*.log.deleted")) == 1

        eventually(kept, "its file is kept for a minute, under a name that says so", 10)


def accepted_without_effect_on_one_node(bench):
    topic = bench.topic(unclean_leader_election_enable="true", preallocate="true",
                        flush_messages=1, flush_ms=1000, local_retention_ms=-2)
    send(bench, topic, [(None, b"x", now_ms())])
    equal(bench.end_offsets(topic), 1)


# Broker settings.

def a_default_for_all_brokers_reaches_topics(bench):
    topic = bench.topic()
    record = [(None, os.urandom(200_000), now_ms())]
    source = described(bench, ResourceType.TOPIC, topic)["max.message.bytes"].source
    equal(ConfigSource(source), ConfigSource.DEFAULT_CONFIG)
    name = "message.max.bytes"
    try:
        alter_all_brokers(bench, {name: 100_000})
        bench.soon(lambda: described(bench, ResourceType.TOPIC, topic)["max.message.bytes"].value
                   == "100000", "the topic follows")
        found = described(bench, ResourceType.TOPIC, topic)["max.message.bytes"]
        equal(ConfigSource(found.source), ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG)
        equal(code_of(lambda: send(bench, topic, record)), MESSAGE_TOO_LARGE)
        # One broker's own wins over what holds for all.
        alter(bench, ResourceType.BROKER, NODE, {name: 300_000})
        bench.soon(lambda: described(bench, ResourceType.TOPIC, topic)["max.message.bytes"].value
                   == "300000", "the topic follows")
        send(bench, topic, record)
    finally:
        alter(bench, ResourceType.BROKER, NODE, {name: None}, AlterConfigOpType.DELETE)
        alter_all_brokers(bench, {name: None}, "delete")
    bench.soon(lambda: described(bench, ResourceType.TOPIC, topic)["max.message.bytes"].value
               == "1048588", "as before")


def retention_for_all_brokers_reaches_topics(bench):
    needs_quick_retention(bench)
    topic = bench.topic(segment_ms=60_000)
    send(bench, topic, [(None, b"x", now_ms() - 50 * HOUR_MS), (None, b"y", now_ms())])
    try:
        alter_all_brokers(bench, {"log.retention.ms": 40 * HOUR_MS})
        eventually(lambda: earliest(bench, topic) == 1, "the old one goes", 40)
    finally:
        alter_all_brokers(bench, {"log.retention.ms": None}, "delete")


def what_is_fixed_at_the_start_is_refused(bench):
    for name in ("log.retention.check.interval.ms", "log.dirs", "node.id"):
        raises(KafkaException, lambda name=name: alter(bench, ResourceType.BROKER, NODE,
                                                       {name: "1"}))


def the_cleaner_is_set_while_it_runs(bench):
    before = described(bench, ResourceType.BROKER, NODE)["log.cleaner.io.buffer.size"].value
    changed = {"log.cleaner.io.buffer.size": 262144,
               "log.cleaner.io.max.bytes.per.second": 5000000.0,
               "log.cleaner.dedupe.buffer.size": 33554432, "log.cleaner.threads": 1}
    try:
        alter_all_brokers(bench, changed)
        topic = compacted(bench)
        send(bench, topic, steps([(b"a", b"1"), (b"a", b"2"), (b"b", b"1")]))
        eventually(lambda: pairs(bench, topic) == [(b"a", b"2"), (b"b", b"1")], "compacted", 60)
    finally:
        alter_all_brokers(bench, changed, "delete")
    bench.soon(lambda: described(bench, ResourceType.BROKER, NODE)["log.cleaner.io.buffer.size"]
               .value == before, "as before")


# Other resources, by Kafka's own tool.

def configs(bench, *arguments, **how):
    done = bench.tool("configs", *arguments, **how)
    return done.stdout + done.stderr


def log_levels_change(bench):
    logger = ["--entity-type", "broker-loggers", "--entity-name", NODE]
    configs(bench, *logger, "--alter", "--add-config", "root=WARN")
    holds("root=WARN" in configs(bench, *logger, "--describe"), "its level was changed")
    configs(bench, *logger, "--alter", "--add-config", "root=INFO")
    told = configs(bench, *logger, "--alter", "--add-config", "no.such.logger=INFO", code=None)
    holds("Invalid broker logger" in told or "Exception" in told, f"refused: {told[-300:]}")


def groups_have_settings(bench):
    group = ["--entity-type", "groups", "--entity-name", bench.name("group")]
    configs(bench, *group, "--alter", "--add-config", "consumer.session.timeout.ms=50000")
    told = configs(bench, *group, "--describe")
    holds("consumer.session.timeout.ms=50000" in told, told[-300:])
    told = configs(bench, *group, "--alter", "--add-config", "consumer.session.timeout.ms=1",
                   code=None)
    holds("Exception" in told, f"below group.consumer.min.session.timeout.ms: {told[-300:]}")
    configs(bench, *group, "--alter", "--delete-config", "consumer.session.timeout.ms")


def client_metrics_have_settings(bench):
    entity = ["--entity-type", "client-metrics", "--entity-name", bench.name("metrics")]
    configs(bench, *entity, "--alter", "--add-config", "interval.ms=60000,metrics=org.apache.")
    told = configs(bench, *entity, "--describe")
    holds("interval.ms=60000" in told, told[-300:])
    told = configs(bench, *entity, "--alter", "--add-config", "interval.ms=1", code=None)
    holds("Exception" in told, f"below 100: {told[-300:]}")


TESTS = [old_segments_go, the_active_segment_goes_too_when_it_is_old, a_large_partition_shrinks,
         deleted_records_free_their_segments, only_the_newest_of_a_key_stays,
         a_batch_of_many_keeps_some, a_tombstone_goes_after_its_time, young_records_wait,
         old_records_do_not_wait_for_a_dirty_log, aborted_data_goes, both_policies_together,
         kafkas_own_tool_reads_what_was_compacted, a_record_without_a_key_is_refused,
         the_broker_stamps_records, times_far_from_now_are_refused, large_batches_are_refused,
         batches_are_put_into_the_topics_codec, recompressed_batches_keep_their_producer,
         levels_of_codecs_count, one_replica_is_enough_where_there_is_one,
         indexes_are_as_dense_as_asked, a_full_index_closes_its_segment,
         a_removed_file_waits_for_its_delay, accepted_without_effect_on_one_node,
         a_default_for_all_brokers_reaches_topics, retention_for_all_brokers_reaches_topics,
         what_is_fixed_at_the_start_is_refused, the_cleaner_is_set_while_it_runs,
         log_levels_change, groups_have_settings, client_metrics_have_settings]
