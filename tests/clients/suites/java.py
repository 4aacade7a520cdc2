"""Apache Kafka's own tools, and so the Java clients inside them. Each start costs about 1.5 s."""

import re

from run import REPOSITORY, equal, eventually, holds

KAFKA_TOOL = REPOSITORY / "perf" / "peers" / "kafka-tool"


def consume(bench, topic, *how, count, partition=0, offset="earliest"):
    """The first `count` records from there, without a group."""
    return bench.tool("console-consumer", "--topic", topic, "--partition", partition, "--offset",
                      offset, "--max-messages", count, *how).stdout


def topics_create_list_describe_alter_delete(bench):
    topic = bench.name()
    made = bench.tool("topics", "--create", "--topic", topic, "--partitions", 3,
                      "--replication-factor", 1, "--config", "segment.bytes=2097152")
    holds(f"Created topic {topic}." in made.stdout, made.stdout)
    again = bench.tool("topics", "--create", "--topic", topic, code=1)
    holds("already exists" in again.stdout + again.stderr, "a second create says so")
    told = bench.tool("topics", "--describe", "--topic", topic).stdout
    holds(re.search(rf"Topic: {topic}\tTopicId: [\w-]{{22}}\tPartitionCount: 3\t"
                    r"ReplicationFactor: 1\tConfigs: .*segment.bytes=2097152", told), told)
    for partition in range(3):
        holds(re.search(rf"\tTopic: {topic}\tPartition: {partition}\tLeader: (\d+)\t"
                        r"Replicas: \1\tIsr: \1", told), told)
    bench.tool("topics", "--alter", "--topic", topic, "--partitions", 5)
    holds("PartitionCount: 5" in bench.tool("topics", "--describe", "--topic", topic).stdout,
          "five partitions")
    bench.tool("topics", "--delete", "--topic", topic)
    holds(topic not in bench.tool("topics", "--list").stdout.split(), "deleted, so not listed")


def configs_of_a_topic(bench):
    topic = bench.topic()
    entity = ("--entity-type", "topics", "--entity-name", topic)
    bench.tool("configs", "--alter", *entity, "--add-config",
               "retention.ms=123456,cleanup.policy=[compact,delete]")
    told = bench.tool("configs", "--describe", *entity).stdout
    holds("retention.ms=123456" in told and "cleanup.policy=compact,delete" in told, told)
    bench.tool("configs", "--alter", *entity, "--delete-config", "retention.ms")
    told = bench.tool("configs", "--describe", *entity).stdout
    holds("retention.ms" not in told and "cleanup.policy" in told, told)
    refused = bench.tool("configs", "--alter", *entity, "--add-config", "no.such.name=1",
                         code=1)
    holds("no.such.name" in refused.stdout + refused.stderr, "names the unknown property")


def configs_of_a_broker(bench):
    told = bench.tool("configs", "--describe", "--all", "--entity-type", "brokers",
                      "--entity-name", 1).stdout
    for name in ("log.dirs=", "listeners=", "num.partitions=", "message.max.bytes="):
        holds(re.search(rf"^\s*{re.escape(name)}", told, re.M), f"{name} is described")
    holds("DEFAULT_CONFIG" in told and "STATIC_BROKER_CONFIG" in told, "says where from")


def console_producer_and_consumer(bench):
    topic = bench.topic()
    reader = [part for name in ("parse.key=true", "key.separator=:", "parse.headers=true",
                                "headers.delimiter=;") for part in ("--reader-property", name)]
    bench.tool("console-producer", "--topic", topic, *reader,
               stdin="h1:one,h2:two;k1:v1\nh1:x;k2:v2\n")
    shown = [part for name in ("key", "headers", "offset", "partition", "timestamp")
             for part in ("--formatter-property", f"print.{name}=true")]
    got = consume(bench, topic, *shown, count=2)
    lines = got.splitlines()
    holds(re.fullmatch(r"CreateTime:\d+\tPartition:0\tOffset:0\th1:one,h2:two\tk1\tv1", lines[0]),
          got)
    holds(re.fullmatch(r"CreateTime:\d+\tPartition:0\tOffset:1\th1:x\tk2\tv2", lines[1]), got)
    equal(consume(bench, topic, offset="1", count=1), "v2\n", "from offset 1")


def console_producer_creates_the_topic(bench):
    topic = bench.name("auto")
    bench.tool("console-producer", "--topic", topic, stdin="by itself\n")
    equal(consume(bench, topic, count=1), "by itself\n")


def producer_perf_test(bench):
    """Idempotent and acks=all by default; 200,000 records in batches over four partitions."""
    topic = bench.topic(partitions=4)
    told = bench.tool("producer-perf-test", "--topic", topic, "--num-records", 200_000,
                      "--record-size", 100, "--throughput", -1, bootstrap="--bootstrap-server")
    holds("200000 records sent" in told.stdout, told.stdout)
    equal(bench.end_offsets(topic, 4), 200_000)


def consumer_perf_test(bench):
    """Both protocols; what was read is what had been written."""
    topic = bench.topic(partitions=4)
    bench.tool("producer-perf-test", "--topic", topic, "--num-records", 50_000, "--record-size",
               100, "--throughput", -1)
    for protocol in "classic", "consumer":
        told = bench.tool("consumer-perf-test", "--topic", topic, "--num-records", 50_000,
                          "--group", bench.name("perf"), "--timeout", 60_000, "--command-property",
                          f"group.protocol={protocol}").stdout
        names, values = [line.split(", ") for line in told.splitlines()[-2:]]
        equal(dict(zip(names, values))["data.consumed.in.nMsg"], "50000", told)


