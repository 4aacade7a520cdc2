"""Ottla's administrative tools beside Apache Kafka's: the same flags, the same words.

Each pair runs against the same broker, whichever it is.
"""

import json
import re
import tempfile
from pathlib import Path

from broker import ottla_binary
from run import equal, holds


def ottla(bench, tool, *arguments, code=0):
    return bench.command(ottla_binary(), tool, *arguments, "--bootstrap-server", bench.address,
                         code=code).stdout


def kafka(bench, tool, *arguments, code=0):
    return bench.tool(tool, *arguments, code=code).stdout


def both(bench, tool, *arguments, same=lambda text: text, code=0):
    """Runs both tools; what they print must be the same. Returns it."""
    kafkas = same(kafka(bench, tool, *arguments, code=code))
    equal(same(ottla(bench, tool, *arguments, code=code)), kafkas, f"{tool} {arguments}")
    return kafkas


def features(bench):
    both(bench, "features", "version-mapping")
    for release in ("3.3", "3.9", "4.0", "4.1", "4.2", "4.3"):
        if release in ("3.9", "4.2"):
            both(bench, "features", "version-mapping", "--release-version", release)
    both(bench, "features", "feature-dependencies", "--feature", "transaction.version=2",
         "--feature", "eligible.leader.replicas.version=1", "--feature", "metadata.version=25")

    def same(text):
        # Kafka raises its epoch every half second.
        lines = [re.sub(r"Epoch: \d+", "Epoch: N", line) for line in text.splitlines()]
        # Kafka's tool adds kraft.version, which a broker without voters in its log has not.
        return [line for line in lines if "kraft.version" not in line]
    told = both(bench, "features", "describe", same=same)
    holds(any("metadata.version" in line for line in told), told)


def metadata_quorum(bench):
    def same(text):
        # Offsets and times move on beside a Kafka.
        return re.sub(r"\b\d{2,}\b|\d+ ms ago", "N", re.sub(r" +", " ", text))
    told = both(bench, "metadata-quorum", "describe", "--status", same=same)
    holds("CurrentVoters:" in told, told)
    both(bench, "metadata-quorum", "describe", "--replication", same=same)


def leader_election(bench):
    topic = bench.topic(partitions=2)
    one = ("--election-type", "preferred", "--topic", topic, "--partition", 1)
    told = both(bench, "leader-election", *one)
    equal(told, f"Valid replica already elected for partitions {topic}-1\n")
    both(bench, "leader-election", "--election-type", "preferred", "--all-topic-partitions")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"partitions": [{"topic": topic, "partition": 0}]}, file)
        file.flush()
        both(bench, "leader-election", "--election-type", "unclean", "--path-to-json-file",
             file.name)
    missing = ("--election-type", "preferred", "--topic", topic, "--partition", 9)
    for told in (ottla(bench, "leader-election", *missing, code=1),
                 kafka(bench, "leader-election", *missing, code=1)):
        holds(f"No such partition as {topic}-9" in told, told)


def client_metrics(bench):
    name = bench.name("watch")
    alter = ("--alter", "--name", name, "--metrics", "org.apache.kafka.producer.", "--interval",
             "10000", "--match", "client_id=nobody")
    both(bench, "client-metrics", *alter)
    told = both(bench, "client-metrics", "--describe", "--name", name)
    holds("  interval.ms=10000\n  match=client_id=nobody\n" in told, told)
    holds(name in both(bench, "client-metrics", "--list", same=lambda t: sorted(t.split())),
          "it is listed")
    both(bench, "configs", "--describe", "--entity-type", "client-metrics", "--entity-name", name)
    both(bench, "client-metrics", "--delete", "--name", name)
    both(bench, "client-metrics", "--describe", "--name", name)


def configs_of_groups(bench):
    of = ("--entity-type", "groups", "--entity-name", bench.name("group"))
    both(bench, "configs", "--alter", *of, "--add-config", "consumer.session.timeout.ms=50000")
    told = both(bench, "configs", "--describe", *of)
    holds("consumer.session.timeout.ms=50000" in told, told)


def reassign_partitions(bench):
    topic = bench.topic(partitions=2)
    with tempfile.TemporaryDirectory() as folder:
        topics, wanted = Path(folder) / "topics.json", Path(folder) / "wanted.json"
        topics.write_text(json.dumps({"topics": [{"topic": topic}], "version": 1}))
        told = both(bench, "reassign-partitions", "--generate", "--topics-to-move-json-file",
                    topics, "--broker-list", "1")
        wanted.write_text(told.splitlines()[-1])
        of = ("--reassignment-json-file", wanted)
        both(bench, "reassign-partitions", "--execute", *of)
        told = both(bench, "reassign-partitions", "--verify", *of)
        holds(f"Reassignment of partition {topic}-1 is completed." in told, told)
        both(bench, "reassign-partitions", "--list")
        # Kafka's tool ends its line without a line's end there.
        both(bench, "reassign-partitions", "--cancel", "--preserve-throttles", *of,
             same=str.rstrip)


TESTS = [features, metadata_quorum, leader_election, client_metrics, configs_of_groups,
         reassign_partitions]
