"""Consumer groups of both protocols, by four clients and Apache Kafka's own tools."""

import os
import re
import struct
import subprocess
import threading
import time

import wire
from broker import Broker
from run import Bench, Skip, equal, eventually, holds, raises

OFFSET_COMMIT, FIND_COORDINATOR, DELETE_GROUPS = 8, 10, 42
NONE, GROUP_ID_NOT_FOUND = 0, 69


def fill(bench, topic, partitions, count):
    """`count` records in each partition, their values 0, 1, 2 …"""
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": bench.address})
    for partition in range(partitions):
        for value in range(count):
            producer.produce(topic, str(value).encode(), partition=partition)
    equal(producer.flush(30), 0, "all are sent")


def confluent_consumer(bench, group, **config):
    from confluent_kafka import Consumer
    settings = {"bootstrap.servers": bench.address, "group.id": group,
                "auto.offset.reset": "earliest", "enable.auto.commit": False,
                "session.timeout.ms": 6000}
    settings.update({key.replace("_", "."): value for key, value in config.items()})
    return Consumer(settings)


def take(consumer, count, seconds=60):
    """Polls until `count` records came."""
    until = time.monotonic() + seconds
    got = []
    while len(got) < count:
        holds(time.monotonic() < until, f"{len(got)} of {count} records in {seconds} s")
        message = consumer.poll(0.2)
        if message is not None:
            holds(message.error() is None, str(message.error()))
            got.append((message.partition(), message.offset()))
    return got


def described(bench, group):
    return bench.admin().describe_consumer_groups([group])[group].result(20)


def committed_offsets_are_where_the_next_one_goes_on(bench):
    topic, group = bench.topic(partitions=3), bench.name("g")
    fill(bench, topic, 3, 100)
    first = confluent_consumer(bench, group)
    first.subscribe([topic])
    seen = take(first, 130)
    first.commit(asynchronous=False)
    first.close()
    second = confluent_consumer(bench, group)
    second.subscribe([topic])
    seen += take(second, 170)
    second.close()
    equal(sorted(seen), [(p, o) for p in range(3) for o in range(100)], "each record once")


def offsets_carry_metadata_and_epoch(bench):
    from confluent_kafka import TopicPartition
    topic, group = bench.topic(), bench.name("g")
    fill(bench, topic, 1, 10)
    consumer = confluent_consumer(bench, group)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.commit(offsets=[TopicPartition(topic, 0, 7, metadata="héllo", leader_epoch=0)],
                    asynchronous=False)
    got = consumer.committed([TopicPartition(topic, 0)], timeout=10)[0]
    equal((got.offset, got.metadata, got.leader_epoch), (7, "héllo", 0))
    consumer.close()


def too_much_metadata_is_refused(bench):
    from confluent_kafka import KafkaException, TopicPartition
    topic, group = bench.topic(), bench.name("g")
    consumer = confluent_consumer(bench, group)
    consumer.assign([TopicPartition(topic, 0)])
    offset = TopicPartition(topic, 0, 7, metadata="x" * 5000)
    raises(KafkaException, lambda: consumer.commit(offsets=[offset], asynchronous=False),
           "OFFSET_METADATA_TOO_LARGE")
    consumer.close()


def two_members_share_and_inherit(bench, **config):
    topic, group = bench.topic(partitions=4), bench.name("g")
    fill(bench, topic, 4, 20)
    members = [confluent_consumer(bench, group, **config) for _ in range(2)]
    for member in members:
        member.subscribe([topic])

    def sizes():
        for member in members:
            member.poll(0.1)
        return [len(member.assignment()) for member in members] == [2, 2]

    eventually(sizes, "two partitions each", 60)
    state = described(bench, group)
    equal((str(state.state), len(state.members)), ("ConsumerGroupState.STABLE", 2))
    members[0].close()

    def inherited():
        members[1].poll(0.1)
        return len(members[1].assignment()) == 4

    eventually(inherited, "the one that stays has all", 60)
    members[1].close()


def two_members_share_eagerly(bench):
    two_members_share_and_inherit(bench, partition_assignment_strategy="range")


def two_members_share_cooperatively(bench):
    two_members_share_and_inherit(bench, partition_assignment_strategy="cooperative-sticky")