def e2e_latency(bench):
    topic = bench.topic()
    told = bench.command(KAFKA_TOOL, "e2e-latency", "--bootstrap-server", bench.address, "--topic",
                         topic, "--num-records", 300, "--producer-acks", "all", "--record-size",
                         100).stdout
    holds(re.search(r"Avg latency: \d+[.,]\d+ ms", told), told)
    equal(bench.end_offsets(topic), 300)


def groups(bench):
    topic, group = bench.topic(), bench.name("listed")
    bench.kcat("-P", "-t", topic, stdin="a\n")
    bench.tool("console-consumer", "--topic", topic, "--group", group, "--from-beginning",
               "--max-messages", 1)
    tool = "org.apache.kafka.tools.GroupsCommand"
    told = bench.tool(tool, "--list", "--group-type", "classic").stdout
    holds(re.search(rf"^{group}\s+Classic\s+consumer", told, re.M), told)
    told = bench.tool(tool, "--list", "--share").stdout
    holds(told.startswith("GROUP ") and group not in told, told)


def consumer_reads_what_was_written(bench):
    topic = bench.topic()
    lines = "".join(f"{i} {'z' * (i % 300)}\n" for i in range(30000))
    bench.kcat("-P", "-t", topic, "-X", "enable.idempotence=true", stdin=lines)
    holds(consume(bench, topic, count=30000) == lines, "byte for byte")


def get_offsets(bench):
    topic = bench.topic(partitions=2)
    bench.kcat("-P", "-t", topic, "-p", "1", stdin="a\nb\nc\n")

    def ask(time):
        lines = bench.tool("get-offsets", "--topic", topic, "--time", time).stdout.split()
        return sorted(lines)
    equal(ask("latest"), [f"{topic}:0:0", f"{topic}:1:3"])
    equal(ask("earliest"), [f"{topic}:0:0", f"{topic}:1:0"])
    equal(ask("max-timestamp")[-1][:-1], f"{topic}:1:")
    equal(ask("0")[-1], f"{topic}:1:0")


def delete_records(bench):
    topic = bench.topic()
    bench.kcat("-P", "-t", topic, stdin="".join(f"{i}\n" for i in range(10)))
    told = bench.command(
        "bash", "-c", 'f=$(mktemp); echo "$1" > "$f"; shift; "$@" --offset-json-file "$f"; '
        'code=$?; rm "$f"; exit $code', "delete",
        f'{{"version":1,"partitions":[{{"topic":"{topic}","partition":0,"offset":7}}]}}',
        KAFKA_TOOL, "delete-records", "--bootstrap-server", bench.address).stdout
    holds("low_watermark: 7" in told, told)
    equal(consume(bench, topic, count=3), "7\n8\n9\n")


def log_dirs(bench):
    topic = bench.topic(partitions=2)
    bench.kcat("-P", "-t", topic, "-p", "1", stdin="a\nb\nc\n")
    told = bench.tool("log-dirs", "--describe", "--topic-list", topic).stdout
    holds('"version":1' in told and f'"partition":"{topic}-1"' in told, told)
    size = re.search(rf'"partition":"{topic}-1","size":(\d+),"offsetLag":0', told)
    holds(size and int(size[1]) > 60, f"a size above zero: {told}")


def broker_api_versions(bench):
    told = bench.tool("broker-api-versions").stdout
    for name in ("Produce(0)", "Fetch(1)", "ListOffsets(2)", "Metadata(3)", "ApiVersions(18)",
                 "CreateTopics(19)", "InitProducerId(22)", "DescribeTopicPartitions(75)"):
        holds(re.search(rf"{re.escape(name)}: \d+.*usable", told), f"{name} in {told[:300]}")


def cluster_id(bench):
    told = bench.command(KAFKA_TOOL, "cluster", "cluster-id", "--bootstrap-server",
                         bench.address).stdout
    holds(re.search(r"Cluster ID: [\w-]{22}", told), told)


def cluster_endpoints(bench):
    told = bench.command(KAFKA_TOOL, "cluster", "list-endpoints",
                         "--bootstrap-server", bench.address).stdout
    holds(re.search(rf"{bench.host}\s+{bench.port}\s", told), told)


def compaction_settings_are_checked(bench):
    refused = bench.tool("topics", "--create", "--topic", bench.name(), "--config",
                         "cleanup.policy=sometimes", code=1)
    holds("cleanup.policy" in refused.stdout + refused.stderr, "names the property")
    refused = bench.tool("topics", "--create", "--topic", bench.name(), "--partitions", "0",
                         code=1)
    holds("artitions" in refused.stdout + refused.stderr, "names the partitions")


def describes_a_missing_topic(bench):
    missing = bench.name("missing")
    refused = bench.tool("topics", "--describe", "--topic", missing, code=1)
    holds(missing in refused.stdout + refused.stderr, "names the topic")
    eventually(lambda: missing not in bench.tool("topics", "--list").stdout.split(),
               "asking does not create it")


TESTS = [topics_create_list_describe_alter_delete, configs_of_a_topic, configs_of_a_broker,
         console_producer_and_consumer, console_producer_creates_the_topic, producer_perf_test,
         consumer_perf_test, e2e_latency, groups, consumer_reads_what_was_written, get_offsets,
         delete_records, log_dirs, broker_api_versions, cluster_id, cluster_endpoints,
         compaction_settings_are_checked, describes_a_missing_topic]
