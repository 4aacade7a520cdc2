"""Members of both protocols in one group (KIP-848): it changes its protocol while they consume."""

import os
import signal
import subprocess

from run import REPOSITORY, equal, eventually, holds
from suites.groups import confluent_consumer, described, fill, new_consumer

PARTITIONS = 6


class Crew:
    """The group's members; whoever is asked for anything polls them all."""

    def __init__(self, bench):
        self.bench = bench
        self.topic, self.group = bench.topic(partitions=PARTITIONS), bench.name("g")
        self.members = []
        self.seen = set()

    def add(self, make, **config):
        member = make(self.bench, self.group, **config)
        member.subscribe([self.topic])
        self.members.append(member)
        return member

    def leave(self, member):
        self.members.remove(member)
        member.close()

    def poll(self):
        for member in self.members:
            message = member.poll(0.05)
            if message is not None and message.error() is None:
                self.seen.add((message.partition(), message.offset()))

    def shares(self):
        """How many partitions each has, once every partition is with exactly one of them."""
        self.poll()
        held = [[p.partition for p in member.assignment()] for member in self.members]
        whole = sorted(sum(held, [])) == list(range(PARTITIONS))
        return whole and sorted(map(len, held))

    def settles(self, shares, kind):
        """All is shared out like this, and the group is of this type and stable."""
        eventually(lambda: self.shares() == shares, f"{shares} of {PARTITIONS} each", 90)

        def stable():
            self.poll()
            state = described(self.bench, self.group)
            return (str(state.state), len(state.members)) == (
                "ConsumerGroupState.STABLE", len(self.members))

        eventually(stable, "stable", 60)
        equal(str(described(self.bench, self.group).type), f"ConsumerGroupType.{kind}")

    def reads(self, count):
        """Every partition gets `count` more records, and somebody reads each."""
        fill(self.bench, self.topic, PARTITIONS, count)
        self.wanted = getattr(self, "wanted", 0) + count
        eventually(lambda: self.poll() or len(self.seen) == PARTITIONS * self.wanted,
                   f"{PARTITIONS * self.wanted} records", 60)

    def close(self):
        for member in self.members:
            member.close()


def a_live_group_goes_up_and_down(bench, **config):
    crew = Crew(bench)
    old = [crew.add(confluent_consumer, **config) for _ in range(2)]
    crew.settles([3, 3], "CLASSIC")
    crew.reads(10)
    new = crew.add(new_consumer)
    crew.settles([2, 2, 2], "CONSUMER")
    crew.reads(10)
    # The last of the new protocol goes: those that stay find together as they did before.
    crew.leave(new)
    crew.settles([3, 3], "CLASSIC")
    crew.reads(10)
    # And up for good, one after the other.
    for member in old:
        crew.add(new_consumer)
        crew.leave(member)
    crew.settles([3, 3], "CONSUMER")
    crew.reads(10)
    crew.close()


def eager_members_go_up_and_down(bench):
    a_live_group_goes_up_and_down(bench, partition_assignment_strategy="range")


def cooperative_members_go_up_and_down(bench):
    a_live_group_goes_up_and_down(bench, partition_assignment_strategy="cooperative-sticky")


def a_classic_member_joins_a_group_of_the_new_protocol(bench):
    """And offsets that one protocol's member committed are where the other's goes on."""
    crew = Crew(bench)
    new = crew.add(new_consumer)
    crew.settles([6], "CONSUMER")
    crew.reads(5)
    new.commit(asynchronous=False)
    old = crew.add(confluent_consumer)
    crew.settles([3, 3], "CONSUMER")
    crew.reads(5)
    old.commit(asynchronous=False)
    new.commit(asynchronous=False)
    crew.leave(new)
    crew.settles([6], "CLASSIC")
    seen_before = len(crew.seen)
    crew.seen.clear()
    crew.wanted = 1
    fill(bench, crew.topic, PARTITIONS, 1)
    eventually(lambda: crew.poll() or len(crew.seen) >= PARTITIONS, "the new records", 60)
    holds(all(offset == 10 for _, offset in crew.seen), f"{crew.seen} after {seen_before}")
    crew.close()


def java_is_in_the_same_group(bench):
    """Apache Kafka's own consumer, of either protocol, beside one of the other."""
    bench.needs_kafka()
    for protocol, mine in (("classic", new_consumer), ("consumer", confluent_consumer)):
        crew = Crew(bench)
        crew.add(mine)
        eventually(lambda: crew.shares() == [6], "alone, it has all", 60)
        command = [REPOSITORY / "perf" / "peers" / "kafka-tool", "console-consumer",
                   "--bootstrap-server", bench.address, "--topic", crew.topic, "--group",
                   crew.group, "--command-property", f"group.protocol={protocol}"]
        java = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                start_new_session=True)
        try:
            def half():
                crew.poll()
                return len(crew.members[0].assignment()) == 3

            eventually(half, f"half of it for {protocol}", 90)
            state = described(bench, crew.group)
            equal((str(state.type), len(state.members)), ("ConsumerGroupType.CONSUMER", 2))
        finally:
            os.killpg(java.pid, signal.SIGTERM)
            java.wait(30)
        eventually(lambda: crew.shares() == [6], "all again", 90)
        crew.close()


TESTS = [
    eager_members_go_up_and_down,
    cooperative_members_go_up_and_down,
    a_classic_member_joins_a_group_of_the_new_protocol,
    java_is_in_the_same_group,
]