def a_static_member_comes_back_without_a_rebalance(bench):
    topic, group = bench.topic(partitions=2), bench.name("g")
    fill(bench, topic, 2, 10)
    how = {"group_instance_id": "one", "session_timeout_ms": 30000}
    first = confluent_consumer(bench, group, **how)
    first.subscribe([topic])
    take(first, 20)
    first.commit(asynchronous=False)
    before = [member.member_id for member in described(bench, group).members]
    first.close()
    members = described(bench, group).members
    equal([member.group_instance_id for member in members], ["one"], "it is waited for")
    second = confluent_consumer(bench, group, **how)
    second.subscribe([topic])
    eventually(lambda: second.poll(0.1) or len(second.assignment()) == 2, "assigned again", 60)
    after = [member.member_id for member in described(bench, group).members]
    holds(len(after) == 1 and after != before, f"a new id in the old place: {before} {after}")
    second.close()


def a_silent_member_is_left_behind(bench):

    topic, group = bench.topic(partitions=2), bench.name("g")
    script = (
        "import sys,time\nfrom confluent_kafka import Consumer\n"
        f"c=Consumer({{'bootstrap.servers':'{bench.address}','group.id':'{group}',"
        "'session.timeout.ms':6000})\n"
        f"c.subscribe(['{topic}'])\n"
        "while not c.assignment(): c.poll(0.1)\nprint('ready',flush=True)\ntime.sleep(600)\n")
    import sys
    silent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        equal(silent.stdout.readline().strip(), "ready")
        equal(len(described(bench, group).members), 1)
    finally:
        silent.kill()
        silent.wait()
    gone = lambda: len(described(bench, group).members) == 0  # noqa: E731
    eventually(gone, "its session timed out", 30)


def kafka_python_commits_and_goes_on(bench):
    from kafka import KafkaConsumer, TopicPartition
    topic, group = bench.topic(partitions=2), bench.name("g")
    fill(bench, topic, 2, 50)

    def consumer():
        return KafkaConsumer(topic, bootstrap_servers=bench.address, group_id=group,
                             auto_offset_reset="earliest", consumer_timeout_ms=8000,
                             enable_auto_commit=False)

    first = consumer()
    seen = [(m.partition, m.offset) for _, m in zip(range(60), first)]
    first.commit()
    done = sum(first.committed(TopicPartition(topic, p)) or 0 for p in range(2))
    equal(done, 60, "what was consumed is committed")
    first.close()
    second = consumer()
    seen += [(m.partition, m.offset) for _, m in zip(range(40), second)]
    second.close()
    equal(sorted(seen), [(p, o) for p in range(2) for o in range(50)])


def kcat_balances(bench):
    topic, group = bench.topic(partitions=2), bench.name("g")
    fill(bench, topic, 2, 10)
    got = bench.command("kcat", "-b", bench.address, "-G", group, "-c", 20, "-o", "beginning",
                        "-X", "auto.offset.reset=earliest", topic).stdout
    equal(sorted(got.split()), sorted(str(v) for v in list(range(10)) * 2))


def the_console_consumer_remembers(bench):
    topic, group = bench.topic(), bench.name("g")
    fill(bench, topic, 1, 10)
    how = ("--topic", topic, "--group", group, "--from-beginning")
    first = bench.tool("console-consumer", *how, "--max-messages", 6).stdout.split()
    second = bench.tool("console-consumer", *how, "--max-messages", 4).stdout.split()
    equal(first + second, [str(v) for v in range(10)])


