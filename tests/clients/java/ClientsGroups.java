//! Consumer groups: each assignor, patterns, offsets, static members.
//!
//! Room:       `tests/clients`.
//! Called by:  ClientsApp.
//! Calls:      ClientsKit.
//! Never:      waits for a time; it polls until something is so.

import java.time.Duration;
import java.util.*;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

@SuppressWarnings({"deprecation", "removal", "unchecked"})
class ClientsGroups extends ClientsKit {
    static final boolean NEXT_GENERATION = has(ConsumerConfig.class, "configNames")
        && ConsumerConfig.configNames().contains("group.protocol");

    static void groups() throws Exception {
        for (String assignor : List.of("Range", "RoundRobin", "Sticky", "CooperativeSticky")) {
            String type = "clients.consumer." + assignor + "Assignor";
            if (type(type) == null) {
                say(assignor, "not in this release");
            } else {
                group(assignor, "partition.assignment.strategy", PACKAGE + type);
            }
        }
        if (NEXT_GENERATION) {
            // The broker says how often such a member is heard.
            group("consumer protocol", "group.protocol", "consumer", "heartbeat.interval.ms", null,
                "session.timeout.ms", null);
        } else {
            say("consumer protocol", "not in this release");
        }
        patterns();
    }

    /** A second member comes and goes; each record is read once. */
    static void group(String kind, Object... how) throws Exception {
        String topic = topic("group", 4);
        String group = name(kind.replace(' ', '-'));
        write(topic, 4, 0, 40);
        try (Member first = new Member(group, how).subscribe(topic)) {
            until("the first member reads all", () -> {
                first.poll();
                return first.values.size() == 40;
            });
            first.consumer.commitSync();
            try (Member second = new Member(group, how).subscribe(topic)) {
                until("they share", () -> first.poll() == 2 & second.poll() == 2);
                write(topic, 4, 40, 80);
                until("each reads its half", () -> {
                    first.poll();
                    second.poll();
                    return first.values.size() == 60 && second.values.size() == 20;
                });
                first.consumer.commitSync();
                second.consumer.commitSync();
                first.values.addAll(second.values);
            }
            until("the first member has all again", () -> first.poll() == 4);
            write(topic, 4, 80, 100);
            until("the first member reads the rest", () -> {
                first.poll();
                return first.values.size() == 100;
            });
            Collections.sort(first.values);
            equal(first.values, numbered(0, 100), "what both have read");
            say(kind, "gave " + first.assigned + ", took " + first.revoked
                + " at the first member");
        }
    }

    static void patterns() throws Exception {
        String later = name("pattern");
        try (Member member = new Member(name("patterns"), "metadata.max.age.ms", 500)) {
            member.consumer.subscribe(Pattern.compile(Pattern.quote(later) + ".*"), member);
            member.poll();
            for (int n = 1; n <= 2; n++) {
                String made = later + n;
                of(admin.createTopics(List.of(new NewTopic(made, 2, (short) 1))).all());
                int wanted = n * 2;
                until("the pattern finds " + made, () -> member.poll() == wanted);
            }
            say("pattern", "finds topics made later");
        }
    }

    static void offsets() throws Exception {
        String topic = topic("offsets", 1);
        TopicPartition one = new TopicPartition(topic, 0);
        String group = name("group");
        write(topic, 1, 0, 100);
        try (Member member = new Member(group, "max.poll.records", 10).subscribe(topic)) {
            equal(committed(member.consumer, one), null, "before a commit");
            until("something is read", () -> member.poll() == 1 && member.values.size() == 10);
            member.consumer.commitSync();
            equal(committed(member.consumer, one).offset(), 10L, "the position is committed");
            member.consumer.commitSync(Map.of(one, at(17)));
            say("metadata", committed(member.consumer, one).metadata());
            List<Object> answers = new ArrayList<>();
            member.consumer.commitAsync(Map.of(one, at(25)), (offsets, error) ->
                answers.add(error == null ? offsets.get(one).offset() : error));
            until("the commit is answered", () -> member.poll() == 1 && !answers.isEmpty());
            equal(answers, List.of(25L), "the asynchronous commit");
            refused("metadata too large", () -> {
                member.consumer.commitSync(Map.of(one, new OffsetAndMetadata(1, "m".repeat(9000))));
                return "committed";
            });
            member.consumer.commitSync(Map.of(one, at(25)));
        }
        Object[] automatic = {"enable.auto.commit", true, "auto.commit.interval.ms", 100_000};
        try (Member member = new Member(group, automatic).subscribe(topic)) {
            until("it goes on", () -> member.poll() == 1 && !member.values.isEmpty());
            equal(member.values.get(0), "v25", "where it goes on");
            until("all is read", () -> member.poll() == 1 && member.values.size() == 75);
        }
        try (KafkaConsumer<String, String> alone = consumer(group)) {
            equal(committed(alone, one).offset(), 100L, "what closing has committed");
        }
        String fresh = name("fresh");
        try (Member member = new Member(fresh, "auto.offset.reset", "none").subscribe(topic)) {
            refused("no offset", () -> {
                until("it is refused", () -> member.poll() > 4);
                return "read";
            });
        }
        // A member that does not poll in time is put out by the one that does.
        String slow = name("slow");
        try (Member lazy = new Member(slow, "max.poll.interval.ms", 1500).subscribe(topic);
                Member busy = new Member(slow).subscribe(topic)) {
            until("the lazy one has it", () -> lazy.poll() == 1);
            until("the busy one has it", () -> busy.poll() == 1);
            refused("commit of a member that is out", () -> {
                lazy.consumer.commitSync(Map.of(one, at(3)));
                return "committed";
            });
            until("one of both has it", () -> lazy.poll() + busy.poll() == 1);
        }
    }

