import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;

/**
 * Three applications of Kafka Streams in one process, exactly once: words are counted, numbers are
 * summed in windows of time, orders are joined with the table of their users.
 *
 *   StreamsApp BOOTSTRAP PREFIX classic|streams FOLDER [GUARANTEE]
 *
 * Topics are PREFIX-words, -counts, -numbers, -sums, -users, -orders, -joined; applications
 * PREFIX-count, -sum, -join. Nothing is cached, so each input record shows in the output. It runs
 * until it is killed; a line tells each application that runs, and one what went wrong. It is
 * compiled with any release from 2.8 on; GUARANTEE is exactly_once_v2 where nothing is said.
 */
public class StreamsApp {
    public static void main(String[] args) throws Exception {
        String bootstrap = args[0], prefix = args[1], protocol = args[2], folder = args[3];
        List<KafkaStreams> all = new ArrayList<>();
        for (String name : List.of("count", "sum", "join")) {
            StreamsBuilder builder = new StreamsBuilder();
            switch (name) {
                case "count" -> count(builder, prefix);
                case "sum" -> sum(builder, prefix);
                default -> join(builder, prefix);
            }
            Properties config = new Properties();
            config.put(StreamsConfig.APPLICATION_ID_CONFIG, prefix + "-" + name);
            config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
            config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                args.length > 4 ? args[4] : "exactly_once_v2");
            config.put("group.protocol", protocol);
            config.put(StreamsConfig.STATE_DIR_CONFIG, folder);
            config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
            config.put("statestore.cache.max.bytes", 0);
            // Its name before 3.4.
            config.put("cache.max.bytes.buffering", 0);
            config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
            if (protocol.equals("classic")) {
                // The shortest a broker allows: what was killed is missed so long.
                config.put("main.consumer.session.timeout.ms", 6000);
                config.put("main.consumer.heartbeat.interval.ms", 1000);
            }
            KafkaStreams streams = new KafkaStreams(builder.build(config), config);
            streams.setStateListener((now, before) -> {
                System.out.println(name + " " + now);
                System.out.flush();
            });
            streams.setUncaughtExceptionHandler(error -> {
                System.out.println("FAILED " + name + ": " + error);
                error.printStackTrace();
                System.exit(1);
                return null;
            });
            all.add(streams);
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() ->
            all.forEach(streams -> streams.close(Duration.ofSeconds(20)))));
        all.forEach(KafkaStreams::start);
    }

    static void count(StreamsBuilder builder, String prefix) {
        var text = Serdes.String();
        builder.stream(prefix + "-words", Consumed.with(text, text))
            .flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word, Grouped.with(text, text))
            .count(Materialized.as("counts"))
            .toStream()
            .mapValues(String::valueOf)
            .to(prefix + "-counts", Produced.with(text, text));
    }

    static void sum(StreamsBuilder builder, String prefix) throws Exception {
        var text = Serdes.String();
        builder.stream(prefix + "-numbers", Consumed.with(text, text))
            .groupByKey(Grouped.with(text, text))
            .windowedBy(windows(Duration.ofSeconds(10)))
            .aggregate(() -> "0",
                (key, value, total) -> String.valueOf(Long.parseLong(total) + Long.parseLong(value)),
                Materialized.<String, String, org.apache.kafka.streams.state.WindowStore<
                    org.apache.kafka.common.utils.Bytes, byte[]>>as("sums")
                    .withKeySerde(text).withValueSerde(text))
            .toStream()
            .map((window, total) ->
                KeyValue.pair(window.key() + "@" + window.window().start(), total))
            .to(prefix + "-sums", Produced.with(text, text));
    }

    /** Windows that end at once, which 2.8 can only say in a way that 4.0 no longer knows. */
    static TimeWindows windows(Duration size) throws Exception {
        try {
            return (TimeWindows) TimeWindows.class.getMethod("ofSizeWithNoGrace", Duration.class)
                .invoke(null, size);
        } catch (NoSuchMethodException older) {
            Object windows = TimeWindows.class.getMethod("of", Duration.class).invoke(null, size);
            return (TimeWindows) TimeWindows.class.getMethod("grace", Duration.class)
                .invoke(windows, Duration.ZERO);
        }
    }

    static void join(StreamsBuilder builder, String prefix) {
        var text = Serdes.String();
        var users = builder.table(prefix + "-users", Consumed.with(text, text));
        builder.stream(prefix + "-orders", Consumed.with(text, text))
            .join(users, (order, user) -> order + " of " + user, Joined.with(text, text, text))
            .to(prefix + "-joined", Produced.with(text, text));
    }
}
