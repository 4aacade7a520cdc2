import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/**
 * A Flink SQL job on a cluster in this process: amounts are summed in tumbling windows, from the
 * topic PREFIX-orders to the topic PREFIX-sums, exactly once.
 *
 *   FlinkApp BOOTSTRAP PREFIX FOLDER
 *
 * It goes on from the newest checkpoint in FOLDER, and runs until it is killed.
 */
public class FlinkApp {
    public static void main(String[] args) throws Exception {
        String bootstrap = args[0], prefix = args[1];
        Path folder = Path.of(args[2]);
        Configuration config = new Configuration();
        config.setString("execution.checkpointing.interval", "300 ms");
        config.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
        config.setString("execution.checkpointing.dir", folder.toUri().toString());
        config.setString("execution.checkpointing.externalized-checkpoint-retention",
            "RETAIN_ON_CANCELLATION");
        config.setString("restart-strategy.type", "none");
        config.setString("taskmanager.numberOfTaskSlots", "2");
        config.setString("taskmanager.memory.network.min", "32m");
        config.setString("taskmanager.memory.network.max", "32m");
        config.setString("taskmanager.memory.managed.size", "64m");
        config.setString("table.exec.resource.default-parallelism", "2");
        newest(folder).ifPresent(path -> {
            System.out.println("restored from " + path);
            config.setString("execution.state-recovery.path", path.toUri().toString());
        });
        StreamExecutionEnvironment environment =
            StreamExecutionEnvironment.getExecutionEnvironment(config);
        environment.setParallelism(2);
        StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
        String broker = "'connector' = 'kafka', 'format' = 'json', "
            + "'properties.bootstrap.servers' = '" + bootstrap + "', ";
        tables.executeSql("CREATE TABLE orders (who STRING, amount BIGINT, moment TIMESTAMP_LTZ(3), "
            + "WATERMARK FOR moment AS moment) WITH (" + broker
            + "'json.timestamp-format.standard' = 'ISO-8601', "
            + "'topic' = '" + prefix + "-orders', 'properties.group.id' = '" + prefix + "', "
            + "'scan.startup.mode' = 'earliest-offset')");
        tables.executeSql("CREATE TABLE sums (who STRING, since BIGINT, total BIGINT, "
            + "orders BIGINT) WITH (" + broker + "'topic' = '" + prefix + "-sums', "
            + "'sink.delivery-guarantee' = 'exactly-once', "
            + "'sink.transactional-id-prefix' = '" + prefix + "', "
            + "'properties.transaction.timeout.ms' = '120000')");
        tables.executeSql("INSERT INTO sums SELECT who, "
            + "UNIX_TIMESTAMP(CAST(window_start AS STRING)), SUM(amount), COUNT(*) FROM TABLE("
            + "TUMBLE(TABLE orders, DESCRIPTOR(moment), INTERVAL '10' SECOND)) "
            + "GROUP BY who, window_start, window_end").await();
    }

    /** The folder of the checkpoint that was completed last. */
    static Optional<Path> newest(Path folder) throws Exception {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(path -> path.endsWith("_metadata")).map(Path::getParent)
                .max(Comparator.comparingInt(path ->
                    Integer.parseInt(path.getFileName().toString().substring("chk-".length()))));
        }
    }
}
