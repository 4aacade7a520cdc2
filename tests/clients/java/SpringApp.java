import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.TopicBuilder;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties.AckMode;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;
import org.springframework.kafka.transaction.KafkaTransactionManager;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.util.backoff.FixedBackOff;

/**
 * An application of Spring for Apache Kafka.
 *
 *   SpringApp BOOTSTRAP PREFIX listeners|requests
 *
 * `listeners` copies PREFIX-words into PREFIX-singles record by record, into PREFIX-batches batch
 * by batch, and into PREFIX-exact in transactions, some of which fail the first time; a word that
 * the first of them refuses goes to PREFIX-dead. It runs until it is killed. `requests` asks over
 * PREFIX-requests, where a listener of its own answers, and ends.
 */
@EnableKafka
@Configuration(proxyBeanMethods = false)
public class SpringApp {
    static final int PARTITIONS = 3;
    static String bootstrap;
    static String prefix;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        prefix = args[1];
        System.setProperty("prefix", prefix);
        System.setProperty("listeners", String.valueOf(args[2].equals("listeners")));
        System.setProperty("requests", String.valueOf(args[2].equals("requests")));
        AnnotationConfigApplicationContext context =
            new AnnotationConfigApplicationContext(SpringApp.class);
        if (args[2].equals("requests")) {
            requests(context);
            context.close();
            System.exit(0);
        }
        context.registerShutdownHook();
        Thread.currentThread().join();
    }

    @SuppressWarnings("unchecked")
    static void requests(AnnotationConfigApplicationContext context) throws Exception {
        ReplyingKafkaTemplate<String, String, String> asking =
            context.getBean(ReplyingKafkaTemplate.class);
        if (!asking.waitForAssignment(Duration.ofSeconds(60))) {
            throw new IllegalStateException("no partitions for the answers");
        }
        for (int n = 0; n < 50; n++) {
            String answer = asking.sendAndReceive(
                new ProducerRecord<>(prefix + "-requests", "k" + n, "word " + n),
                Duration.ofSeconds(30)).get(40, TimeUnit.SECONDS).value();
            if (!answer.equals("WORD " + n)) {
                throw new IllegalStateException("word " + n + " was answered " + answer);
            }
        }
        System.out.println("50 answers");
    }

    static Map<String, Object> config(Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(more);
        config.put("bootstrap.servers", bootstrap);
        return config;
    }

    @Bean
    KafkaAdmin admin() {
        KafkaAdmin admin = new KafkaAdmin(config(Map.of()));
        admin.setFatalIfBrokerNotAvailable(true);
        return admin;
    }

    /** Made by Spring where they are missing. */
    @Bean
    KafkaAdmin.NewTopics topics() {
        return new KafkaAdmin.NewTopics(List.of("words", "singles", "batches", "exact", "dead",
            "requests", "replies").stream().map(name -> TopicBuilder.name(prefix + "-" + name)
                .partitions(PARTITIONS).replicas(1).build())
            .toArray(org.apache.kafka.clients.admin.NewTopic[]::new));
    }

    static DefaultKafkaProducerFactory<String, String> producers(Map<String, Object> more) {
        return new DefaultKafkaProducerFactory<>(config(more), new StringSerializer(),
            new StringSerializer());
    }

    @Bean
    KafkaTemplate<String, String> template() {
        return new KafkaTemplate<>(producers(Map.of("linger.ms", 2)));
    }

    @Bean
    DefaultKafkaProducerFactory<String, String> transactional() {
        DefaultKafkaProducerFactory<String, String> factory =
            producers(Map.of("transaction.timeout.ms", 10_000));
        factory.setTransactionIdPrefix(prefix + "-");
        return factory;
    }

    @Bean
    KafkaTemplate<String, String> exactly(DefaultKafkaProducerFactory<String, String> factory) {
        return new KafkaTemplate<>(factory);
    }

    static ConcurrentKafkaListenerContainerFactory<String, String> listeners(int concurrency) {
        ConcurrentKafkaListenerContainerFactory<String, String> factory =
            new ConcurrentKafkaListenerContainerFactory<>();
        factory.setConsumerFactory(new DefaultKafkaConsumerFactory<>(config(Map.of(
            "auto.offset.reset", "earliest", "isolation.level", "read_committed",
            "session.timeout.ms", 6000, "heartbeat.interval.ms", 1000, "max.poll.records", 20)),
            new StringDeserializer(), new StringDeserializer()));
        factory.setConcurrency(concurrency);
        return factory;
    }

    /** Twice more after a failure, then the record goes to PREFIX-dead. */
    static CommonErrorHandler errors(KafkaTemplate<String, String> template) {
        return new DefaultErrorHandler(new DeadLetterPublishingRecoverer(template,
            (record, error) -> new TopicPartition(prefix + "-dead", record.partition())),
            new FixedBackOff(20, 2));
    }

    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> records(
            @Qualifier("template") KafkaTemplate<String, String> template) {
        ConcurrentKafkaListenerContainerFactory<String, String> factory = listeners(2);
        factory.getContainerProperties().setAckMode(AckMode.RECORD);
        factory.setCommonErrorHandler(errors(template));
        factory.setReplyTemplate(template);
        return factory;
    }

    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> batches() {
        ConcurrentKafkaListenerContainerFactory<String, String> factory = listeners(2);
        factory.setBatchListener(true);
        return factory;
    }

    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> transactions(
            DefaultKafkaProducerFactory<String, String> producers) {
        ConcurrentKafkaListenerContainerFactory<String, String> factory = listeners(2);
        factory.getContainerProperties().setKafkaAwareTransactionManager(
            new KafkaTransactionManager<>(producers));
        return factory;
    }

    @Bean
    ReplyingKafkaTemplate<String, String, String> asking() {
        ConcurrentMessageListenerContainer<String, String> replies =
            listeners(1).createContainer(prefix + "-replies");
        replies.getContainerProperties().setGroupId(prefix + "-replies");
        ReplyingKafkaTemplate<String, String, String> asking =
            new ReplyingKafkaTemplate<>(producers(Map.of()), replies);
        asking.setAutoStartup(Boolean.getBoolean("requests"));
        return asking;
    }

    @Bean
    Copies copies(@Qualifier("template") KafkaTemplate<String, String> template,
            @Qualifier("exactly") KafkaTemplate<String, String> exactly) {
        return new Copies(template, exactly);
    }

    public static class Copies {
        private final KafkaTemplate<String, String> template;
        private final KafkaTemplate<String, String> exactly;
        private final Set<String> failed = ConcurrentHashMap.newKeySet();

        Copies(KafkaTemplate<String, String> template, KafkaTemplate<String, String> exactly) {
            this.template = template;
            this.exactly = exactly;
        }

        @KafkaListener(id = "${prefix}-singles", topics = "${prefix}-words",
            containerFactory = "records", autoStartup = "${listeners}")
        public void single(ConsumerRecord<String, String> word) throws Exception {
            if (word.value().endsWith("13")) {
                throw new IllegalArgumentException(word.value());
            }
            template.send(prefix + "-singles", word.partition(), word.key(), word.value())
                .get(30, TimeUnit.SECONDS);
        }

        @KafkaListener(id = "${prefix}-batches", topics = "${prefix}-words",
            containerFactory = "batches", autoStartup = "${listeners}")
        public void batch(List<ConsumerRecord<String, String>> words) {
            for (ConsumerRecord<String, String> word : words) {
                template.send(prefix + "-batches", word.partition(), word.key(), word.value());
            }
            template.flush();
        }

        /** Every word that ends with 50 fails once, after it was sent: the transaction aborts. */
        @KafkaListener(id = "${prefix}-exact", topics = "${prefix}-words",
            containerFactory = "transactions", autoStartup = "${listeners}")
        public void exact(ConsumerRecord<String, String> word) {
            exactly.send(prefix + "-exact", word.partition(), word.key(), word.value());
            if (word.value().endsWith("50") && failed.add(word.value())) {
                exactly.flush();
                throw new IllegalArgumentException(word.value());
            }
        }

        @KafkaListener(id = "${prefix}-requests", topics = "${prefix}-requests",
            containerFactory = "records", autoStartup = "${requests}")
        @SendTo
        public String answer(String word) {
            return word.toUpperCase();
        }
    }
}
