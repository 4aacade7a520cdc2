//! What the programs of `ClientsApp` are made of: outcomes, topics, producers, consumers, members.
//!
//! Room:       `tests/clients`.
//! Called by:  ClientsApp, ClientsGroups, ClientsTransactions, ClientsAdmin.
//! Calls:      kafka-clients; what not every release has (and what newer ones have dropped) is
//!             looked up by name.
//! Never:      prints what differs from run to run: ids, times, ports.

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

@SuppressWarnings({"deprecation", "removal", "unchecked"})
class ClientsKit {
    static final Duration SOON = Duration.ofMillis(50);
    static final String PACKAGE = "org.apache.kafka.";
    static String address;
    static String prefix;
    static String section;
    static AdminClient admin;
    static int names;

    interface Step {
        void run() throws Exception;
    }

    static void say(String what, Object value) {
        System.out.println(section + "." + what + ": " + value);
    }

    /** Prints which refusal comes. */
    static void refused(String what, Callable<?> run) {
        Object told;
        try {
            told = "nothing was refused: " + run.call();
        } catch (Throwable error) {
            Throwable cause = error;
            while (cause.getCause() != null && (cause instanceof ExecutionException
                    || cause instanceof InvocationTargetException)) {
                cause = cause.getCause();
            }
            told = cause.getClass().getSimpleName();
        }
        say(what, told);
    }

    static void equal(Object got, Object wanted, String what) {
        if (!Objects.equals(got, wanted)) {
            throw new AssertionError(what + ": got " + got + ", wanted " + wanted);
        }
    }

