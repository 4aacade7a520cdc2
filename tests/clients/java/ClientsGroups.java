//! Consumer groups: each assignor, patterns, offsets, static members.
//!
//! Room:       `tests/clients`.
//! Called by:  ClientsApp.
//! Calls:      ClientsKit.
//! Never:      waits for a time; it polls until something is so.

import java.util.*;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;

@SuppressWarnings({"deprecation", "removal", "unchecked"})
class ClientsGroups extends ClientsKit {
    static void groups() throws Exception {
        Map<String, String> assignors = new LinkedHashMap<>();
        assignors.put("range", "RangeAssignor");
        assignors.put("roundrobin", "RoundRobinAssignor");
        assignors.put("sticky", "StickyAssignor");
        assignors.put("cooperative-sticky", "CooperativeStickyAssignor");
        for (Map.Entry<String, String> assignor : assignors.entrySet()) {
            if (type("clients.consumer." + assignor.getValue()) == null) {
                say(assignor.getKey(), "not in this release");
                continue;
            }
            String topic = topic("group", 4);
            String group = name(assignor.getKey());
            Object[] how = {"partition.assignment.strategy",
                PACKAGE + "clients.consumer." + assignor.getValue()};
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
                say(assignor.getKey(), "gave " + first.assigned + ", took " + first.revoked
                    + " at the first member");
            }
        }
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
            until("the lazy one is back", () -> lazy.poll() + busy.poll() == 1
                && lazy.consumer.assignment().size() == 1 || busy.revoked > 0);
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
}