    static void staticMembers() throws Exception {
        if (!has(ConsumerConfig.class, "configNames")
                || !ConsumerConfig.configNames().contains("group.instance.id")) {
            say("members", "not in this release");
            return;
        }
        String topic = topic("static", 4);
        String group = name("group");
        Object[] one = {"group.instance.id", "one"};
        Object[] two = {"group.instance.id", "two"};
        try (Member first = new Member(group, one).subscribe(topic)) {
            Set<TopicPartition> had = new HashSet<>();
            try (Member second = new Member(group, two).subscribe(topic)) {
                until("they share", () -> first.poll() == 2 & second.poll() == 2);
                had.addAll(second.consumer.assignment());
            }
            int given = first.assigned;
            try (Member again = new Member(group, two).subscribe(topic)) {
                until("it is back", () -> first.poll() == 2 & again.poll() == 2);
                equal(again.consumer.assignment(), had, "what it has");
                equal(first.assigned, given, "what the other was given meanwhile");
                say("members", "come back without a rebalance");
                try (Member other = new Member(group, two).subscribe(topic)) {
                    until("the other takes over", () -> other.poll() == 2);
                    refused("a second of this name", () -> {
                        until("it is refused", () -> again.poll() > 4);
                        return "not fenced";
                    });
                }
            }
            ConsumerGroupDescription told =
                of(admin.describeConsumerGroups(List.of(group)).all()).get(group);
            Set<String> names = new TreeSet<>();
            for (MemberDescription member : told.members()) {
                names.add(((Optional<String>) call(member, "groupInstanceId")).orElse("none"));
            }
            say("described", names);
            Object removal = type("clients.admin.MemberToRemove").getConstructor(String.class)
                .newInstance("two");
            Object options = type("clients.admin.RemoveMembersFromConsumerGroupOptions")
                .getConstructor(Collection.class).newInstance(Set.of(removal));
            of(call(admin, "removeMembersFromConsumerGroup", group, options), "all");
            until("the other has all", () -> first.poll() == 4);
            refused("removed twice", () ->
                of(call(admin, "removeMembersFromConsumerGroup", group, options), "all"));
        }
    }

    /** A share group of one member. */
    static void share() throws Exception {
        Class<?> type = type("clients.consumer.KafkaShareConsumer");
        // 3.9 has the class, but no groups that have settings.
        boolean groups = Arrays.stream(ConfigResource.Type.values())
            .anyMatch(one -> one.name().equals("GROUP"));
        if (type == null || !groups) {
            say("consumer", "not in this release");
            return;
        }
        String topic = topic("share", 2);
        String group = name("share");
        write(topic, 2, 0, 50);
        ClientsAdmin.alter(new ConfigResource(ConfigResource.Type.valueOf("GROUP"), group),
            "share.auto.offset.reset", "earliest", "SET");
        Map<String, Object> given = Map.of("bootstrap.servers", address, "group.id", group);
        Object consumer = type.getConstructor(Map.class, Deserializer.class, Deserializer.class)
            .newInstance(given, new StringDeserializer(), new StringDeserializer());
        refused("consumer", () -> {
            List<String> values = new ArrayList<>();
            call(consumer, "subscribe", List.of(topic));
            until("each record comes", () -> {
                Object records = call(consumer, "poll", SOON);
                ((ConsumerRecords<String, String>) records).forEach(one -> values.add(one.value()));
                return values.size() >= 50;
            });
            call(consumer, "commitSync");
            Collections.sort(values);
            equal(values, numbered(0, 50), "what came");
            return values.size() + " records";
        });
        call(consumer, "close", Duration.ofSeconds(5));
    }
}
