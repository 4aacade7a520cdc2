"""kafka-go, a client of Go: readers and writers, and each of Kafka's requests as a call."""

from go_client import tests_of

# Groups come and go in most of the tests; Ottla waits for three seconds where nothing else is set.
PROPERTIES = {"group.initial.rebalance.delay.ms": "0"}
TESTS = tests_of("kafka-go", [
    "writes_every_codec_and_acks", "headers_keys_and_times", "reads_and_writes_on_a_connection",
    "seeks_and_asks_for_offsets", "reads_and_writes_by_requests", "a_group_shares_and_goes_on",
    "commits_by_generation", "a_member_of_single_requests", "transactions_commit_and_abort",
    "offsets_of_a_transaction", "administers_topics", "administers_groups_and_the_cluster"])
