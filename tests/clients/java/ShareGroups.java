//! Share groups by Kafka's own `KafkaShareConsumer`: a line `ok CASE` for each case that went as
//! KIP-932 says; anything else ends the program.
//!
//! Room:       `tests/clients`, run as a single source file with Kafka's jars.
//! Called by:  the suite `share-groups`.
//! Calls:      kafka-clients.
//! Never:      waits for a fixed time where it can wait for what shall happen.
//!
//!   java -cp 'libs/*' ShareGroups.java HOST:PORT PREFIX CASE …
//!
//! `PREFIX` begins every name it makes. `survives` prints `ready`, and goes on through whatever
//! happens to the broker; it ends when every record has been acknowledged.

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidRecordStateException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class ShareGroups {
    static final Duration POLL = Duration.ofMillis(500);
    static final long PATIENCE_MS = 90_000;
    static String address;
    static String prefix;
    static Admin admin;
    static int named;

    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        prefix = arguments[1];
        admin = Admin.create(common());
        for (String wanted : List.of(arguments).subList(2, arguments.length)) {
            switch (wanted) {
                case "implicit" -> implicit();
                case "explicit" -> explicit();
                case "limit" -> limit();
                case "lock" -> lock();
                case "renew" -> renew();
                case "two" -> two();
                case "transactions" -> transactions();
                case "offsets" -> offsets();
                case "survives" -> survives();
                default -> throw new IllegalArgumentException(wanted);
            }
            System.out.println("ok " + wanted);
        }
        admin.close();
        System.exit(0);
    }

    /** What was polled is acknowledged by the next poll, and by a commit. */
    static void implicit() throws Exception {
        String topic = topic(3, Map.of());
        String group = group(Map.of());
        produce(topic, 0, 300, null);
        Set<String> seen = new TreeSet<>();
        try (KafkaShareConsumer<String, String> consumer = consumer(group, Map.of())) {
            consumer.subscribe(List.of(topic));
            until("all records", () -> {
                for (ConsumerRecord<String, String> record : consumer.poll(POLL)) {
                    check(seen.add(record.value()), "twice: " + record.value());
                    check(record.deliveryCount().equals(Optional.of((short) 1)), "a first time");
                }
                return seen.size() == 300;
            });
            ok(consumer.commitSync());
            produce(topic, 300, 30, null);
            until("those that came later", () -> {
                consumer.poll(POLL).forEach(record -> seen.add(record.value()));
                return seen.size() == 330;
            });
            ok(consumer.commitSync());
        }
        try (KafkaShareConsumer<String, String> consumer = consumer(group, Map.of())) {
            consumer.subscribe(List.of(topic));
            produce(topic, 330, 1, null);
            List<String> more = new ArrayList<>();
            until("the last one only", () -> {
                consumer.poll(POLL).forEach(record -> more.add(record.value()));
                return !more.isEmpty();
            });
            check(more.equals(List.of("330")), "after a commit: " + more);
        }
    }

    /** Each record is accepted, released or rejected; what is released comes again, counted. */
    static void explicit() throws Exception {
        String topic = topic(1, Map.of());
        String group = group(Map.of());
        produce(topic, 0, 90, null);
        Map<String, Integer> times = new TreeMap<>();
        try (KafkaShareConsumer<String, String> consumer = consumer(group, explicitly())) {
            consumer.subscribe(List.of(topic));
            until("90 records and 30 of them again", () -> {
                for (ConsumerRecord<String, String> record : consumer.poll(POLL)) {
                    int time = times.merge(record.value(), 1, Integer::sum);
                    check(record.deliveryCount().get() == time, "delivery " + time + " is "
                        + record.deliveryCount().get() + ": " + record.value());
                    int kind = Integer.parseInt(record.value()) % 3;
                    consumer.acknowledge(record, time > 1 || kind == 0 ? AcknowledgeType.ACCEPT
                        : kind == 1 ? AcknowledgeType.RELEASE : AcknowledgeType.REJECT);
                }
                ok(consumer.commitSync());
                return times.values().stream().mapToInt(Integer::intValue).sum() == 120;
            });
            for (Map.Entry<String, Integer> entry : times.entrySet()) {
                int wanted = Integer.parseInt(entry.getKey()) % 3 == 1 ? 2 : 1;
                check(entry.getValue() == wanted, entry + ", not " + wanted);
            }
            check(consumer.poll(Duration.ofMillis(200)).isEmpty(), "nothing is left");
            produce(topic, 90, 1, null);
            until("one more", () -> {
                ConsumerRecords<String, String> records = consumer.poll(POLL);
                if (records.isEmpty()) {
                    return false;
                }
                // Not acknowledged: polling on is a mistake.
                try {
                    consumer.poll(POLL);
                    throw new AssertionError("a poll with records not acknowledged");
                } catch (IllegalStateException expected) {
                    records.forEach(record -> consumer.acknowledge(record));
                    return true;
                }
            });
        }
        lagIs(group, topic, 0);
    }

    /** A record that is released again and again is delivered so often as the limit says. */
    static void limit() throws Exception {
        String topic = topic(1, Map.of());
        String group = group(Map.of("share.delivery.count.limit", "3"));
        produce(topic, 0, 4, null);
        Map<String, Integer> times = new TreeMap<>();
        try (KafkaShareConsumer<String, String> consumer = consumer(group, explicitly())) {
            consumer.subscribe(List.of(topic));
            until("each three times", () -> {
                for (ConsumerRecord<String, String> record : consumer.poll(POLL)) {
                    times.merge(record.value(), 1, Integer::sum);
                    consumer.acknowledge(record, AcknowledgeType.RELEASE);
                }
                consumer.commitSync();
                return times.values().stream().mapToInt(Integer::intValue).sum() >= 12;
            });
            check(times.equals(Map.of("0", 3, "1", 3, "2", 3, "3", 3)), "" + times);
            check(consumer.poll(Duration.ofMillis(500)).isEmpty(), "nothing is left");
        }
        lagIs(group, topic, 0);
    }

    /** A member that says nothing loses its records to others; then it may not acknowledge them. */
    static void lock() throws Exception {
        String topic = topic(1, Map.of());
        String group = group(Map.of("share.record.lock.duration.ms", "15000"));
        produce(topic, 0, 5, null);
        try (KafkaShareConsumer<String, String> silent = consumer(group, explicitly());
             KafkaShareConsumer<String, String> other = consumer(group, explicitly())) {
            silent.subscribe(List.of(topic));
            List<ConsumerRecord<String, String>> held = new ArrayList<>();
            until("five records", () -> {
                silent.poll(POLL).forEach(held::add);
                return held.size() == 5;
            });
            long since = System.nanoTime();
            check(silent.acquisitionLockTimeoutMs().equals(Optional.of(15_000)), "the lock's time");
            other.subscribe(List.of(topic));
            List<ConsumerRecord<String, String>> again = new ArrayList<>();
            until("the lock's end", () -> {
                other.poll(POLL).forEach(again::add);
                return !again.isEmpty();
            });
            long waited = (System.nanoTime() - since) / 1_000_000;
            check(waited > 13_000, "others had them after " + waited + " ms");
            check(again.size() == 5 && again.stream()
                .allMatch(record -> record.deliveryCount().get() == 2), "a second time");
            held.forEach(record -> silent.acknowledge(record));
            for (Optional<KafkaException> outcome : silent.commitSync().values()) {
                check(outcome.isPresent() && outcome.get() instanceof InvalidRecordStateException,
                    "too late: " + outcome);
            }
            again.forEach(record -> other.acknowledge(record));
            ok(other.commitSync());
        }
        lagIs(group, topic, 0);
    }

    /** A member that needs longer says so. */
    static void renew() throws Exception {
        String topic = topic(1, Map.of());
        String group = group(Map.of("share.record.lock.duration.ms", "15000"));
        produce(topic, 0, 1, null);
        try (KafkaShareConsumer<String, String> slow = consumer(group, explicitly());
             KafkaShareConsumer<String, String> other = consumer(group, explicitly())) {
            slow.subscribe(List.of(topic));
            List<ConsumerRecord<String, String>> held = new ArrayList<>();
            until("a record", () -> {
                slow.poll(POLL).forEach(held::add);
                return !held.isEmpty();
            });
            other.subscribe(List.of(topic));
            long end = System.nanoTime() + 20_000_000_000L;
            while (System.nanoTime() < end) {
                slow.acknowledge(held.get(0), AcknowledgeType.RENEW);
                ok(slow.commitSync());
                check(other.poll(Duration.ofSeconds(2)).isEmpty(), "another got it");
                slow.poll(Duration.ofMillis(100));
            }
            slow.acknowledge(held.get(0), AcknowledgeType.ACCEPT);
            ok(slow.commitSync());
        }
        lagIs(group, topic, 0);
    }

    /** Two members read one partition; each record goes to one of them, both get some. */
    static void two() throws Exception {
        String topic = topic(1, Map.of());
        String group = group(Map.of());
        List<Set<String>> seen = List.of(new HashSet<>(), new HashSet<>());
        Map<String, Object> few = new HashMap<>(Map.of("max.poll.records", "10",
            "share.acquire.mode", "record_limit"));
        try (KafkaShareConsumer<String, String> one = consumer(group, few);
             KafkaShareConsumer<String, String> other = consumer(group, few)) {
            one.subscribe(List.of(topic));
            other.subscribe(List.of(topic));
            until("both belong to it", () -> {
                one.poll(Duration.ofMillis(100));
                other.poll(Duration.ofMillis(100));
                return description(group).members().size() == 2 && description(group).members()
                    .stream().allMatch(member -> member.assignment().topicPartitions().size() == 1);
            });
            produce(topic, 0, 400, null);
            until("all records", () -> {
                one.poll(Duration.ofMillis(100)).forEach(record -> seen.get(0).add(record.value()));
                other.poll(Duration.ofMillis(100))
                    .forEach(record -> seen.get(1).add(record.value()));
                return seen.get(0).size() + seen.get(1).size() >= 400;
            });
            ok(one.commitSync());
            ok(other.commitSync());
        }
        Set<String> all = new HashSet<>(seen.get(0));
        all.addAll(seen.get(1));
        check(all.size() == 400, all.size() + " records");
        check(seen.get(0).size() + seen.get(1).size() == 400, "one had what the other had");
        check(!seen.get(0).isEmpty() && !seen.get(1).isEmpty(), "both had some");
        lagIs(group, topic, 0);
    }

    /** Records of aborted transactions are delivered, or are not. */
    static void transactions() throws Exception {
        String topic = topic(1, Map.of());
        String committed = group(Map.of("share.isolation.level", "read_committed"));
        String all = group(Map.of());
        produce(topic, 0, 3, true);
        produce(topic, 100, 3, false);
        produce(topic, 3, 3, true);
        produce(topic, 6, 1, null);
        for (String group : List.of(committed, all)) {
            Set<Integer> seen = new TreeSet<>();
            int wanted = group.equals(committed) ? 7 : 10;
            try (KafkaShareConsumer<String, String> consumer = consumer(group, Map.of())) {
                consumer.subscribe(List.of(topic));
                until("all that count", () -> {
                    consumer.poll(POLL)
                        .forEach(record -> seen.add(Integer.parseInt(record.value())));
                    return seen.size() >= wanted;
                });
                ok(consumer.commitSync());
            }
            check(seen.size() == wanted, group + ": " + seen);
        }
    }

    /** What administrators see and change. */
    static void offsets() throws Exception {
        String topic = topic(1, Map.of());
        String group = group(Map.of());
        TopicPartition partition = new TopicPartition(topic, 0);
        produce(topic, 0, 20, null);
        code(Errors.GROUP_ID_NOT_FOUND, () -> description(group + "-nobody"));
        admin.alterShareGroupOffsets(group, Map.of(partition, 15L)).all().get();
        check(description(group).groupState() == GroupState.EMPTY, "nobody is there yet");
        Set<String> seen = new TreeSet<>();
        try (KafkaShareConsumer<String, String> consumer = consumer(group, Map.of())) {
            consumer.subscribe(List.of(topic));
            until("the last five", () -> {
                consumer.poll(POLL).forEach(record -> seen.add(record.value()));
                return seen.size() >= 5;
            });
            check(seen.equals(Set.of("15", "16", "17", "18", "19")), "" + seen);
            ok(consumer.commitSync());
            ShareGroupDescription told = description(group);
            check(told.groupState() == GroupState.STABLE, "" + told.groupState());
            check(told.members().size() == 1, "" + told.members());
            code(Errors.NON_EMPTY_GROUP, () ->
                admin.alterShareGroupOffsets(group, Map.of(partition, 0L)).all().get());
            code(Errors.NON_EMPTY_GROUP, () ->
                admin.deleteShareGroupOffsets(group, Set.of(topic)).all().get());
            code(Errors.NON_EMPTY_GROUP, () ->
                admin.deleteShareGroups(List.of(group)).all().get());
        }
        lagIs(group, topic, 0);
        admin.alterShareGroupOffsets(group, Map.of(partition, 0L)).all().get();
        lagIs(group, topic, 20);
        check(admin.listGroups(ListGroupsOptions.forShareGroups()).all().get().stream()
            .anyMatch(listing -> listing.groupId().equals(group)), "it is listed");
        admin.deleteShareGroupOffsets(group, Set.of(topic)).all().get();
        check(admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec()))
            .partitionsToOffsetInfo(group).get().isEmpty(), "no offsets are left");
        admin.deleteShareGroups(List.of(group)).all().get();
        code(Errors.GROUP_ID_NOT_FOUND, () -> description(group));
    }

    /** Reads on whatever happens to the broker: at least once, and nothing is lost. */
    static void survives() throws Exception {
        String topic = topic(2, Map.of());
        String group = group(Map.of());
        int count = 4_000;
        Set<Integer> seen = new HashSet<>();
        Thread writer = new Thread(() -> {
            try {
                for (int from = 0; from < count; from += 100) {
                    produce(topic, from, 100, null);
                }
            } catch (Exception failed) {
                throw new IllegalStateException(failed);
            }
        });
        try (KafkaShareConsumer<String, String> consumer = consumer(group, explicitly())) {
            consumer.subscribe(List.of(topic));
            boolean[] told = {false, false};
            until("every record", () -> {
                if (!told[0]) {
                    told[0] = true;
                    writer.start();
                }
                ConsumerRecords<String, String> records = consumer.poll(POLL);
                for (ConsumerRecord<String, String> record : records) {
                    consumer.acknowledge(record, AcknowledgeType.ACCEPT);
                }
                Map<TopicIdPartition, Optional<KafkaException>> outcomes =
                    consumer.commitSync(Duration.ofSeconds(60));
                for (ConsumerRecord<String, String> record : records) {
                    boolean counts = outcomes.entrySet().stream().anyMatch(entry ->
                        entry.getKey().partition() == record.partition()
                            && entry.getValue().isEmpty());
                    if (counts) {
                        seen.add(Integer.parseInt(record.value()));
                    }
                }
                if (seen.size() >= count / 8 && !told[1]) {
                    told[1] = true;
                    System.out.println("ready");
                }
                return seen.size() >= count;
            });
        }
        writer.join();
        lagIs(group, topic, 0);
    }

    // What the cases are made of.

    static Properties common() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", address);
        return properties;
    }

    static Map<String, Object> explicitly() {
        return Map.of("share.acknowledgement.mode", "explicit");
    }

    static KafkaShareConsumer<String, String> consumer(String group, Map<String, Object> more) {
        Properties properties = common();
        properties.put("group.id", group);
        properties.putAll(more);
        return new KafkaShareConsumer<>(properties, new StringDeserializer(),
            new StringDeserializer());
    }

    static String topic(int partitions, Map<String, String> configs) throws Exception {
        String topic = prefix + "-t" + ++named;
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs)))
            .all().get();
        return topic;
    }

    /** A group that begins with the first record. */
    static String group(Map<String, String> configs) throws Exception {
        String group = prefix + "-g" + ++named;
        List<AlterConfigOp> ops = new ArrayList<>();
        ops.add(set("share.auto.offset.reset", "earliest"));
        configs.forEach((name, value) -> ops.add(set(name, value)));
        Map<ConfigResource, Collection<AlterConfigOp>> changes =
            Map.of(new ConfigResource(ConfigResource.Type.GROUP, group), ops);
        admin.incrementalAlterConfigs(changes).all().get();
        return group;
    }

    static AlterConfigOp set(String name, String value) {
        return new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
    }

    /** Numbers from `from` on; in a transaction that commits or not, when that is said. */
    static void produce(String topic, int from, int count, Boolean commits) throws Exception {
        Properties properties = common();
        properties.put("delivery.timeout.ms", "120000");
        if (commits != null) {
            properties.put("transactional.id", prefix + "-writer-" + ++named);
        }
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties,
                new StringSerializer(), new StringSerializer())) {
            if (commits != null) {
                producer.initTransactions();
                producer.beginTransaction();
            }
            for (int number = from; number < from + count; number++) {
                producer.send(new ProducerRecord<>(topic, "" + number, "" + number));
            }
            producer.flush();
            if (commits != null && commits) {
                producer.commitTransaction();
            } else if (commits != null) {
                producer.abortTransaction();
            }
        }
    }

    static ShareGroupDescription description(String group) {
        try {
            return admin.describeShareGroups(List.of(group)).all().get().get(group);
        } catch (ExecutionException failed) {
            throw (RuntimeException) failed.getCause();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    /** What is written of a group says soon that so much is left. */
    static void lagIs(String group, String topic, long wanted) throws Exception {
        long[] lag = {-2};
        until("a lag of " + wanted, () -> {
            try {
                Map<TopicPartition, SharePartitionOffsetInfo> told = admin.listShareGroupOffsets(
                    Map.of(group, new ListShareGroupOffsetsSpec()))
                    .partitionsToOffsetInfo(group).get();
                lag[0] = 0;
                for (Map.Entry<TopicPartition, SharePartitionOffsetInfo> entry : told.entrySet()) {
                    if (entry.getKey().topic().equals(topic)) {
                        lag[0] += entry.getValue() == null ? -1
                            : entry.getValue().lag().orElse(-1L);
                    }
                }
                return lag[0] == wanted;
            } catch (ExecutionException | InterruptedException failed) {
                throw new IllegalStateException(failed);
            }
        });
    }

    static void ok(Map<TopicIdPartition, Optional<KafkaException>> outcomes) {
        outcomes.forEach((partition, outcome) ->
            check(outcome.isEmpty(), partition + ": " + outcome));
    }

    interface Attempt {
        void run() throws Exception;
    }

    static void code(Errors wanted, Attempt attempt) throws Exception {
        try {
            attempt.run();
        } catch (ExecutionException failed) {
            check(Errors.forException(failed.getCause()) == wanted, "" + failed.getCause());
            return;
        } catch (RuntimeException failed) {
            check(Errors.forException(failed) == wanted, "" + failed);
            return;
        }
        throw new AssertionError("no " + wanted);
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void until(String what, BooleanSupplier done) {
        long end = System.nanoTime() + PATIENCE_MS * 1_000_000;
        while (!done.getAsBoolean()) {
            check(System.nanoTime() < end, "not within " + PATIENCE_MS + " ms: " + what);
        }
    }
}
