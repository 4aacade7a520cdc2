"""Kafka's own Java client in each release that Kafka 4 still serves: from 2.1 on (KIP-896).

`java/ClientsApp.java` drives the whole client, compiled against each release: producers with every
codec, consumer groups with each assignor and over the consumer protocol, static members, share
groups, seeks by time, transactions, zombies, the administrative client. What must be so it checks
itself; what differs by release (which refusal a step gets) it prints, and `java/clients.txt` is
what it prints beside Apache Kafka 4.3.1. With RECORD=1, beside Kafka, that file is written anew.
"""

import os
from collections import defaultdict

from jvm import Java, fetch
from run import HERE, equal, holds

TEST_SECONDS_MAX = 500
VERSIONS = ["2.1.1", "2.8.2", "3.3.2", "3.9.1", "4.0.2", "4.1.2"]
RECORDED = HERE / "java" / "clients.txt"


def outcomes(text):
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


def recorded():
    """By release, what each step came to."""
    told = {version: {} for version in VERSIONS}
    for line in RECORDED.read_text().splitlines():
        what, outcome = line.split(": ", 1)
        step, _, versions = what.partition(" @")
        for version in versions.split() or VERSIONS:
            told[version][step] = outcome
    return told


def record(told):
    """One line for what is the same in all releases."""
    lines = []
    for step in dict.fromkeys(step for steps in told.values() for step in steps):
        by_outcome = defaultdict(list)
        for version in VERSIONS:
            if step in told[version]:
                by_outcome[told[version][step]].append(version)
        for outcome, versions in by_outcome.items():
            which = "" if versions == VERSIONS else f" @{' '.join(versions)}"
            lines.append(f"{step}{which}: {outcome}\n")
    RECORDED.write_text("".join(lines))


def drive(bench, version):
    clients = fetch("clients", version)
    sections = os.environ.get("SECTIONS", "").split()
    with Java([clients / "classes", f"{clients}/libs/*"], "ClientsApp", bench.address,
              bench.name(version), *sections) as program:
        text = program.wait(TEST_SECONDS_MAX - 30)
    got = {step: outcome for step, outcome in outcomes(text).items()
           if step.partition(".")[0] in NAMES}
    equal(got.pop("client", text[-600:]), version, "the release")
    failed = [f"{step}: {outcome}" for step, outcome in got.items() if "FAILED" in outcome]
    holds(not failed, "; ".join(failed))
    told = recorded()
    if os.environ.get("RECORD"):
        equal((os.environ.get("BROKER_KIND"), sections), ("kafka", []), "recorded is all of Kafka")
        record(told | {version: got})
        return
    wanted = {step: outcome for step, outcome in told[version].items()
              if not sections or step.partition(".")[0] in sections}
    wrong = [f"{step}: {got.get(step)}, not {wanted.get(step)}" for step in {**wanted, **got}
             if got.get(step) != wanted.get(step)]
    holds(not wrong, "; ".join(wrong))


# What the lines of the program begin with; its log may say other things.
NAMES = ["client", "producer", "times", "groups", "offsets", "static", "share", "transactions",
         "zombies", "admin", "admin-groups", "cluster"]


def client(version):
    def test(bench):
        drive(bench, version)
    test.__name__ = f"client_{version.replace('.', '_')}"
    return test


TESTS = [client(version) for version in VERSIONS]
