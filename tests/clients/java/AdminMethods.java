//! Calls every method of Kafka's `Admin`, and prints one line for each: what came, or Kafka's code.
//!
//! Room:       `tests/clients`, run as a single source file with Kafka's jars.
//! Called by:  the suite `java-admin`.
//! Calls:      kafka-clients.
//! Never:      prints what differs from run to run: ids, times, ports.
//!
//!   java -cp 'libs/*' AdminMethods.java HOST:PORT PREFIX
//!
//! `PREFIX` begins every name it makes. The last line counts the methods of the interface that were
//! not called; a newer Kafka may have more.

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.metrics.Gauge;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.serialization.StringSerializer;

public class AdminMethods {
    static final Set<String> called = new TreeSet<>();
    static final int NODE = 1;
    static Admin admin;
    static String address;
    static String topic;
    static String group;
    static String unknown;
    static TopicPartition first;

    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        String prefix = arguments[1];
        topic = prefix + "-topic";
        group = prefix + "-group";
        unknown = prefix + "-nobody";
        first = new TopicPartition(topic, 0);
        Properties properties = new Properties();
        properties.put("bootstrap.servers", address);
        properties.put("default.api.timeout.ms", "20000");
        properties.put("request.timeout.ms", "10000");
        Admin real = Admin.create(properties);
        admin = (Admin) Proxy.newProxyInstance(AdminMethods.class.getClassLoader(),
            new Class<?>[] {Admin.class}, (proxy, method, given) -> {
                called.add(method.getName());
                try {
                    return method.invoke(real, given);
                } catch (InvocationTargetException thrown) {
                    throw thrown.getCause();
                }
            });
        topics();
        write();
        configs();
        replicas();
        cluster();
        security();
        groups();
        shareAndStreamsGroups();
        transactions();
        metrics();
        line("deleteTopics", () -> all(admin.deleteTopics(List.of(topic)).all()));
        line("deleteTopics unknown", () -> all(admin.deleteTopics(List.of(unknown)).all()));
        line("close", () -> {
            admin.close(Duration.ofSeconds(1));
            return "closed";
        });
        called.add("create");
        Set<String> missed = new TreeSet<>();
        for (Method method : Admin.class.getMethods()) {
            missed.add(method.getName());
        }
        missed.removeAll(called);
        System.out.println("not called: " + missed);
        System.exit(0);
    }

    static void topics() throws Exception {
        NewTopic two = new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "77000"));
        line("createTopics", () -> {
            CreateTopicsResult made = admin.createTopics(List.of(two));
            return made.numPartitions(topic).get() + " partitions, retention.ms "
                + made.config(topic).get().get("retention.ms").value();
        });
        line("createTopics again", () -> all(admin.createTopics(List.of(two)).all()));
        line("createTopics 9 replicas", () ->
            all(admin.createTopics(List.of(new NewTopic(unknown, 1, (short) 9))).all()));
        line("listTopics", () -> admin.listTopics().names().get().contains(topic));
        line("describeTopics", () -> {
            TopicDescription told = admin.describeTopics(List.of(topic)).allTopicNames().get()
                .get(topic);
            return told.partitions().size() + " partitions, leader "
                + told.partitions().get(0).leader().id() + ", internal " + told.isInternal();
        });
        line("describeTopics unknown", () ->
            admin.describeTopics(List.of(unknown)).allTopicNames().get());
        line("createPartitions", () ->
            all(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all()));
        line("createPartitions fewer", () ->
            all(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(1))).all()));
    }

    static void write() throws Exception {
        Map<String, Object> how = Map.of("bootstrap.servers", address, "acks", "all");
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(how, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < 10; i++) {
                producer.send(new ProducerRecord<>(topic, 0, "k" + i, "v" + i)).get();
            }
        }
        line("listOffsets latest", () -> admin.listOffsets(Map.of(first, OffsetSpec.latest()))
            .partitionResult(first).get().offset());
        line("deleteRecords", () -> admin.deleteRecords(
            Map.of(first, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(first).get()
            .lowWatermark());
        line("deleteRecords too far", () -> admin.deleteRecords(
            Map.of(first, RecordsToDelete.beforeOffset(99))).lowWatermarks().get(first).get());
        line("listOffsets earliest", () -> admin.listOffsets(Map.of(first, OffsetSpec.earliest()))
            .partitionResult(first).get().offset());
        line("listOffsets unknown", () -> {
            TopicPartition nowhere = new TopicPartition(unknown, 0);
            ListOffsetsOptions soon = new ListOffsetsOptions();
            soon.timeoutMs(2000);
            return admin.listOffsets(Map.of(nowhere, OffsetSpec.latest()), soon)
                .partitionResult(nowhere).get().offset();
        });
        line("describeProducers", () ->
            admin.describeProducers(List.of(first)).partitionResult(first).get()
                .activeProducers().size() + " producer");
    }

    static void configs() throws Exception {
        ConfigResource of = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, "" + NODE);
        line("incrementalAlterConfigs", () -> all(admin.incrementalAlterConfigs(Map.of(of, List.of(
            set("max.message.bytes", "123456")))).all()));
        line("incrementalAlterConfigs wrong", () -> all(admin.incrementalAlterConfigs(Map.of(of,
            List.of(set("max.message.bytes", "many")))).all()));
        line("describeConfigs", once("123456", () -> admin.describeConfigs(List.of(of)).all().get()
            .get(of).get("max.message.bytes").value()));
        line("describeConfigs broker", () -> admin.describeConfigs(List.of(broker)).all().get()
            .get(broker).get("node.id").value());
        ConfigResource watch = new ConfigResource(ConfigResource.Type.CLIENT_METRICS,
            topic + "-watch");
        line("incrementalAlterConfigs metrics", () -> all(admin.incrementalAlterConfigs(
            Map.of(watch, List.of(set("interval.ms", "1000"), set("metrics", "none.such.")))).all()));
        line("listConfigResources metrics", once(true, () -> named(admin.listConfigResources(
            Set.of(ConfigResource.Type.CLIENT_METRICS), new ListConfigResourcesOptions()).all()
            .get(), watch.name())));
        line("listConfigResources", once(true, () ->
            named(admin.listConfigResources().all().get(), topic)));
        line("listClientMetricsResources", once(true, () -> admin.listClientMetricsResources().all()
            .get().stream().anyMatch(one -> one.name().equals(watch.name()))));
        line("incrementalAlterConfigs metrics away", () -> all(admin.incrementalAlterConfigs(
            Map.of(watch, List.of(delete("interval.ms"), delete("metrics")))).all()));
        ConfigResource settings = new ConfigResource(ConfigResource.Type.GROUP, group);
        line("incrementalAlterConfigs group", () -> all(admin.incrementalAlterConfigs(
            Map.of(settings, List.of(set("consumer.session.timeout.ms", "50000")))).all()));
        line("describeConfigs group", once("50000", () -> admin.describeConfigs(List.of(settings))
            .all().get().get(settings).get("consumer.session.timeout.ms").value()));
    }

    static void replicas() throws Exception {
        TopicPartitionReplica replica = new TopicPartitionReplica(topic, 0, NODE);
        String[] dir = {""};
        line("describeReplicaLogDirs", () -> {
            dir[0] = admin.describeReplicaLogDirs(List.of(replica)).all().get().get(replica)
                .getCurrentReplicaLogDir();
            return dir[0] != null;
        });
        line("describeLogDirs", () -> {
            var told = admin.describeLogDirs(List.of(NODE)).allDescriptions().get().get(NODE);
            return told.get(dir[0]).replicaInfos().get(first).size() > 0;
        });
        line("alterReplicaLogDirs same", () ->
            all(admin.alterReplicaLogDirs(Map.of(replica, dir[0])).all()));
        line("alterReplicaLogDirs nowhere", () ->
            all(admin.alterReplicaLogDirs(Map.of(replica, "/no/such/folder")).all()));
        line("electLeaders", () -> election(ElectionType.PREFERRED, first));
        line("electLeaders unclean", () -> election(ElectionType.UNCLEAN, first));
        line("electLeaders unknown", () ->
            election(ElectionType.PREFERRED, new TopicPartition(unknown, 0)));
        line("alterPartitionReassignments", () -> all(admin.alterPartitionReassignments(
            Map.of(first, Optional.of(new NewPartitionReassignment(List.of(NODE))))).all()));
        line("alterPartitionReassignments elsewhere", () -> all(admin.alterPartitionReassignments(
            Map.of(first, Optional.of(new NewPartitionReassignment(List.of(77))))).all()));
        line("alterPartitionReassignments cancel", () -> all(admin.alterPartitionReassignments(
            Map.of(first, Optional.empty())).all()));
        line("listPartitionReassignments", () ->
            admin.listPartitionReassignments().reassignments().get());
    }

    static void cluster() throws Exception {
        line("describeCluster", () -> {
            DescribeClusterResult told = admin.describeCluster();
            return told.nodes().get().size() + " node, controller " + told.controller().get().id();
        });
        line("describeFeatures", () -> admin.describeFeatures().featureMetadata().get()
            .finalizedFeatures().containsKey("metadata.version"));
        line("updateFeatures unknown", () -> all(admin.updateFeatures(Map.of("no.such.feature",
            new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.UPGRADE)),
            new UpdateFeaturesOptions()).all()));
        line("updateFeatures metadata", () -> {
            short level = admin.describeFeatures().featureMetadata().get().finalizedFeatures()
                .get("metadata.version").maxVersionLevel();
            return all(admin.updateFeatures(Map.of("metadata.version",
                new FeatureUpdate(level, FeatureUpdate.UpgradeType.UPGRADE)),
                new UpdateFeaturesOptions().validateOnly(true)).all());
        });
        line("describeMetadataQuorum", () -> {
            QuorumInfo told = admin.describeMetadataQuorum().quorumInfo().get();
            return "leader " + told.leaderId() + ", " + told.voters().size() + " voter, "
                + told.observers().size() + " observers";
        });
        line("unregisterBroker", () -> all(admin.unregisterBroker(77).all()));
        line("addRaftVoter", () -> all(admin.addRaftVoter(77, Uuid.randomUuid(),
            Set.of(new RaftVoterEndpoint("CONTROLLER", "127.0.0.1", 1))).all()));
        line("removeRaftVoter", () -> all(admin.removeRaftVoter(77, Uuid.randomUuid()).all()));
    }

    static void security() throws Exception {
        AclBinding binding = new AclBinding(
            new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL),
            new AccessControlEntry("User:a", "*", AclOperation.READ, AclPermissionType.ALLOW));
        line("createAcls", () -> all(admin.createAcls(List.of(binding)).all()));
        line("describeAcls", () -> admin.describeAcls(AclBindingFilter.ANY).values().get().size());
        line("deleteAcls", () -> admin.deleteAcls(List.of(binding.toFilter())).all().get().size());
        line("createDelegationToken", () ->
            admin.createDelegationToken().delegationToken().get() != null);
        line("renewDelegationToken", () ->
            admin.renewDelegationToken(new byte[4]).expiryTimestamp().get());
        line("expireDelegationToken", () ->
            admin.expireDelegationToken(new byte[4]).expiryTimestamp().get());
        line("describeDelegationToken", () ->
            admin.describeDelegationToken().delegationTokens().get().size());
        ClientQuotaEntity client = new ClientQuotaEntity(Map.of("client-id", unknown));
        line("alterClientQuotas", () -> all(admin.alterClientQuotas(List.of(
            new ClientQuotaAlteration(client, List.of(
                new ClientQuotaAlteration.Op("producer_byte_rate", 1e9))))).all()));
        line("describeClientQuotas", once(Map.of("producer_byte_rate", 1e9), () ->
            admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get().get(client)));
        line("alterUserScramCredentials", () -> all(admin.alterUserScramCredentials(List.of(
            new UserScramCredentialUpsertion(unknown,
                new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "secret"))).all()));
        line("describeUserScramCredentials", once(1, () ->
            admin.describeUserScramCredentials(List.of(unknown)).users().get().size()));
    }

    static void groups() throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = Map.of(first, new OffsetAndMetadata(7));
        line("alterConsumerGroupOffsets", () ->
            all(admin.alterConsumerGroupOffsets(group, offsets).all()));
        line("listConsumerGroupOffsets", () -> admin.listConsumerGroupOffsets(group)
            .partitionsToOffsetAndMetadata().get().get(first).offset());
        line("listConsumerGroups", () -> admin.listConsumerGroups().all().get().stream()
            .anyMatch(one -> one.groupId().equals(group)));
        line("listGroups", () -> admin.listGroups().all().get().stream()
            .anyMatch(one -> one.groupId().equals(group)));
        line("describeConsumerGroups", () -> admin.describeConsumerGroups(List.of(group)).all()
            .get().get(group).groupState());
        line("describeConsumerGroups unknown", () ->
            admin.describeConsumerGroups(List.of(unknown)).all().get());
        line("describeClassicGroups", () ->
            admin.describeClassicGroups(List.of(group)).all().get().get(group).state());
        line("removeMembersFromConsumerGroup", () -> all(admin.removeMembersFromConsumerGroup(
            group, new RemoveMembersFromConsumerGroupOptions(
                Set.of(new MemberToRemove("nobody")))).all()));
        line("deleteConsumerGroupOffsets", () ->
            all(admin.deleteConsumerGroupOffsets(group, Set.of(first)).all()));
        line("deleteConsumerGroups", () -> {
            all(admin.alterConsumerGroupOffsets(group, offsets).all());
            return all(admin.deleteConsumerGroups(List.of(group)).all());
        });
        line("deleteConsumerGroups unknown", () ->
            all(admin.deleteConsumerGroups(List.of(unknown)).all()));
    }

    static void shareAndStreamsGroups() throws Exception {
        String share = group + "-share";
        line("alterShareGroupOffsets", () ->
            all(admin.alterShareGroupOffsets(share, Map.of(first, 5L)).all()));
        line("listShareGroupOffsets", () -> admin.listShareGroupOffsets(
            Map.of(share, new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo(share).get()
            .size());
        line("describeShareGroups", () -> admin.describeShareGroups(List.of(unknown)).all().get());
        line("deleteShareGroupOffsets", () ->
            all(admin.deleteShareGroupOffsets(share, Set.of(topic)).all()));
        line("deleteShareGroups", () -> all(admin.deleteShareGroups(List.of(unknown)).all()));
        String streams = group + "-streams";
        line("alterStreamsGroupOffsets", () -> all(admin.alterStreamsGroupOffsets(streams,
            Map.of(first, new OffsetAndMetadata(3))).all()));
        line("listStreamsGroupOffsets", () -> admin.listStreamsGroupOffsets(
            Map.of(streams, new ListStreamsGroupOffsetsSpec())).partitionsToOffsetAndMetadata(streams)
            .get().size());
        line("describeStreamsGroups", () ->
            admin.describeStreamsGroups(List.of(unknown)).all().get());
        line("deleteStreamsGroupOffsets", () ->
            all(admin.deleteStreamsGroupOffsets(streams, Set.of(first)).all()));
        line("deleteStreamsGroups", () -> all(admin.deleteStreamsGroups(List.of(unknown)).all()));
    }

    static void transactions() throws Exception {
        line("listTransactions", () -> admin.listTransactions().all().get().stream()
            .anyMatch(one -> one.transactionalId().equals(unknown)));
        line("describeTransactions", () ->
            admin.describeTransactions(List.of(unknown)).all().get());
        line("fenceProducers", () -> all(admin.fenceProducers(List.of(unknown)).all()));
        line("forceTerminateTransaction", () ->
            all(admin.forceTerminateTransaction(unknown).result()));
        line("abortTransaction", () -> all(admin.abortTransaction(
            new AbortTransactionSpec(first, 4711, (short) 0, 0)).all()));
    }

    static void metrics() throws Exception {
        line("metrics", () -> !admin.metrics().isEmpty());
        line("clientInstanceId", () -> {
            Uuid id = admin.clientInstanceId(Duration.ofSeconds(5));
            return id != null && !id.equals(Uuid.ZERO_UUID);
        });
        Metrics own = new Metrics();
        Gauge<Integer> seven = (config, now) -> 7;
        own.addMetric(own.metricName("seven", "own"), seven);
        var metric = own.metric(own.metricName("seven", "own"));
        line("registerMetricForSubscription", () -> {
            admin.registerMetricForSubscription(metric);
            return "registered";
        });
        line("unregisterMetricFromSubscription", () -> {
            admin.unregisterMetricFromSubscription(metric);
            return "gone";
        });
    }

    static Object election(ElectionType type, TopicPartition of) throws Exception {
        Optional<Throwable> failed = admin.electLeaders(type, Set.of(of)).partitions().get()
            .get(of);
        return failed.isEmpty() ? "elected" : Errors.forException(failed.get()).name();
    }

    static AlterConfigOp set(String name, String value) {
        return new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
    }

    static AlterConfigOp delete(String name) {
        return new AlterConfigOp(new ConfigEntry(name, ""), AlterConfigOp.OpType.DELETE);
    }

    static boolean named(Collection<ConfigResource> all, String name) {
        return all.stream().anyMatch(one -> one.name().equals(name));
    }

    static Object all(KafkaFuture<?> future) throws Exception {
        future.get();
        return "done";
    }

    /** Asks until that is the answer: Apache Kafka's brokers learn a little after they have said
        that it is done. */
    static Callable<Object> once(Object learnt, Callable<Object> call) {
        return () -> {
            long until = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (true) {
                Object told = null;
                try {
                    told = call.call();
                } catch (ExecutionException failed) {
                    Errors code = Errors.forException(failed.getCause());
                    if (code != Errors.RESOURCE_NOT_FOUND || System.nanoTime() > until) {
                        throw failed;
                    }
                }
                if (learnt.equals(told) || System.nanoTime() > until) {
                    return told;
                }
                Thread.sleep(20);
            }
        };
    }

    /** One line: the method, and what came of it. */
    static void line(String name, Callable<Object> call) {
        String outcome;
        try {
            outcome = String.valueOf(call.call());
        } catch (ExecutionException failed) {
            outcome = Errors.forException(failed.getCause()).name();
            if (outcome.equals("UNKNOWN_SERVER_ERROR")) {
                outcome += " " + failed.getCause().getClass().getSimpleName();
            }
        } catch (Exception failed) {
            Errors code = Errors.forException(failed);
            outcome = code == Errors.UNKNOWN_SERVER_ERROR
                ? failed.getClass().getSimpleName() : code.name();
        }
        System.out.println(name + ": " + outcome);
    }
}