    static void until(String what, Callable<Boolean> check) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!check.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within 60 s: " + what);
            }
        }
    }

    static <T> T of(Future<T> future) throws Exception {
        return future.get(30, TimeUnit.SECONDS);
    }

    static <T> T of(Object result, String method) throws Exception {
        return of((KafkaFuture<T>) call(result, method));
    }

    /** Calls the public method of this name that takes these arguments, of `on` or of a class. */
    static Object call(Object on, String name, Object... arguments) throws Exception {
        boolean isClass = on instanceof Class;
        Class<?> type = isClass ? (Class<?>) on : on.getClass();
        for (Class<?> at = type; at != null; at = at.getSuperclass()) {
            List<Class<?>> declared = new ArrayList<>(List.of(at.getInterfaces()));
            declared.add(0, at);
            for (Class<?> one : declared) {
                if (!Modifier.isPublic(one.getModifiers())) {
                    continue;
                }
                for (Method method : one.getMethods()) {
                    if (method.getName().equals(name) && fit(method, arguments)) {
                        try {
                            return method.invoke(isClass ? null : on, arguments);
                        } catch (InvocationTargetException thrown) {
                            if (thrown.getCause() instanceof Exception) {
                                throw (Exception) thrown.getCause();
                            }
                            throw thrown;
                        }
                    }
                }
            }
        }
        throw new NoSuchMethodException(type.getName() + "." + name);
    }

    static boolean fit(Method method, Object[] arguments) {
        Class<?>[] types = method.getParameterTypes();
        boolean fits = types.length == arguments.length;
        for (int n = 0; fits && n < types.length; n++) {
            fits = types[n].isInstance(arguments[n])
                || types[n].isPrimitive() && !(arguments[n] instanceof Collection);
        }
        return fits;
    }

    static boolean has(Class<?> type, String method) {
        return Arrays.stream(type.getMethods()).anyMatch(one -> one.getName().equals(method));
    }

    /** This class of `org.apache.kafka`, or null where the release has none. */
    static Class<?> type(String name) {
        try {
            return Class.forName(PACKAGE + name);
        } catch (ClassNotFoundException absent) {
            return null;
        }
    }

    static String name(String hint) {
        return prefix + "-" + hint + "-" + ++names;
    }

    /** A new topic that clients can use. */
    static String topic(String hint, int partitions, String... configs) throws Exception {
        Map<String, String> settings = new HashMap<>();
        for (int n = 0; n < configs.length; n += 2) {
            settings.put(configs[n], configs[n + 1]);
        }
        String topic = name(hint);
        of(admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1)
            .configs(settings))).all());
        usable(topic, partitions);
        return topic;
    }

    static void usable(String topic, int partitions) throws Exception {
        try (KafkaConsumer<String, String> consumer = consumer(null)) {
            until(topic + " has its leaders", () -> {
                try {
                    List<?> known = consumer.partitionsFor(topic);
                    return known != null && known.size() == partitions
                        && consumer.endOffsets(all(topic, partitions)).size() == partitions;
                } catch (org.apache.kafka.common.errors.RetriableException early) {
                    return false;
                }
            });
        }
    }

    static List<TopicPartition> all(String topic, int partitions) {
        List<TopicPartition> list = new ArrayList<>();
        for (int n = 0; n < partitions; n++) {
            list.add(new TopicPartition(topic, n));
        }
        return list;
    }

    static KafkaProducer<String, String> producer(Object... settings) {
        Map<String, Object> given = new HashMap<>(Map.of("bootstrap.servers", address,
            "enable.idempotence", true, "acks", "all", "linger.ms", 2));
        put(given, settings);
        return new KafkaProducer<>(given, new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(String group, Object... settings) {
        Map<String, Object> given = new HashMap<>(Map.of("bootstrap.servers", address,
            "enable.auto.commit", false, "auto.offset.reset", "earliest",
            "heartbeat.interval.ms", 300, "session.timeout.ms", 20000));
        if (group != null) {
            given.put("group.id", group);
        }
        put(given, settings);
        return new KafkaConsumer<>(given, new StringDeserializer(), new StringDeserializer());
    }

    static void put(Map<String, Object> given, Object[] settings) {
        for (int n = 0; n < settings.length; n += 2) {
            if (settings[n + 1] == null) {
                given.remove(settings[n]);
            } else {
                given.put((String) settings[n], settings[n + 1]);
            }
        }
    }

    /** Records whose times rise, also within one millisecond. */
    static void write(String topic, int partitions, int from, int to) throws Exception {
        long time = System.currentTimeMillis();
        try (KafkaProducer<String, String> producer = producer()) {
            for (int n = from; n < to; n++) {
                producer.send(new ProducerRecord<>(topic, n % partitions, time + n, "k" + n,
                    "v" + n));
            }
        }
    }

    /** What is in a topic from its start to the end that this isolation level sees. */
    static List<ConsumerRecord<String, String>> read(String topic, int partitions, String level)
            throws Exception {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer(null, "isolation.level", level)) {
            List<TopicPartition> places = all(topic, partitions);
            consumer.assign(places);
            consumer.seekToBeginning(places);
            Map<TopicPartition, Long> ends = consumer.endOffsets(places);
            until("all of " + topic + " is read", () -> {
                consumer.poll(SOON).forEach(records::add);
                return places.stream().allMatch(p -> consumer.position(p) >= ends.get(p));
            });
        }
        return records;
    }

    static List<String> values(String topic, int partitions, String level) throws Exception {
        List<String> values = new ArrayList<>();
        read(topic, partitions, level).forEach(record -> values.add(record.value()));
        Collections.sort(values);
        return values;
    }

    /** `v0`, `v1` …, sorted as `values` sorts them. */
    static List<String> numbered(int from, int to) {
        List<String> values = new ArrayList<>();
        for (int n = from; n < to; n++) {
            values.add("v" + n);
        }
        Collections.sort(values);
        return values;
    }

    static OffsetAndMetadata at(long offset) {
        return new OffsetAndMetadata(offset, "so far");
    }

    static OffsetAndMetadata committed(KafkaConsumer<String, String> consumer, TopicPartition one)
            throws Exception {
        if (has(KafkaConsumer.class, "enforceRebalance")) {
            Object told = call(consumer, "committed", Set.of(one));
            return ((Map<TopicPartition, OffsetAndMetadata>) told).get(one);
        }
        return (OffsetAndMetadata) call(consumer, "committed", one);
    }

    /** A member of a group: what it was given, what was taken from it, and what it has read. */
    static class Member implements ConsumerRebalanceListener, AutoCloseable {
        final KafkaConsumer<String, String> consumer;
        final List<String> values = new ArrayList<>();
        int assigned;
        int revoked;

        Member(String group, Object... settings) {
            consumer = consumer(group, settings);
        }

        Member subscribe(String... topics) {
            consumer.subscribe(List.of(topics), this);
            return this;
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> places) {
            assigned += places.size();
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> places) {
            revoked += places.size();
        }

        /** How many partitions it has, after it has asked for records once. */
        int poll() {
            consumer.poll(SOON).forEach(record -> values.add(record.value()));
            return consumer.assignment().size();
        }

        @Override
        public void close() {
            consumer.close(Duration.ofSeconds(10));
        }
    }

    static KafkaProducer<String, String> transactional(String id) {
        KafkaProducer<String, String> producer = producer("transactional.id", id);
        producer.initTransactions();
        return producer;
    }

    static void sendOffsets(KafkaProducer<String, String> producer,
            Map<TopicPartition, OffsetAndMetadata> offsets, Object group) throws Exception {
        call(producer, "sendOffsetsToTransaction", offsets, group);
    }

    /** How the release names the group in a transaction: as of its member, or by its id. */
    static Object groupOf(KafkaConsumer<String, String> consumer, String group) throws Exception {
        return has(KafkaConsumer.class, "groupMetadata") ? call(consumer, "groupMetadata") : group;
    }
}
