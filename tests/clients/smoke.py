"""What a client of any language must do: write, read as a member of a group, and go on.

Room:       `tests/clients`, real clients as outside scripts.
Called by:  those whose client is a program of its own: go_client.py, node_client.py.
Calls:      the client's fetch script, and its program with `produce` and `consume`.
Never:      knows a language.
"""

import json
import subprocess
from pathlib import Path

from confluent_kafka import Producer
from run import HERE, Skip, equal
from suites.transactions import read

PARTITIONS = 3


def tests_of(fetch, program, codecs):
    """The tests of one client; `fetch` is a script and its arguments, and `program(folder)` the
    command, in what `fetch` prints."""
    def runner(bench):
        command = program(fetched(*fetch))
        return lambda *arguments: bench.command(*command, bench.address, *arguments).stdout

    def reads_as_a_group_and_goes_on(bench):
        run = runner(bench)
        topic, group = bench.topic(partitions=PARTITIONS), bench.name("g")
        producer = Producer({"bootstrap.servers": bench.address})
        seen = []
        for first in 0, 60:
            for n in range(first, first + 60):
                producer.produce(topic, f"v{n}", f"k{n}", headers={"h": str(n)})
            equal(producer.flush(30), 0, "left in the queue")
            seen += lines(run("consume", topic, group, 60))
        equal(sorted(record[2:] for record in seen), wanted(120), "each once")

    def writes_what_others_read(bench):
        run = runner(bench)
        for codec in codecs:
            topic = bench.topic(partitions=PARTITIONS)
            run("produce", topic, 0, 90, codec)
            others = sorted(value.decode() for values in read(bench, topic, PARTITIONS)
                            for value in values)
            equal(others, sorted(f"v{n}" for n in range(90)), f"{codec}, as librdkafka reads it")
            seen = lines(run("consume", topic, bench.name("g"), 90))
            equal(sorted(record[2:] for record in seen), wanted(90), codec)

    return [reads_as_a_group_and_goes_on, writes_what_others_read]


def fetched(script, *arguments):
    """What a fetch script prints: a folder."""
    done = subprocess.run([HERE / script, *arguments], stdout=subprocess.PIPE, text=True)
    what = " ".join((script, *arguments))
    if done.returncode == 75:
        raise Skip(f"{what} had not what it needs")
    equal(done.returncode, 0, what)
    return Path(done.stdout.strip())


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def wanted(count):
    return sorted([f"k{n}", f"v{n}", f"h={n}"] for n in range(count))