def the_tool_lists_describes_resets_and_deletes(bench):
    topic, group = bench.topic(partitions=2), bench.name("g")
    fill(bench, topic, 2, 10)
    consumer = confluent_consumer(bench, group)
    consumer.subscribe([topic])
    take(consumer, 20)
    consumer.commit(asynchronous=False)
    told = bench.tool("consumer-groups", "--describe", "--group", group).stdout
    rows = re.findall(rf"^{group}\s+{topic}\s+(\d)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)", told, re.M)
    equal([row[:4] for row in sorted(rows)], [("0", "10", "10", "0"), ("1", "10", "10", "0")], told)
    told = bench.tool("consumer-groups", "--describe", "--group", group, "--members",
                      "--verbose").stdout
    holds(f"{topic}" in told and "rdkafka" in told, told)
    told = bench.tool("consumer-groups", "--describe", "--group", group, "--state").stdout
    holds("Stable" in told and "range" in told, told)
    refused = bench.tool("consumer-groups", "--delete", "--group", group, code=None)
    holds("not empty" in refused.stdout + refused.stderr or "NonEmpty" in refused.stdout
          + refused.stderr, refused.stdout)
    consumer.close()
    bench.tool("consumer-groups", "--reset-offsets", "--group", group, "--topic", topic,
               "--to-offset", 3, "--execute")
    told = bench.tool("consumer-groups", "--describe", "--group", group).stdout
    rows = re.findall(rf"^{group}\s+{topic}\s+(\d)\s+(\d+)\s+(\d+)\s+(\d+)", told, re.M)
    equal(sorted(rows), [("0", "3", "10", "7"), ("1", "3", "10", "7")], told)
    bench.tool("consumer-groups", "--delete-offsets", "--group", group, "--topic", f"{topic}:1")
    told = bench.tool("consumer-groups", "--describe", "--group", group).stdout
    rows = re.findall(rf"^{group}\s+{topic}\s+(\d)\s+(\d+)\s", told, re.M)
    equal(rows, [("0", "3")], told)
    listed = bench.tool("consumer-groups", "--list", "--state").stdout
    holds(re.search(rf"^{group}\s+Empty", listed, re.M), listed)
    bench.tool("consumer-groups", "--delete", "--group", group)
    listed = bench.tool("consumer-groups", "--list").stdout
    holds(group not in listed.split(), listed)


def offsets_of_a_deleted_topic_are_gone(bench):
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
    topic, group = bench.topic(), bench.name("g")
    consumer = confluent_consumer(bench, group)
    consumer.commit(offsets=[TopicPartition(topic, 0, 7)], asynchronous=False)
    consumer.close()
    bench.admin().delete_topics([topic])[topic].result(15)

    def offsets():
        asked = bench.admin().list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        return [p.offset for p in asked[group].result(15).topic_partitions] == []

    eventually(offsets, "no offset is left", 30)


def many_groups_at_once(bench):
    topic = bench.topic()
    fill(bench, topic, 1, 5)
    failures = []

    def one(number):
        try:
            consumer = confluent_consumer(bench, f"{topic}-g{number}")
            consumer.subscribe([topic])
            take(consumer, 5)
            consumer.commit(asynchronous=False)
            consumer.close()
        except Exception as error:  # noqa: BLE001  the thread's failure is the test's
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failures, [])
    listed = {g.group_id for g in bench.admin().list_consumer_groups().result(20).valid}
    holds({f"{topic}-g{number}" for number in range(20)} <= listed, "all are listed")


def hundreds_of_groups_go_in_one_request(bench):
    """Each name is answered for itself, those of groups there are not among them."""
    topic = bench.topic()
    names = [bench.name("g") for _ in range(600)]
    with wire.Connection(bench.address) as connection:
        def commit(group):
            body = (wire.string(group) + struct.pack(">i", -1) + wire.string("")
                    + struct.pack(">qi", -1, 1) + wire.string(topic)
                    + struct.pack(">iiq", 1, 0, 1) + wire.string(""))
            answer = connection.ask(OFFSET_COMMIT, 2, body)
            return struct.unpack(">h", answer[-2:])[0] == 0

        # The first who asks for a coordinator makes its topic.
        connection.ask(FIND_COORDINATOR, 0, wire.string(names[0]))
        for group in names[::2]:
            eventually(lambda: commit(group), "committed", 60)
        for there in NONE, GROUP_ID_NOT_FOUND:
            body = struct.pack(">i", len(names)) + b"".join(map(wire.string, names))
            answer = connection.ask(DELETE_GROUPS, 0, body)
            (count,), at, codes = struct.unpack(">i", answer[4:8]), 8, {}
            for _ in range(count):
                (length,) = struct.unpack(">h", answer[at:at + 2])
                at += 2 + length
                name = answer[at - length:at].decode()
                (codes[name],) = struct.unpack(">h", answer[at:at + 2])
                at += 2
            wanted = [there, GROUP_ID_NOT_FOUND] * 300
            equal([codes.get(name) for name in names], wanted)


