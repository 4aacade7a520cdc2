"""The tests that every client of Go has, over the programs of `go/`, and those of its own.

Room:       `tests/clients`, real clients as outside scripts.
Called by:  suites/franz_go.py, suites/kafka_go.py, suites/sarama.py.
Calls:      go-fetch, and the program that it builds.
Never:      knows which client it is.
"""

import smoke
import wire
from run import equal


def tests_of(client, checks=()):
    """`smoke`'s tests with every codec, and the tests that the program has itself."""
    fetch = ("go-fetch", client)

    def program(folder):
        return [folder / "smoke"]

    def test(check):
        def run(bench):
            command = program(smoke.fetched(*fetch))
            done = bench.command(*command, bench.address, "test", check, bench.name())
            equal(done.stdout, "", check)
        run.__name__ = check
        return run

    return smoke.tests_of(fetch, program, wire.CODECS) + [test(check) for check in checks]
