"""kafkajs, the client of JavaScript: idempotent writes, gzip, a group with its own assignor."""

from smoke import tests_of

# Others need packages of their own.
TESTS = tests_of("kafkajs-fetch", lambda folder: ["node", folder / "smoke.js"], ["none", "gzip"])