def new_consumer(bench, group, **config):
    """Speaks the protocol whose coordinator assigns (KIP-848)."""
    from confluent_kafka import Consumer
    settings = {"bootstrap.servers": bench.address, "group.id": group, "group.protocol": "consumer",
                "auto.offset.reset": "earliest", "enable.auto.commit": False}
    settings.update({key.replace("_", "."): value for key, value in config.items()})
    return Consumer(settings)


def the_coordinator_assigns(bench, **config):
    topic, group = bench.topic(partitions=4), bench.name("g")
    fill(bench, topic, 4, 20)
    first = new_consumer(bench, group, **config)
    first.subscribe([topic])
    seen = take(first, 30)
    first.commit(asynchronous=False)
    second = new_consumer(bench, group, **config)
    second.subscribe([topic])

    def both():
        for member in (first, second):
            message = member.poll(0.1)
            if message is not None and message.error() is None:
                seen.append((message.partition(), message.offset()))
        return len(first.assignment()) == len(second.assignment()) == 2

    eventually(both, "two partitions each", 60)
    state = described(bench, group)
    equal((str(state.state), str(state.type), len(state.members)),
          ("ConsumerGroupState.STABLE", "ConsumerGroupType.CONSUMER", 2))
    first.close()

    def inherited():
        message = second.poll(0.1)
        if message is not None and message.error() is None:
            seen.append((message.partition(), message.offset()))
        return len(second.assignment()) == 4

    eventually(inherited, "the one that stays has all", 60)
    until = time.monotonic() + 30
    while len(set(seen)) < 80 and time.monotonic() < until:
        inherited()
    equal(len(set(seen)), 80, "each record came")
    second.close()


def the_coordinator_assigns_uniformly(bench):
    the_coordinator_assigns(bench, group_remote_assignor="uniform")


def the_coordinator_assigns_ranges(bench):
    the_coordinator_assigns(bench, group_remote_assignor="range")


def a_static_member_of_the_new_protocol_comes_back(bench):
    topic, group = bench.topic(partitions=2), bench.name("g")
    fill(bench, topic, 2, 10)
    first = new_consumer(bench, group, group_instance_id="one")
    first.subscribe([topic])
    take(first, 20)
    first.commit(asynchronous=False)
    first.close()
    equal(len(described(bench, group).members), 1, "it is waited for")
    second = new_consumer(bench, group, group_instance_id="one")
    second.subscribe([topic])
    eventually(lambda: second.poll(0.1) or len(second.assignment()) == 2, "assigned again", 60)
    equal(len(described(bench, group).members), 1)
    second.close()


def a_pattern_follows_new_topics(bench):
    prefix, group = bench.name("p"), bench.name("g")
    first = bench.topic(prefix)
    fill(bench, first, 1, 5)
    consumer = new_consumer(bench, group)
    consumer.subscribe([f"^.*{prefix}.*"])
    take(consumer, 5)
    second = bench.topic(prefix)
    fill(bench, second, 1, 5)
    take(consumer, 5)
    equal(len(consumer.assignment()), 2)
    consumer.close()


def a_group_changes_its_protocol_when_nobody_is_in_it(bench):
    topic, group = bench.topic(), bench.name("g")
    fill(bench, topic, 1, 30)
    seen = []
    for make in (confluent_consumer, new_consumer, confluent_consumer):
        consumer = make(bench, group)
        consumer.subscribe([topic])
        got = take(consumer, 1)
        seen += got
        from confluent_kafka import TopicPartition
        consumer.commit(offsets=[TopicPartition(topic, 0, got[-1][1] + 1)], asynchronous=False)
        consumer.close()
    equal([offset for _, offset in seen], [0, 1, 2], "offsets outlive the change")


