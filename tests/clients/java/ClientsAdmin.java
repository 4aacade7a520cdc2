//! The administrative client: topics, settings, groups, the cluster.
//!
//! Room:       `tests/clients`.
//! Called by:  ClientsApp.
//! Calls:      ClientsKit.
//! Never:      takes a call for granted that not every release has.

import java.util.*;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.config.ConfigResource;

@SuppressWarnings({"deprecation", "removal", "unchecked"})
class ClientsAdmin extends ClientsKit {
    static ConfigEntry setting(ConfigResource resource, String name) throws Exception {
        return of(admin.describeConfigs(List.of(resource)).all()).get(resource).get(name);
    }

    static String told(ConfigEntry entry) {
        return entry.value() + " " + entry.source() + (entry.isDefault() ? " default" : "")
            + (entry.isReadOnly() ? " read-only" : "") + (entry.isSensitive() ? " sensitive" : "");
    }

    static TopicDescription described(String topic) throws Exception {
        DescribeTopicsResult result = admin.describeTopics(List.of(topic));
        Map<String, KafkaFuture<TopicDescription>> told = (Map<String, KafkaFuture<
            TopicDescription>>) call(result, has(DescribeTopicsResult.class, "topicNameValues")
                ? "topicNameValues" : "values");
        return of(told.get(topic));
    }

