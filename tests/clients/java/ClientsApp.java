//! Drives the whole of Kafka's Java client, in any release from 2.1 on, and prints what came of it.
//!
//! Room:       `tests/clients`, compiled by java/fetch against the release that it runs with.
//! Called by:  the suite `old-java`.
//! Calls:      kafka-clients; what not every release has (and what newer ones have dropped) is
//!             looked up by name.
//! Never:      prints what differs from run to run: ids, times, ports.
//!
//!   java -cp … ClientsApp HOST:PORT PREFIX [SECTION …]
//!
//! `PREFIX` begins every name it makes. What must be so is checked here; what a release calls it
//! (most of all, a refusal) is printed, for the suite to compare with what Apache Kafka gives.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.utils.AppInfoParser;

@SuppressWarnings({"deprecation", "removal", "unchecked"})
public class ClientsApp extends ClientsKit {
    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        prefix = arguments[1];
        admin = AdminClient.create(Map.of("bootstrap.servers", address));
        Map<String, Step> sections = new LinkedHashMap<>();
        sections.put("producer", ClientsApp::codecs);
        sections.put("times", ClientsApp::times);
        sections.put("groups", ClientsGroups::groups);
        sections.put("offsets", ClientsGroups::offsets);
        sections.put("static", ClientsGroups::staticMembers);
        sections.put("share", ClientsGroups::share);
        sections.put("transactions", ClientsTransactions::transactions);
        sections.put("zombies", ClientsTransactions::zombies);
        sections.put("admin", ClientsAdmin::topicsAndConfigs);
        sections.put("admin-groups", ClientsAdmin::adminOfGroups);
        sections.put("cluster", ClientsAdmin::cluster);
        Set<String> wanted = new HashSet<>(List.of(arguments).subList(2, arguments.length));
        System.out.println("client: " + AppInfoParser.getVersion());
        for (Map.Entry<String, Step> one : sections.entrySet()) {
            section = one.getKey();
            if (!wanted.isEmpty() && !wanted.contains(section)) {
                continue;
            }
            try {
                one.getValue().run();
                System.out.println(section + ": done");
            } catch (Throwable error) {
                System.out.println(section + ": FAILED " + error);
                error.printStackTrace();
            }
        }
        System.exit(0);
    }

    static void codecs() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            String topic = topic(codec, 2, "retention.ms", "-1");
            List<String> sent = new ArrayList<>();
            try (KafkaProducer<String, String> producer = producer("compression.type", codec)) {
                equal(producer.partitionsFor(topic).size(), 2, "partitions");
                List<Future<RecordMetadata>> answers = new ArrayList<>();
                for (int n = 0; n < 400; n++) {
                    ProducerRecord<String, String> record = new ProducerRecord<>(topic, n % 2,
                        1_700_000_000_000L + n, n % 5 == 0 ? null : "key" + n,
                        n % 7 == 0 ? null : "value".repeat(1 + n % 50) + n);
                    record.headers().add("n", String.valueOf(n).getBytes(StandardCharsets.UTF_8))
                        .add("n", new byte[0]).add("nothing", null);
                    sent.add(told(record.partition(), n / 2, record.timestamp(), record.key(),
                        record.value(), record.headers()));
                    answers.add(producer.send(record));
                }
                producer.flush();
                for (int n = 0; n < 400; n++) {
                    equal(of(answers.get(n)).offset(), n / 2L, "offset in the answer");
                }
                String large = "large".repeat(100_000);
                equal(of(producer.send(new ProducerRecord<>(topic, 0, "large", large))).offset(),
                    200L, "the large one's offset");
            }
            List<String> got = new ArrayList<>();
            for (ConsumerRecord<String, String> one : read(topic, 2, "read_committed")) {
                if ("large".equals(one.key())) {
                    equal(one.value().length(), 500_000, "the large one");
                    continue;
                }
                got.add(told(one.partition(), one.offset(), one.timestamp(), one.key(),
                    one.value(), one.headers()));
            }
            Collections.sort(sent);
            Collections.sort(got);
            equal(got, sent, "what was read of " + codec);
            say(codec, got.size() + " records come back as they were");
        }
        String small = topic("small", 1, "max.message.bytes", "2000",
            "message.timestamp.type", "LogAppendTime");
        for (String acks : List.of("0", "1", "all")) {
            try (KafkaProducer<String, String> producer = producer("acks", acks,
                    "enable.idempotence", false)) {
                RecordMetadata told = of(producer.send(new ProducerRecord<>(small, 0, 1L, "", "")));
                say("acks " + acks, told.hasOffset() + ", own time " + (told.timestamp() == 1));
                if (!acks.equals("0")) {
                    refused("too large, acks " + acks, () ->
                        of(producer.send(new ProducerRecord<>(small, "x".repeat(5000)))));
                }
            }
        }
        read(small, 1, "read_uncommitted").forEach(one -> equal(one.timestampType().toString(),
            "LogAppendTime", "whose time it is"));
        String compacted = topic("compacted", 1, "cleanup.policy", "compact");
        try (KafkaProducer<String, String> producer = producer("max.block.ms", 3000)) {
            refused("no key", () -> of(producer.send(new ProducerRecord<>(compacted, "value"))));
            refused("invalid topic", () -> of(producer.send(new ProducerRecord<>("a b", "v"))));
        }
    }

    static String told(int partition, long offset, long time, String key, String value,
            Iterable<Header> headers) {
        StringBuilder text = new StringBuilder();
        for (Header header : headers) {
            text.append(header.key()).append('=').append(header.value() == null ? "null"
                : new String(header.value(), StandardCharsets.UTF_8)).append(' ');
        }
        return partition + " " + offset + " " + time + " " + key + " " + value + " " + text;
    }

    static void times() throws Exception {
        String topic = topic("times", 2, "retention.ms", "-1");
        try (KafkaProducer<String, String> producer = producer()) {
            for (int n = 0; n < 100; n++) {
                long time = 1_700_000_000_000L + n * 1000;
                producer.send(new ProducerRecord<>(topic, 0, time, "", ""));
            }
        }
        TopicPartition full = new TopicPartition(topic, 0);
        TopicPartition empty = new TopicPartition(topic, 1);
        try (KafkaConsumer<String, String> consumer = consumer(null, "max.poll.records", 10)) {
            Map<TopicPartition, Long> asked = new HashMap<>();
            asked.put(full, 1_700_000_041_500L);
            asked.put(empty, 1_700_000_041_500L);
            Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(asked);
            say("after a time", found.get(full).offset() + " of " + found.get(full).timestamp()
                + ", epoch " + found.get(full).leaderEpoch().isPresent());
            say("after a time, in an empty one", found.get(empty));
            asked.put(full, 1_800_000_000_000L);
            say("after the last time", consumer.offsetsForTimes(asked).get(full));
            say("ends", consumer.endOffsets(List.of(full)).get(full) + ", "
                + consumer.endOffsets(List.of(empty)).get(empty) + ", from "
                + consumer.beginningOffsets(List.of(full)).get(full));
            consumer.assign(List.of(full, empty));
            consumer.seek(full, found.get(full).offset());
            equal(next(consumer).offset(), 42L, "the record at a time");
            consumer.seekToEnd(List.of(full));
            equal(consumer.position(full), 100L, "the end");
            consumer.seekToBeginning(List.of(full));
            consumer.pause(List.of(full));
            equal(consumer.poll(SOON).count(), 0, "records of a paused partition");
            consumer.resume(List.of(full));
            equal(next(consumer).offset(), 0L, "the first record");
            of(admin.deleteRecords(Map.of(full, RecordsToDelete.beforeOffset(30))).all());
            equal(consumer.beginningOffsets(List.of(full)).get(full), 30L, "where it begins");
            consumer.seek(full, 5);
            equal(next(consumer).offset(), 30L, "the first record that is left");
            equal(consumer.listTopics().get(topic).size(), 2, "partitions in the list");
        }
        try (KafkaConsumer<String, String> strict = consumer(null, "auto.offset.reset", "none")) {
            strict.assign(List.of(full));
            refused("no position", () -> next(strict));
            strict.seek(full, 1000);
            refused("out of range", () -> next(strict));
            refused("no such topic's partitions", () ->
                strict.endOffsets(List.of(new TopicPartition(topic, 7)), Duration.ofSeconds(2)));
        }
    }

    static ConsumerRecord<String, String> next(KafkaConsumer<String, String> consumer)
            throws Exception {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        until("a record", () -> {
            consumer.poll(SOON).forEach(records::add);
            return !records.isEmpty();
        });
        return records.get(0);
    }
}
