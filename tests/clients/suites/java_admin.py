"""Every method of Kafka's Java `Admin`: what comes, or the code, must be what Apache Kafka says.

`java/AdminMethods.java` calls them; `java/admin-methods.txt` is what it prints beside a fresh
Apache Kafka 4.3.1. With RECORD=1, beside Kafka, that file is written anew.
"""

import os
from pathlib import Path

from run import HERE, REPOSITORY, holds

RECORDED = HERE / "java" / "admin-methods.txt"
# Not served yet; a client that asks is told so. A line leaves this list when its API is served.
LATER = """
    createAcls describeAcls deleteAcls
    createDelegationToken renewDelegationToken expireDelegationToken describeDelegationToken
    alterClientQuotas describeClientQuotas alterUserScramCredentials describeUserScramCredentials
""".split()


def java(bench, source, *arguments, stdin=None):
    """Runs a single-file program with Kafka's jars."""
    version = os.environ.get("KAFKA_VERSION", "4.3.1")
    libs = REPOSITORY / ".cache" / f"kafka-{version}" / "libs"
    peers = REPOSITORY / "perf" / "peers"
    return bench.command(
        "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{libs}/*",
        f"-Dlog4j2.configurationFile={peers / 'kafka-log4j2-tools.properties'}",
        HERE / "java" / source, *arguments, stdin=stdin, timeout=140).stdout


def methods(text):
    return dict(line.split(": ", 1) for line in text.splitlines())


def every_method_of_admin(bench):
    told = java(bench, "AdminMethods.java", bench.address, bench.prefix)
    is_ottla = os.environ.get("BROKER_KIND") == "ottla"
    if os.environ.get("RECORD") and not is_ottla:
        Path(RECORDED).write_text(told)
    got, wanted = methods(told), methods(RECORDED.read_text())
    wrong, later = [], set()
    for name, outcome in wanted.items():
        method = name.split()[0]
        if is_ottla and method in LATER and got.get(name) == "UNSUPPORTED_VERSION":
            later.add(method)
            continue
        if got.get(name) != outcome:
            wrong.append(f"{name}: {got.get(name)}, not {outcome}")
    if is_ottla:
        print(f"   not served yet: {' '.join(sorted(later)) or 'nothing'}")
        served = sorted(set(LATER) - later)
        if served:
            print(f"   served by now, take them from LATER: {' '.join(served)}")
    holds(not wrong, "; ".join(wrong))


TESTS = [every_method_of_admin]
