//! Transactions: read, process, write; what is stable; and everybody who comes too late.
//!
//! Room:       `tests/clients`.
//! Called by:  ClientsApp.
//! Calls:      ClientsKit.
//! Never:      waits for a time; it polls until something is so.

import java.time.Duration;
import java.util.*;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;

@SuppressWarnings({"deprecation", "removal", "unchecked"})
class ClientsTransactions extends ClientsKit {
    static void transactions() throws Exception {
        String input = topic("input", 2);
        String output = topic("output", 2);
        String group = name("group");
        write(input, 2, 0, 100);
        try (Member member = new Member(group, "isolation.level", "read_committed",
                "max.poll.records", 20).subscribe(input);
                KafkaProducer<String, String> producer = transactional(name("id"))) {
            int committed = 0;
            boolean aborted = false;
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (committed < 100 && System.nanoTime() < end) {
                ConsumerRecords<String, String> records = member.consumer.poll(SOON);
                if (records.isEmpty()) {
                    continue;
                }
                producer.beginTransaction();
                Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                for (ConsumerRecord<String, String> one : records) {
                    producer.send(new ProducerRecord<>(output, one.partition(), one.key(),
                        one.value()));
                    offsets.put(new TopicPartition(input, one.partition()), at(one.offset() + 1));
                }
                sendOffsets(producer, offsets, groupOf(member.consumer, group));
                if (!aborted) {
                    producer.flush();
                    producer.abortTransaction();
                    aborted = true;
                    for (TopicPartition place : member.consumer.assignment()) {
                        equal(committed(member.consumer, place), null, "after the abort");
                        member.consumer.seek(place, 0);
                    }
                } else {
                    producer.commitTransaction();
                    committed += records.count();
                }
            }
            for (TopicPartition place : all(input, 2)) {
                OffsetAndMetadata told = committed(member.consumer, place);
                equal(told.offset() + told.metadata(), "50so far", "committed by transactions");
            }
        }
        equal(values(output, 2, "read_committed"), numbered(0, 100), "what was committed");
        equal(values(output, 2, "read_uncommitted").size() > 100, true, "the aborted is there");
        String open = topic("open", 1);
        List<TopicPartition> places = all(open, 1);
        try (KafkaProducer<String, String> producer = transactional(name("id"));
                KafkaConsumer<String, String> stable = consumer(null, "isolation.level",
                    "read_committed")) {
            producer.beginTransaction();
            of(producer.send(new ProducerRecord<>(open, "one")));
            producer.commitTransaction();
            producer.beginTransaction();
            of(producer.send(new ProducerRecord<>(open, "two")));
            until("the first is stable", () -> stable.endOffsets(places).get(places.get(0)) == 2);
            equal(values(open, 1, "read_committed"), List.of("one"), "what is stable");
            equal(values(open, 1, "read_uncommitted"), List.of("one", "two"), "what is there");
            producer.commitTransaction();
            until("the second is stable", () -> stable.endOffsets(places).get(places.get(0)) == 4);
            equal(values(open, 1, "read_committed"), List.of("one", "two"), "what is stable");
        }
    }

    static void zombies() throws Exception {
        String topic = topic("zombies", 1);
        TopicPartition one = new TopicPartition(topic, 0);
        String id = name("id");
        String group = name("group");
        try (KafkaProducer<String, String> zombie = transactional(id)) {
            zombie.beginTransaction();
            of(zombie.send(new ProducerRecord<>(topic, "lost")));
            try (KafkaProducer<String, String> heir = transactional(id)) {
                refused("send in the old transaction", () ->
                    of(zombie.send(new ProducerRecord<>(topic, "lost"))));
                refused("commit", () -> {
                    zombie.commitTransaction();
                    return "committed";
                });
                heir.beginTransaction();
                heir.send(new ProducerRecord<>(topic, "kept"));
                sendOffsets(heir, Map.of(one, at(1)), groupOf(consumer(group), group));
                heir.commitTransaction();
            }
        }
        KafkaProducer<String, String> idle = transactional(id);
        transactional(id).close();
        refused("begin after another", () -> {
            idle.beginTransaction();
            return of(idle.send(new ProducerRecord<>(topic, "lost")));
        });
        refused("offsets after another", () -> {
            sendOffsets(idle, Map.of(one, at(9)), groupOf(consumer(group), group));
            return "sent";
        });
        idle.close();
        equal(values(topic, 1, "read_committed"), List.of("kept"), "what was committed");
        if (!has(KafkaConsumer.class, "groupMetadata")) {
            say("offsets of a generation that is over", "not in this release");
            return;
        }
        String members = name("members");
        try (Member first = new Member(members).subscribe(topic);
                KafkaProducer<String, String> producer = transactional(name("id"))) {
            until("the first has it", () -> first.poll() == 1);
            Object before = groupOf(first.consumer, members);
            try (Member second = new Member(members).subscribe(topic)) {
                until("they are two", () -> (first.poll() + second.poll()) == 1
                    && second.assigned + first.assigned == 2);
                producer.beginTransaction();
                refused("offsets of a generation that is over", () -> {
                    sendOffsets(producer, Map.of(one, at(1)), before);
                    producer.commitTransaction();
                    return "committed";
                });
                producer.abortTransaction();
                equal(committed(first.consumer, one), null, "what was committed");
            }
        }
    }
}
