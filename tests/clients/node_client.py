"""The tests that every client of JavaScript has, over the programs of `javascript/`.

Room:       `tests/clients`, real clients as outside scripts.
Called by:  suites/kafkajs.py, suites/confluent_javascript.py.
Calls:      javascript/fetch, and with Node smoke.js and checks.js.
Never:      knows which client it is.
"""

import smoke
import wire

CHECKS = ["fields", "seeks", "shares", "transactions", "exactlyOnce", "fences", "administers"]


def tests_of(client, checks, protocols=("",)):
    """`smoke`'s tests with every codec, and each check once for each protocol of groups."""
    fetch = ("javascript/fetch", client)

    def test(check, protocol):
        def run(bench):
            program = smoke.fetched(*fetch) / "checks.js"
            bench.command("node", program, bench.address, check, bench.topic(partitions=3),
                          bench.topic(), bench.name("g"), protocol)
        words = "".join(f"_{c.lower()}" if c.isupper() else c for c in check)
        run.__name__ = "_".join(filter(None, (words, protocol.replace("-", "_"))))
        return run

    basics = smoke.tests_of(fetch, lambda folder: ["node", folder / "smoke.js"], wire.CODECS)
    # Only what has to do with groups differs from protocol to protocol.
    grouped = {"shares", "exactlyOnce", "staticMember"}
    return basics + [test(check, protocol) for check in checks
                     for protocol in (protocols if check in grouped else protocols[:1])]
