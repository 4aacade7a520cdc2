// rdlat: an open-loop latency meter on librdkafka. Producer and consumer in one process, one clock.
//
//   rdlat -b HOST:PORT -t TOPIC [-p PARTITIONS] [-r RATE] [-s BYTES] [-a ACKS] [-d SECONDS]
//         [-w WARM_SECONDS] [-l LINGER_MS] [-X p.NAME=VALUE] [-X c.NAME=VALUE] [-n]
//
// Each message carries the time it was meant to be sent at, whatever delayed it, so a stall counts
// against every message it delays (no coordinated omission). Two latencies, in microseconds:
//
//   ack         meant time -> delivery report
//   end to end  meant time -> the consumer's callback
//
// Above 1,000 messages a second they leave in bursts, one per millisecond; their meant time is the
// burst's. The topic must exist; the consumer starts at its end. -n leaves the consumer out.
// One line of JSON on stdout. Exits 1 when a message failed or did not come back.
//
// Called by: perf/compare, people. Calls: librdkafka. Never: retries on its own.

#define _GNU_SOURCE
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 16, BURST_NS = 1000000, SETTINGS_MAX = 32 };

// Samples of one kind, written by one thread, read after it ended.
struct samples {
    uint32_t *us;
    size_t count, capacity;
};

// What a message starts with. `run` tells our messages from those of an earlier run.
struct head {
    int64_t meant_ns;
    uint64_t run;
};
_Static_assert(sizeof(struct head) == HEAD_BYTES, "the head has no padding");

static struct samples ack, end_to_end;
static int64_t record_from_ns; // Messages meant before it warm up.
static uint64_t run;
static atomic_size_t acknowledged, consumed, failed;
static atomic_bool stop_consuming, stop_polling;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void sleep_until(int64_t at_ns) {
    struct timespec t = {at_ns / 1000000000, at_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

static _Noreturn void die(const char *what) {
    fprintf(stderr, "rdlat: %s\n", what);
    exit(2);
}

static void add(struct samples *to, int64_t meant_ns) {
    int64_t us = (now_ns() - meant_ns) / 1000;
    if (meant_ns < record_from_ns || to->count == to->capacity)
        return;
    to->us[to->count++] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk, (void)opaque;
    if (message->err)
        failed++;
    else
        add(&ack, (int64_t)(intptr_t)message->_private);
    acknowledged++;
}

static void on_message(rd_kafka_message_t *message, void *opaque) {
    (void)opaque;
    struct head head;
    if (message->err || message->len < HEAD_BYTES)
        return;
    memcpy(&head, message->payload, HEAD_BYTES);
    if (head.run != run)
        return;
    add(&end_to_end, head.meant_ns);
    consumed++;
}

static void *consume(void *queue) {
    while (!stop_consuming)
        rd_kafka_consume_callback_queue(queue, 50, on_message, NULL);
    return NULL;
}

// Delivery reports are taken by a thread of their own, so that sending never delays them.
static void *poll_reports(void *producer) {
    while (!stop_polling)
        rd_kafka_poll(producer, 50);
    return NULL;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print(const char *name, struct samples *of) {
    printf(", \"%s\": {\"count\": %zu", name, of->count);
    if (of->count > 0) {
        static const struct {
            const char *name;
            double share;
        } marks[] = {{"p50", .5}, {"p95", .95}, {"p99", .99}, {"p99.9", .999}, {"p99.99", .9999}};
        qsort(of->us, of->count, sizeof *of->us, ascending);
        double sum = 0;
        for (size_t i = 0; i < of->count; i++)
            sum += of->us[i];
        printf(", \"mean\": %.0f", sum / of->count);
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
            printf(", \"%s\": %u", marks[i].name,
                   of->us[(size_t)((of->count - 1) * marks[i].share)]);
        printf(", \"max\": %u", of->us[of->count - 1]);
    }
    printf("}");
}

static rd_kafka_conf_t *settings(const char *brokers, char side, char **extra, int extras) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why) != 0)
        die(why);
    for (int i = 0; i < extras; i++) {
        if (extra[i][0] != side || extra[i][1] != '.')
            continue;
        char *copy = strdup(extra[i] + 2), *value = strchr(copy, '=');
        if (value == NULL)
            die("-X wants p.NAME=VALUE or c.NAME=VALUE");
        *value++ = 0;
        if (rd_kafka_conf_set(conf, copy, value, why, sizeof why) != 0)
            die(why);
        free(copy);
    }
    return conf;
}

static rd_kafka_t *open_client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char why[256];
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (client == NULL)
        die(why);
    return client;
}

static struct samples room_for(double count) {
    size_t capacity = (size_t)(count * 1.1) + 1000;
    struct samples samples = {malloc(capacity * sizeof(uint32_t)), 0, capacity};
    if (samples.us == NULL)
        die("out of memory");
    return samples;
}

