"""Apache Kafka's kafka-dump-log reads the broker's own folder while it runs.

Needs the folder: BROKER_LOG_DIR, as `with-ottla` and `with-kafka` set it.
"""

import os
import re
import time
from pathlib import Path

import wire
from broker import ottla_binary
from run import REPOSITORY, Skip, equal, holds

TOOL = REPOSITORY / "perf" / "peers" / "kafka-tool"
COUNT = 30000


def folder_of(topic, partition=0):
    root = os.environ.get("BROKER_LOG_DIR")
    if not root:
        raise Skip("BROKER_LOG_DIR is not set")
    return Path(root) / f"{topic}-{partition}"


def filled(bench):
    """A topic of small segments with every codec in it, left quiet until it lies in its files."""
    topic = bench.topic(segment_bytes=1 << 20)
    folder_of(topic)
    start = 0
    for codec in wire.CODECS:
        # Hard to compress, so that every codec fills segments.
        lines = "".join(f"{i} {os.urandom(60).hex()}\n" for i in range(start, start + COUNT // 5))
        # Batches of some 20 KB: many index entries in each segment.
        bench.kcat("-P", "-t", topic, "-z", codec, "-X", "enable.idempotence=true",
                   "-X", "batch.num.messages=150", stdin=lines)
        start += COUNT // 5
    time.sleep(2)
    return topic


def dump(bench, files, *how):
    bench.needs_kafka()
    return bench.command(TOOL, "dump-log", *how, "--files", ",".join(str(f) for f in files)).stdout


def segments_deep(bench):
    topic = filled(bench)
    files = sorted(folder_of(topic).glob("*.log"))
    holds(len(files) >= 3, f"several segments: {[f.name for f in files]}")
    told = dump(bench, files, "--deep-iteration")
    offsets = [int(o) for o in re.findall(r"^\| offset: (\d+)", told, re.M)]
    equal(offsets == list(range(COUNT)), True, f"offsets 0 to {COUNT - 1} once each, in order "
          f"({len(offsets)} seen)")
    equal(set(re.findall(r"isvalid: (\w+)", told)), {"true"})
    equal({c.lower() for c in re.findall(r"compresscodec: (\w+)", told)}, set(wire.CODECS))
    for word in ("corrupt", "invalid", "mismatch", "exception", "non-consecutive"):
        holds(word not in told.lower(), f"no word of {word}")
    for file in files:
        holds(f"starting offset: {int(file.stem)}\n" in told, f"{file.name} says where it starts")


def contents(bench):
    topic = bench.topic(segment_bytes=1 << 20)
    folder_of(topic)
    bench.kcat("-P", "-t", topic, "-K", ":", stdin="key:value\n")
    time.sleep(2)
    told = dump(bench, sorted(folder_of(topic).glob("*.log")), "--print-data-log")
    holds("key: key" in told and "payload: value" in told, told[-500:])


def indexes(bench):
    topic = filled(bench)
    folder = folder_of(topic)
    closed = sorted(folder.glob("*.log"))[:-1]
    for kind in ("index", "timeindex"):
        files = [segment.with_suffix("." + kind) for segment in closed]
        holds(all(f.exists() for f in files), f"each closed segment has its .{kind}")
        told = dump(bench, files)
        for word in ("mismatch", "exception", "error", "corrupt", "found timestamp"):
            holds(word not in told.lower(), f".{kind}: {told[-400:]}")
        if kind == "index":
            holds(len(re.findall(r"^offset: \d+ position: \d+", told, re.M)) > len(closed),
                  "entries")


def names_and_checkpoint(bench):
    topic = filled(bench)
    folder = folder_of(topic)
    names = {f.name for f in folder.iterdir()}
    holds({"partition.metadata", "leader-epoch-checkpoint"} <= names, f"files: {sorted(names)}")
    holds((folder / "partition.metadata").read_text().startswith("version: 0\ntopic_id: "),
          "partition.metadata")
    holds(all(re.fullmatch(r"\d{20}", f.stem) for f in folder.glob("*.log")), "names of 20 digits")


def metadata_log(bench):
    """The metadata log and its snapshots, record by record, as both tools decode them."""
    bench.topic(partitions=2, retention_ms=100000)
    folder_of("any")
    folder = Path(os.environ["BROKER_LOG_DIR"]) / "__cluster_metadata-0"
    files = sorted(folder.glob("*.log")) + sorted(folder.glob("*.checkpoint"))
    holds(files, f"files in {folder}")
    told = dump(bench, files, "--cluster-metadata-decoder")
    for word in ("Error at", "corrupt", "invalid", "skipping", "Non-consecutive"):
        holds(word not in told, f"no word of {word}: {told[:600]}")
    for record in ("TOPIC_RECORD", "PARTITION_RECORD", "CONFIG_RECORD", "REGISTER_BROKER_RECORD"):
        holds(f'"type":"{record}"' in told, f"{record} in the log")
    names = ",".join(str(file) for file in files)
    ours = bench.command(ottla_binary(), "log", "dump", "--cluster-metadata-decoder", "--files",
                         names).stdout
    # A Kafka goes on writing between the two.
    for kafkas, our in zip(told.splitlines(), ours.splitlines()):
        equal(our, kafkas)
    holds(ours.count("\n") >= told.count("\n"), "everything is printed")


def internal_topics(bench):
    """Committed offsets and transactions, as both tools decode them."""
    from confluent_kafka import Producer
    topic = bench.topic()
    folder_of(topic)
    producer = Producer({"bootstrap.servers": bench.address, "transactional.id": bench.name("x")})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, value="v")
    producer.commit_transaction(30)
    bench.kcat("-G", bench.name("g"), "-X", "auto.offset.reset=earliest", "-c", 1, "-e", topic)
    time.sleep(2)
    for name, decoder in (("__consumer_offsets", "--offsets-decoder"),
                          ("__transaction_state", "--transaction-log-decoder")):
        root = Path(os.environ["BROKER_LOG_DIR"])
        files = [file for folder in sorted(root.glob(f"{name}-*"))
                 for file in sorted(folder.glob("*.log")) if file.stat().st_size]
        holds(files, f"{name} lies in files")
        told = dump(bench, files, decoder)
        names = ",".join(str(file) for file in files)
        ours = bench.command(ottla_binary(), "log", "dump", decoder, "--files", names).stdout
        holds("payload: {" in told, told[:600])
        for kafkas, our in zip(told.splitlines(), ours.splitlines()):
            equal(our, kafkas, name)


def verify(bench):
    """`ottla log verify` finds nothing wrong with the folder of a running broker."""
    folder_of("any")
    told = bench.command(ottla_binary(), "log", "verify", os.environ["BROKER_LOG_DIR"],
                         code=None).stdout
    equal([line for line in told.splitlines() if "DAMAGED" in line], [])
    holds(".index: " in told, told[-600:])


TESTS = [segments_deep, contents, indexes, names_and_checkpoint, metadata_log,
         internal_topics, verify]
