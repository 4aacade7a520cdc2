"""Spark Structured Streaming, reading from and writing to the broker.

`spark_app.py` is the application. Its streams copy a topic and sum it in windows: they end when all
is done, go on from their checkpoints, are killed in the middle, and go on again. A batch that was
not in the checkpoint yet is written again, as Spark promises it; nothing may be missing or wrong.
Then a topic of transactions is read as a table, and a table is written.
"""

import json
import os
import subprocess
import tempfile
from collections import defaultdict

from jvm import LOG4J
from run import HERE, REPOSITORY, Skip, equal, eventually, holds
from suites.flink import ORDERS, PARTITIONS, STARTED_MS, expected, order, windows, write
from suites.streams import topics_of
from suites.transactions import producer_of, read

# Spark takes a minute to start on a loaded machine, and starts four times.
TEST_SECONDS_MAX = 600
# What one trigger takes at most (`spark_app.py`): so much may be copied twice after a kill.
BATCH = 400


def fetched():
    """The folder with Spark in it."""
    done = subprocess.run([HERE / "spark-fetch"])
    if done.returncode == 75:
        raise Skip("Spark could not be fetched")
    equal(done.returncode, 0, "spark-fetch")
    release = (HERE / "java" / "spark-pom.xml").read_text().split("<release>")[1].split("<")[0]
    return REPOSITORY / ".cache" / f"spark-{release}"


class Application:
    """One process of the application, with the Java process that it starts."""

    def __init__(self, bench, what, prefix, place):
        spark = fetched()
        jars = ",".join(str(jar) for jar in sorted((spark / "libs").glob("*.jar")))
        options = f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.configurationFile={LOG4J}"
        python = spark / "venv" / "bin" / "python"
        self.out = tempfile.NamedTemporaryFile(prefix="spark-", suffix=".log")
        self.process = subprocess.Popen(
            [python, HERE / "spark_app.py", what, bench.address, prefix, str(place)],
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out, start_new_session=True,
            env=os.environ | {"PYSPARK_SUBMIT_ARGS": f"--driver-memory 700m --jars {jars} "
                              f"--driver-java-options '{options}' pyspark-shell",
                              "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": str(python)})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def text(self):
        with open(self.out.name, errors="replace") as file:
            return file.read()

    def check(self):
        holds(self.process.poll() is None, f"the application lives: {self.text()[-900:]}")

    def kill(self):
        """Both processes, as a power cut ends them: they are a group of their own."""
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()


def why(text):
    """What it said went wrong, without the plans of its queries."""
    told = [line for line in text.splitlines() if "Exception" in line or "Error" in line]
    return " / ".join(line.strip()[:300] for line in told[:6]) or text[-900:]


def run_to_its_end(bench, *what):
    with Application(bench, *what) as application:
        try:
            code = application.process.wait(200)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not ended: {application.text()[-900:]}") from None
        equal(code, 0, why(application.text()))


def streams_go_on_from_their_checkpoints(bench):
    prefix = topics_of(bench, "spark", ["orders", "copies", "sums"], PARTITIONS)
    orders, copies, sums = (f"{prefix}-{name}" for name in ("orders", "copies", "sums"))
    with tempfile.TemporaryDirectory(prefix="spark-") as folder:
        for part in range(2):
            write(bench, orders, map(order, range(part * 500, part * 500 + 500)))
            run_to_its_end(bench, "drain", prefix, folder)
            same = read(bench, copies, PARTITIONS) == read(bench, orders, PARTITIONS)
            equal(same, True, f"the copy, exactly and in order, after {part + 1} runs")
        write(bench, orders, map(order, range(1000, ORDERS)))
        with Application(bench, "stream", prefix, folder) as killed:
            def works():
                killed.check()
                return bench.end_offsets(copies, PARTITIONS) > 1000
            eventually(works, "something more is copied", 200)
            killed.kill()
        # Later than all windows, so that they close.
        write(bench, orders, [("end", 0, STARTED_MS + ORDERS * 100 + 600_000, partition)
                              for partition in range(PARTITIONS)])
        run_to_its_end(bench, "drain", prefix, folder)
    sent, copied = read(bench, orders, PARTITIONS), read(bench, copies, PARTITIONS)
    once = [list(dict.fromkeys(values)) for values in copied]
    equal([sorted(values) for values in once] == [sorted(values) for values in sent], True,
          "the copy, each record counted once")
    twice = sum(map(len, copied)) - sum(map(len, sent))
    holds(twice <= BATCH, f"only the batch of the kill comes twice: {twice}")
    told = {(w["who"], w["since"]): [w["total"], w["orders"]] for w in windows(bench, sums)}
    equal(told == expected(), True, "each window has its sum")


def a_table_is_read_and_written(bench):
    """Of transactions, some of them aborted; all of it, and from a moment on."""
    prefix = topics_of(bench, "spark", ["orders", "totals"], PARTITIONS)
    producer = producer_of(bench, bench.name("id"))
    wanted = defaultdict(lambda: [0, 0])
    # Later than the markers that end transactions: their time is looked for as well.
    started = STARTED_MS + 1_200_000
    moment = started + 40_000
    for part in range(8):
        producer.begin_transaction()
        numbers = range(part * 100, part * 100 + 100)
        for n, (who, amount, _, partition) in zip(numbers, map(order, numbers)):
            value = json.dumps({"who": who, "amount": amount})
            producer.produce(f"{prefix}-orders", value, partition=partition,
                             timestamp=started + n * 100)
        if part % 3 == 2:
            producer.flush(30)
            producer.abort_transaction(30)
            continue
        producer.commit_transaction(30)
        for n, (who, amount, _, _) in zip(numbers, map(order, numbers)):
            for key in [who] + ([f"later {who}"] if started + n * 100 >= moment else []):
                wanted[key][0] += amount
                wanted[key][1] += 1
    run_to_its_end(bench, "table", prefix, moment)
    told = windows(bench, f"{prefix}-totals")
    equal({row["who"]: [row["total"], row["orders"]] for row in told}, dict(wanted), "the table")
    equal(len(told), len(wanted), "rows")


TESTS = [streams_go_on_from_their_checkpoints, a_table_is_read_and_written]
