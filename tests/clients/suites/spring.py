"""Spring for Apache Kafka: listeners of records, of batches and in transactions; requests.

`java/SpringApp.java` is the application. It makes its topics, is killed while it works, and another
process goes on: what was copied in transactions is exact, the other copies have every word, and
what a listener refuses is in the dead-letter topic.
"""

from confluent_kafka import Producer
from jvm import Java, fetch
from run import equal, holds
from suites.transactions import read

TEST_SECONDS_MAX = 500
PARTITIONS = 3
WORDS = 900


def application(bench, prefix, what):
    spring = fetch("spring")
    return Java([spring / "classes", f"{spring}/libs/*"], "SpringApp", bench.address, prefix, what)


def write(bench, topic, numbers):
    producer = Producer({"bootstrap.servers": bench.address})
    for n in numbers:
        producer.produce(topic, f"word {n}", f"key {n}", n % PARTITIONS)
    equal(producer.flush(30), 0, "left in the queue")


def listeners_outlive_a_kill(bench):
    prefix = bench.name("listeners")
    words, singles, batches, exact, dead = (
        f"{prefix}-{name}" for name in ("words", "singles", "batches", "exact", "dead"))

    def copied(process, least):
        def check():
            known = bench.admin().list_topics(timeout=20).topics
            return all(topic in known and sum(map(len, read(bench, topic, PARTITIONS))) >= least
                       for topic in (singles, batches, exact))
        process.until(f"{least} words are in each copy", check, 180)

    with application(bench, prefix, "listeners") as first:
        first.until("the application has made its topics",
                    lambda: words in bench.admin().list_topics(timeout=20).topics, 120)
        write(bench, words, range(WORDS // 3))
        copied(first, 50)
        write(bench, words, range(WORDS // 3, WORDS * 2 // 3))
        first.kill()
    write(bench, words, range(WORDS * 2 // 3, WORDS))
    refused = {f"word {n}".encode() for n in range(WORDS) if n % 100 == 13}
    with application(bench, prefix, "listeners") as second:
        copied(second, WORDS - len(refused))

        def all_there():
            told = [{value for values in read(bench, topic, PARTITIONS) for value in values}
                    for topic in (singles, batches, exact, dead)]
            return list(map(len, told)) == [WORDS - len(refused), WORDS, WORDS, len(refused)]
        second.until("every word is where it belongs", all_there, 120)
        equal(second.stop(60), 143, "exit code after SIGTERM")
    sent = read(bench, words, PARTITIONS)
    equal(read(bench, exact, PARTITIONS) == sent, True, "the exact copy, in order")
    tried = sum(map(len, read(bench, exact, PARTITIONS, "read_uncommitted")))
    holds(tried >= WORDS + WORDS // 100, f"transactions were aborted: {tried}")
    for topic in (singles, batches):
        once = [list(dict.fromkeys(values)) for values in read(bench, topic, PARTITIONS)]
        kept = [[v for v in values if topic == batches or v not in refused] for values in sent]
        equal([sorted(values) for values in once] == [sorted(values) for values in kept], True,
              f"every word is in {topic}")


def requests_are_answered(bench):
    with application(bench, bench.name("requests"), "requests") as program:
        holds("50 answers" in program.wait(150), program.text()[-900:])


TESTS = [listeners_outlive_a_kill, requests_are_answered]