    static void topicsAndConfigs() throws Exception {
        String topic = topic("admin", 2, "retention.ms", "77000");
        refused("create again", () ->
            of(admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1))).all()));
        refused("create with 9 replicas", () ->
            of(admin.createTopics(List.of(new NewTopic(name("t"), 1, (short) 9))).all()));
        refused("create with no partitions", () ->
            of(admin.createTopics(List.of(new NewTopic(name("t"), 0, (short) 1))).all()));
        refused("create a bad name", () ->
            of(admin.createTopics(List.of(new NewTopic("a b", 1, (short) 1))).all()));
        refused("create with a bad setting", () -> of(admin.createTopics(List.of(new NewTopic(
            name("t"), 1, (short) 1).configs(Map.of("no.such", "1")))).all()));
        String only = name("only");
        of(admin.createTopics(List.of(new NewTopic(only, 1, (short) 1)),
            new CreateTopicsOptions().validateOnly(true)).all());
        equal(of(admin.listTopics().names()).contains(only), false, "what was only validated");
        String placed = name("placed");
        int broker = of(admin.describeCluster().nodes()).iterator().next().id();
        of(admin.createTopics(List.of(new NewTopic(placed, Map.of(0, List.of(broker), 1,
            List.of(broker))))).all());
        usable(placed, 2);
        TopicDescription told = described(topic);
        say("described", told.partitions().size() + " partitions, " + told.isInternal() + ", "
            + told.partitions().get(0).isr().size() + " in sync");
        refused("describe what is not there", () -> described(name("nothing")));
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        say("retention.ms", told(setting(resource, "retention.ms")));
        say("segment.bytes", told(setting(resource, "segment.bytes")));
        ConfigEntry synonyms = of(admin.describeConfigs(List.of(resource),
            new DescribeConfigsOptions().includeSynonyms(true)).all()).get(resource)
            .get("retention.ms");
        say("synonyms", synonyms.synonyms().get(0).name() + " "
            + synonyms.synonyms().get(0).value());
        if (has(AdminClient.class, "alterConfigs")) {
            of(call(admin, "alterConfigs", Map.of(resource, new Config(List.of(
                new ConfigEntry("retention.bytes", "5000"))))), "all");
            until("it is set", () -> "5000".equals(setting(resource, "retention.bytes").value()));
            say("retention.ms after alterConfigs", told(setting(resource, "retention.ms")));
            refused("alterConfigs to nonsense", () -> of(call(admin, "alterConfigs",
                Map.of(resource, new Config(List.of(
                    new ConfigEntry("retention.ms", "soon"))))), "all"));
        }
        if (has(AdminClient.class, "incrementalAlterConfigs")) {
            alter(resource, "retention.ms", "66000", "SET");
            until("it is set", () -> "66000".equals(setting(resource, "retention.ms").value()));
            alter(resource, "cleanup.policy", "compact", "APPEND");
            until("it is appended", () ->
                setting(resource, "cleanup.policy").value().contains("delete,compact"));
            alter(resource, "retention.ms", "", "DELETE");
            until("it is taken back", () -> setting(resource, "retention.ms").isDefault());
            refused("set to nonsense", () -> alter(resource, "retention.ms", "soon", "SET"));
        }
        refused("settings of what is not there", () -> setting(new ConfigResource(
            ConfigResource.Type.TOPIC, name("nothing")), "retention.ms"));
        say("log.retention.hours of the broker", told(setting(new ConfigResource(
            ConfigResource.Type.BROKER, String.valueOf(broker)), "log.retention.hours")));
        of(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all());
        usable(topic, 3);
        refused("fewer partitions", () ->
            of(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all()));
        write(topic, 1, 0, 50);
        TopicPartition first = new TopicPartition(topic, 0);
        say("deleteRecords", of(admin.deleteRecords(Map.of(first,
            RecordsToDelete.beforeOffset(20))).lowWatermarks().get(first)).lowWatermark());
        refused("delete what is not there yet", () -> of(admin.deleteRecords(Map.of(first,
            RecordsToDelete.beforeOffset(90))).all()));
        if (has(AdminClient.class, "listOffsets")) {
            Class<?> spec = type("clients.admin.OffsetSpec");
            for (String which : List.of("earliest", "latest", "maxTimestamp")) {
                say("listOffsets " + which, !has(spec, which) ? "not in this release"
                    : call(((Map<?, ?>) of(call(admin, "listOffsets",
                        Map.of(first, call(spec, which))), "all")).get(first), "offset"));
            }
        }
        of(admin.deleteTopics(List.of(placed)).all());
        until("it is gone", () -> !of(admin.listTopics().names()).contains(placed));
        refused("delete again", () -> of(admin.deleteTopics(List.of(placed)).all()));
        Class<?> collection = type("common.TopicCollection");
        if (collection != null) {
            Object ids = call(collection, "ofTopicIds", List.of(call(told, "topicId")));
            of(call(admin, "deleteTopics", ids), "all");
            until("it is gone", () -> !of(admin.listTopics().names()).contains(topic));
            refused("delete by an id that is gone", () -> of(call(admin, "deleteTopics", ids),
                "all"));
        }
    }

    static Object alter(ConfigResource resource, String name, String value, String how)
            throws Exception {
        Class<Enum> kinds = (Class<Enum>) type("clients.admin.AlterConfigOp$OpType");
        Object change = type("clients.admin.AlterConfigOp").getConstructors()[0]
            .newInstance(new ConfigEntry(name, value), Enum.valueOf(kinds, how));
        return of(call(admin, "incrementalAlterConfigs", Map.of(resource, List.of(change))), "all");
    }

    static void adminOfGroups() throws Exception {
        String topic = topic("admin", 2);
        TopicPartition one = new TopicPartition(topic, 0);
        String group = name("group");
        write(topic, 2, 0, 10);
        refused("offsets of what is not there", () -> of(admin.listConsumerGroupOffsets(
            name("nothing")).partitionsToOffsetAndMetadata()));
        refused("described what is not there", () -> {
            String absent = name("nothing");
            return of(admin.describeConsumerGroups(List.of(absent)).all()).get(absent).state();
        });
        refused("deleted what is not there", () ->
            of(admin.deleteConsumerGroups(List.of(name("nothing"))).all()));
        try (Member member = new Member(group, "client.id", "somebody").subscribe(topic)) {
            until("it has both", () -> member.poll() == 2 && member.values.size() == 10);
            member.consumer.commitSync();
            ConsumerGroupDescription told =
                of(admin.describeConsumerGroups(List.of(group)).all()).get(group);
            MemberDescription only = told.members().iterator().next();
            say("described", told.state() + " " + told.partitionAssignor() + " simple "
                + told.isSimpleConsumerGroup() + ", " + told.members().size() + " member "
                + only.clientId() + " " + only.host() + " with "
                + only.assignment().topicPartitions().size());
            refused("deleted while it has members", () ->
                of(admin.deleteConsumerGroups(List.of(group)).all()));
            if (has(AdminClient.class, "deleteConsumerGroupOffsets")) {
                refused("offsets deleted while it reads", () -> of(call(admin,
                    "deleteConsumerGroupOffsets", group, Set.of(one)), "all"));
            }
            if (has(AdminClient.class, "alterConsumerGroupOffsets")) {
                refused("offsets set while it reads", () -> of(call(admin,
                    "alterConsumerGroupOffsets", group, Map.of(one, at(1))), "all"));
            }
        }
        long listed = of(admin.listConsumerGroups().all()).stream()
            .filter(each -> each.groupId().equals(group)).count();
        equal(listed, 1L, "times that it is in the list");
        Map<TopicPartition, OffsetAndMetadata> offsets = of(admin.listConsumerGroupOffsets(group)
            .partitionsToOffsetAndMetadata());
        equal(offsets.get(one).offset(), 5L, "its offset");
        if (has(AdminClient.class, "alterConsumerGroupOffsets")) {
            of(call(admin, "alterConsumerGroupOffsets", group, Map.of(one, at(2))), "all");
            OffsetAndMetadata set = of(admin.listConsumerGroupOffsets(group)
                .partitionsToOffsetAndMetadata()).get(one);
            say("offset that was set", set.offset() + " " + set.metadata());
            of(call(admin, "deleteConsumerGroupOffsets", group, Set.of(one)), "all");
            equal(of(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata())
                .keySet(), Set.of(new TopicPartition(topic, 1)), "offsets that are left");
        }
        say("described when empty", of(admin.describeConsumerGroups(List.of(group)).all())
            .get(group).state());
        of(admin.deleteConsumerGroups(List.of(group)).all());
        equal(of(admin.listConsumerGroups().all()).stream()
            .filter(each -> each.groupId().equals(group)).count(), 0L, "deleted ones in the list");
    }

    static void cluster() throws Exception {
        DescribeClusterResult told = admin.describeCluster();
        int broker = of(told.nodes()).iterator().next().id();
        say("described", of(told.nodes()).size() + " nodes, controller " + of(told.controller())
            .id() + ", named " + of(told.clusterId()).length());
        String topic = topic("cluster", 1);
        write(topic, 1, 0, 10);
        TopicPartition one = new TopicPartition(topic, 0);
        Map<Integer, ?> dirs = of(admin.describeLogDirs(List.of(broker)),
            has(DescribeLogDirsResult.class, "allDescriptions") ? "allDescriptions" : "all");
        say("log dirs", ((Map<?, ?>) dirs.get(broker)).size());
        TopicPartitionReplica replica = new TopicPartitionReplica(topic, 0, broker);
        say("log dir of a replica", of(admin.describeReplicaLogDirs(List.of(replica)).all())
            .get(replica).getCurrentReplicaLogDir() != null);
        if (has(AdminClient.class, "electLeaders")) {
            Class<Enum> kinds = (Class<Enum>) type("common.ElectionType");
            Map<TopicPartition, Optional<Throwable>> elected = of(call(admin, "electLeaders",
                Enum.valueOf(kinds, "PREFERRED"), Set.of(one)), "partitions");
            say("electLeaders", elected.get(one).map(e -> e.getClass().getSimpleName()));
            say("reassignments", of(call(admin, "listPartitionReassignments"), "reassignments"));
        }
        if (has(AdminClient.class, "describeFeatures")) {
            Object features = of(call(admin, "describeFeatures"), "featureMetadata");
            say("features", ((Map<?, ?>) call(features, "finalizedFeatures")).containsKey(
                "metadata.version"));
        }
        if (has(AdminClient.class, "describeProducers")) {
            Map<?, ?> states = of(call(admin, "describeProducers", Set.of(one)), "all");
            say("producers", ((List<?>) call(states.get(one), "activeProducers")).size());
            String id = name("id");
            try (KafkaProducer<String, String> producer = transactional(id)) {
                producer.beginTransaction();
                of(producer.send(new ProducerRecord<>(topic, "v")));
                Object state = ((Map<?, ?>) of(call(admin, "describeTransactions", Set.of(id)),
                    "all")).get(id);
                say("transaction", call(state, "state") + " " + ((Set<?>) call(state,
                    "topicPartitions")).size());
                Collection<?> list = of(call(admin, "listTransactions"), "all");
                boolean found = false;
                for (Object each : list) {
                    found |= id.equals(call(each, "transactionalId"));
                }
                equal(found, true, "it is in the list");
                until("it is fenced", () -> {
                    try {
                        of(call(admin, "fenceProducers", Set.of(id)), "all");
                        return true;
                    } catch (ExecutionException early) {
                        // Releases up to 3.3 do not ask again while the transaction is aborted.
                        equal(early.getCause().getClass().getSimpleName(),
                            "ConcurrentTransactionsException", "why it is not");
                        return false;
                    }
                });
                refused("after fenceProducers", () -> {
                    producer.commitTransaction();
                    return "committed";
                });
            }
        }
        if (has(AdminClient.class, "describeMetadataQuorum")) {
            Object quorum = of(call(admin, "describeMetadataQuorum"), "quorumInfo");
            say("quorum", "led by " + call(quorum, "leaderId") + ", "
                + ((List<?>) call(quorum, "voters")).size() + " voters");
        }
    }
}
