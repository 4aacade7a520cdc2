import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.storm.Config;
import org.apache.storm.LocalCluster;
import org.apache.storm.generated.KillOptions;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.kafka.bolt.KafkaBolt;
import org.apache.storm.kafka.bolt.mapper.FieldNameBasedTupleToKafkaMapper;
import org.apache.storm.kafka.bolt.selector.DefaultTopicSelector;
import org.apache.storm.kafka.spout.FirstPollOffsetStrategy;
import org.apache.storm.kafka.spout.KafkaSpout;
import org.apache.storm.kafka.spout.KafkaSpoutConfig;
import org.apache.storm.kafka.spout.trident.KafkaTridentSpoutConfig;
import org.apache.storm.kafka.spout.trident.KafkaTridentSpoutOpaque;
import org.apache.storm.kafka.trident.TridentKafkaStateFactory;
import org.apache.storm.kafka.trident.TridentKafkaStateUpdater;
import org.apache.storm.topology.BasicOutputCollector;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseBasicBolt;
import org.apache.storm.trident.TridentTopology;
import org.apache.storm.trident.operation.MapFunction;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/**
 * A topology of Storm on a cluster in this process: values of the topic PREFIX-words go in capitals
 * to the topic PREFIX-capitals, each at least once.
 *
 *   StormApp BOOTSTRAP PREFIX spout|trident
 *
 * The spout's group is PREFIX. SIGTERM kills the topology as an operator does, and ends.
 */
public class StormApp {
    public static void main(String[] args) throws Exception {
        String bootstrap = args[0], prefix = args[1];
        Properties producer = new Properties();
        producer.put("bootstrap.servers", bootstrap);
        producer.put("acks", "all");
        producer.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        producer.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        Config config = new Config();
        config.setNumWorkers(1);
        config.setMaxSpoutPending(100);
        // What takes longer comes again; a loaded machine may take half a minute.
        config.setMessageTimeoutSecs(150);
        StormTopology topology = args[2].equals("spout") ? spout(bootstrap, prefix, producer)
            : trident(bootstrap, prefix, producer);
        LocalCluster cluster = new LocalCluster();
        cluster.submitTopology("capitals", config, topology);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                KillOptions now = new KillOptions();
                now.set_wait_secs(1);
                cluster.killTopologyWithOpts("capitals", now);
                while (!cluster.getClusterInfo().get_topologies().isEmpty()) {
                    Thread.sleep(50);
                }
                System.out.println("killed the topology");
            } catch (Exception error) {
                error.printStackTrace();
            }
            // The cluster's own threads would go on.
            Runtime.getRuntime().halt(0);
        }));
        Thread.currentThread().join();
    }

    @SuppressWarnings("unchecked")
    static StormTopology spout(String bootstrap, String prefix, Properties producer) {
        KafkaSpoutConfig<String, String> words = KafkaSpoutConfig
            .builder(bootstrap, prefix + "-words")
            .setProp(ConsumerConfig.GROUP_ID_CONFIG, prefix)
            .setProp(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 50)
            .setProcessingGuarantee(KafkaSpoutConfig.ProcessingGuarantee.AT_LEAST_ONCE)
            .setFirstPollOffsetStrategy(FirstPollOffsetStrategy.UNCOMMITTED_EARLIEST)
            .setOffsetCommitPeriodMs(200)
            .setMaxUncommittedOffsets(100)
            .build();
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("words", new KafkaSpout<>(words), 2);
        builder.setBolt("capitals", new Capitals(), 2).fieldsGrouping("words", new Fields("key"));
        KafkaBolt<String, String> writer = new KafkaBolt<String, String>()
            .withProducerProperties(producer)
            .withTopicSelector(new DefaultTopicSelector(prefix + "-capitals"))
            .withTupleToKafkaMapper(new FieldNameBasedTupleToKafkaMapper<>("key", "value"));
        builder.setBolt("writer", writer, 2).shuffleGrouping("capitals");
        return builder.createTopology();
    }

    @SuppressWarnings("unchecked")
    static StormTopology trident(String bootstrap, String prefix, Properties producer) {
        KafkaTridentSpoutConfig<String, String> words = KafkaTridentSpoutConfig
            .builder(bootstrap, prefix + "-words")
            .setProp(ConsumerConfig.GROUP_ID_CONFIG, prefix)
            .setProp(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 50)
            .setFirstPollOffsetStrategy(FirstPollOffsetStrategy.UNCOMMITTED_EARLIEST)
            .build();
        TridentTopology topology = new TridentTopology();
        TridentKafkaStateFactory writer = new TridentKafkaStateFactory()
            .withProducerProperties(producer)
            .withKafkaTopicSelector(
                new org.apache.storm.kafka.trident.selector.DefaultTopicSelector(
                    prefix + "-capitals"))
            .withTridentTupleToKafkaMapper(
                new org.apache.storm.kafka.trident.mapper.FieldNameBasedTupleToKafkaMapper<>(
                    "key", "value"));
        MapFunction capitals = tuple -> new Values(tuple.getStringByField("key"),
            tuple.getStringByField("value").toUpperCase());
        topology.newStream(prefix, new KafkaTridentSpoutOpaque<>(words))
            .map(capitals, new Fields("key", "value"))
            .partitionPersist(writer, new Fields("key", "value"), new TridentKafkaStateUpdater(),
                new Fields());
        return topology.build();
    }

    static class Capitals extends BaseBasicBolt {
        @Override
        public void execute(Tuple tuple, BasicOutputCollector collector) {
            collector.emit(new Values(tuple.getStringByField("key"),
                tuple.getStringByField("value").toUpperCase()));
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("key", "value"));
        }
    }
}
