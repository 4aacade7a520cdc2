"""franz-go, a client of Go without librdkafka: every codec, a cooperative group."""

import wire
from smoke import tests_of

TESTS = tests_of(("franz-go-fetch",), lambda folder: [folder / "smoke"], wire.CODECS)