int main(int argc, char **argv) {
    char *brokers = NULL, *topic = NULL, *extra[SETTINGS_MAX];
    const char *acks = "1", *linger = "0";
    int partitions = 1, bytes = 100, extras = 0, consuming = 1;
    double rate = 1000, seconds = 10, warm = 5;
    for (int flag; (flag = getopt(argc, argv, "b:t:p:r:s:a:d:w:l:X:n")) != -1;) {
        switch (flag) {
        case 'b': brokers = optarg; break;
        case 't': topic = optarg; break;
        case 'p': partitions = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 's': bytes = atoi(optarg); break;
        case 'a': acks = optarg; break;
        case 'd': seconds = atof(optarg); break;
        case 'w': warm = atof(optarg); break;
        case 'l': linger = optarg; break;
        case 'n': consuming = 0; break;
        case 'X':
            if (extras == SETTINGS_MAX)
                die("too many -X");
            extra[extras++] = optarg;
            break;
        default: return 2;
        }
    }
    if (brokers == NULL || topic == NULL)
        die("-b HOST:PORT and -t TOPIC are needed");
    if (partitions < 1 || bytes < HEAD_BYTES || rate <= 0 || seconds <= 0)
        die("a partition, 16 bytes, and a rate and a duration above 0 are the least");

    char why[256];
    rd_kafka_conf_t *conf = settings(brokers, 'p', extra, extras);
    const char *own[][2] = {{"acks", acks}, {"linger.ms", linger}, {"batch.size", "65536"},
                            {"queue.buffering.max.messages", "2000000"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (rd_kafka_conf_set(conf, own[i][0], own[i][1], why, sizeof why) != 0)
            die(why);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *producer = open_client(RD_KAFKA_PRODUCER, conf);
    rd_kafka_topic_t *target = rd_kafka_topic_new(producer, topic, NULL);

    ack = room_for(rate * seconds);
    end_to_end = room_for(rate * seconds);
    run = (uint64_t)now_ns() ^ (uint64_t)getpid() << 40;
    pthread_t consumer_thread, report_thread;
    if (consuming) {
        conf = settings(brokers, 'c', extra, extras);
        rd_kafka_t *consumer = open_client(RD_KAFKA_CONSUMER, conf);
        rd_kafka_topic_t *source = rd_kafka_topic_new(consumer, topic, NULL);
        rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
        for (int i = 0; i < partitions; i++)
            if (rd_kafka_consume_start_queue(source, i, RD_KAFKA_OFFSET_END, queue) != 0)
                die("the consumer cannot start");
        pthread_create(&consumer_thread, NULL, consume, queue);
    }
    pthread_create(&report_thread, NULL, poll_reports, producer);
    sleep(2); // Both clients find their leaders, the consumer its end.

    char *payload = calloc(1, bytes);
    uint64_t random = 88172645463325252ULL;
    for (int i = HEAD_BYTES; i < bytes; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        payload[i] = 'a' + random % 26;
    }
    int64_t start_ns = now_ns(), end_ns = start_ns + (int64_t)((warm + seconds) * 1e9);
    record_from_ns = start_ns + (int64_t)(warm * 1e9);
    size_t sent = 0;
    for (int partition = 0;; partition = (partition + 1) % partitions) {
        int64_t after_ns = (int64_t)(sent * (1e9 / rate));
        if (rate > 1000)
            after_ns -= after_ns % BURST_NS;
        struct head head = {start_ns + after_ns, run};
        if (head.meant_ns >= end_ns)
            break;
        if (head.meant_ns > now_ns())
            sleep_until(head.meant_ns);
        memcpy(payload, &head, HEAD_BYTES);
        while (rd_kafka_produce(target, partition, RD_KAFKA_MSG_F_COPY, payload, bytes, NULL, 0,
                                (void *)(intptr_t)head.meant_ns) == -1) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                die(rd_kafka_err2str(rd_kafka_last_error()));
            usleep(500);
        }
        sent++;
    }
    double took = (now_ns() - start_ns) / 1e9;

    int64_t give_up_ns = now_ns() + INT64_C(20000000000);
    while (now_ns() < give_up_ns && (acknowledged < sent || (consuming && consumed < sent)))
        usleep(2000);
    stop_consuming = stop_polling = 1;
    if (consuming)
        pthread_join(consumer_thread, NULL);
    pthread_join(report_thread, NULL);

    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"unit\": \"us\", \"rate\": %.0f, \"achieved\": %.0f, \"sent\": %zu, "
           "\"acknowledged\": %zu, \"consumed\": %zu, \"failed\": %zu, \"client_cpu_s\": %.2f",
           rate, sent / took, sent, (size_t)acknowledged, (size_t)consumed, (size_t)failed,
           used.ru_utime.tv_sec + used.ru_stime.tv_sec
               + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    print("ack", &ack);
    if (consuming)
        print("end_to_end", &end_to_end);
    printf("}\n");
    fflush(stdout);
    // librdkafka's own end waits for connections that no longer matter.
    _exit(failed > 0 || acknowledged < sent || (consuming && consumed < sent));
}