def the_java_consumer_speaks_the_new_protocol(bench):
    topic, group = bench.topic(partitions=3), bench.name("g")
    fill(bench, topic, 3, 10)
    how = ("--topic", topic, "--group", group, "--from-beginning", "--command-property",
           "group.protocol=consumer")
    first = bench.tool("console-consumer", *how, "--max-messages", 16).stdout.split()
    second = bench.tool("console-consumer", *how, "--max-messages", 14).stdout.split()
    equal(sorted(first + second), sorted([str(v) for v in range(10)] * 3))
    listed = bench.tool("consumer-groups", "--list", "--type").stdout
    holds(re.search(rf"^{group}\s+Consumer", listed, re.M), listed)


class Team:
    """Two members of one group, and what they have read, in the order they read it."""

    def __init__(self, bench, topic, make, **config):
        self.bench, self.group = bench, bench.name("g")
        self.members = [make(bench, self.group, **config) for _ in range(2)]
        self.seen = []
        for member in self.members:
            member.subscribe([topic])

    def poll(self):
        for member in self.members:
            message = member.poll(0.05)
            if message is not None:
                holds(message.error() is None, f"{self.group}: {message.error()}")
                self.seen.append((message.partition(), message.offset()))

    def balanced(self):
        self.poll()
        return [len(member.assignment()) for member in self.members] == [2, 2]

    def has_read(self, count):
        """At least so many of each partition."""
        self.poll()
        read = set(self.seen)
        return all(sum(p == partition for p, _ in read) >= count for partition in range(4))

    def commit(self):
        for member in self.members:
            member.commit(asynchronous=False)
        return self.committed()

    def committed(self):
        from confluent_kafka import ConsumerGroupTopicPartitions
        asked = self.bench.admin().list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(self.group)])
        found = asked[self.group].result(20).topic_partitions
        return {one.partition: one.offset for one in found}

    def ids(self):
        return sorted(member.member_id for member in described(self.bench, self.group).members)

    def close(self):
        for member in self.members:
            member.close()


def members_outlive_the_broker(bench):
    """kill -9 while members of both protocols read: they stay members, and what was committed does
    not come again; nothing is left out."""
    kind = os.environ.get("BROKER_KIND")
    if not kind:
        raise Skip("BROKER_KIND is not set")
    with Broker(kind) as broker:
        there = Bench(broker.address, "groups")
        topic = there.topic(partitions=4)
        fill(there, topic, 4, 100)
        teams = [Team(there, topic, confluent_consumer, session_timeout_ms=30000),
                 Team(there, topic, new_consumer)]
        try:
            before = []
            for team in teams:
                eventually(team.balanced, "two partitions each", 60)
                eventually(lambda: team.has_read(20), "some of each partition", 60)
                before.append((team.commit(), team.ids(), len(team.seen)))
                eventually(lambda: team.has_read(30), "and more, which is not committed", 60)
            broker.kill()
            broker.start(120)
            # An administrator who comes now; librdkafka's of before finds no coordinator again.
            there.admin_client = None
            fill(there, topic, 4, 100)
            for team, (committed, ids, count) in zip(teams, before):
                eventually(lambda: team.has_read(200), "each record came", 60)
                again = [place for place in team.seen[count:] if place[1] < committed[place[0]]]
                equal(again, [], "what was committed does not come again")
                equal(team.ids(), ids, "they are still its members")
                equal(team.commit(), {partition: 200 for partition in range(4)})
        finally:
            for team in teams:
                team.close()


TESTS = [
    committed_offsets_are_where_the_next_one_goes_on,
    offsets_carry_metadata_and_epoch,
    too_much_metadata_is_refused,
    two_members_share_eagerly,
    two_members_share_cooperatively,
    a_static_member_comes_back_without_a_rebalance,
    a_silent_member_is_left_behind,
    kafka_python_commits_and_goes_on,
    kcat_balances,
    the_console_consumer_remembers,
    the_tool_lists_describes_resets_and_deletes,
    offsets_of_a_deleted_topic_are_gone,
    many_groups_at_once,
    hundreds_of_groups_go_in_one_request,
    the_coordinator_assigns_uniformly,
    the_coordinator_assigns_ranges,
    a_static_member_of_the_new_protocol_comes_back,
    a_pattern_follows_new_topics,
    a_group_changes_its_protocol_when_nobody_is_in_it,
    the_java_consumer_speaks_the_new_protocol,
    members_outlive_the_broker,
]
