"""A Spark application: two streams between topics, and a table read and written at once.

    python spark_app.py stream BOOTSTRAP PREFIX FOLDER      until it is killed
    python spark_app.py drain BOOTSTRAP PREFIX FOLDER       until all that is there is done
    python spark_app.py table BOOTSTRAP PREFIX MOMENT

Room:       `tests/clients`, run by the Python of .cache/spark-VERSION.
Called by:  suites/spark.py.

The streams copy PREFIX-orders to PREFIX-copies, and sum amounts in windows of ten seconds from
PREFIX-orders to PREFIX-sums; FOLDER keeps their checkpoints. The table sums what was committed to
PREFIX-orders by who ordered, and again what was ordered since MOMENT (in milliseconds), and writes
that to PREFIX-totals.
"""

import sys

from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession
from pyspark.sql.functions import (col, concat, count, from_json, lit, struct, sum, to_json,
                                   unix_timestamp, window)

SCHEMA = "who STRING, amount BIGINT, moment TIMESTAMP"
# A few rows: compiling a plan takes longer than to interpret it, and more tasks than cores as well.
SETTINGS = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "1",
            "spark.sql.session.timeZone": "UTC", "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1", "spark.sql.codegen.wholeStage": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN"}


def kafka(end, bootstrap):
    """A reader or a writer of either kind, for this broker."""
    return end.format("kafka").option("kafka.bootstrap.servers", bootstrap)


def orders(rows):
    return rows.select(from_json(col("value").cast("string"), SCHEMA).alias("o")).select("o.*")


def summed(groups):
    return groups.agg(sum("amount").alias("total"), count("*").alias("orders"))


def table(spark, bootstrap, prefix, moment):
    # The older way to ask for offsets: a consumer in a group of its own.
    spark.conf.set("spark.sql.streaming.kafka.useDeprecatedOffsetFetching", "true")

    def read(option, value):
        reader = kafka(spark.read, bootstrap).option("kafka.isolation.level", "read_committed")
        return summed(orders(reader.option("subscribe", f"{prefix}-orders").option(option, value)
                             .load()).groupBy("who"))
    later = read("startingTimestamp", moment).withColumn("who", concat(lit("later "), "who"))
    rows = read("startingOffsets", "earliest").union(later)
    value = to_json(struct("who", "total", "orders")).alias("value")
    kafka(rows.select(col("who").alias("key"), value).write, bootstrap).option(
        "topic", f"{prefix}-totals").save()


def streams(spark, bootstrap, prefix, folder, **trigger):
    rows = (kafka(spark.readStream, bootstrap).option("subscribe", f"{prefix}-orders")
            .option("startingOffsets", "earliest").option("maxOffsetsPerTrigger", 400).load())
    windows = (orders(rows).withWatermark("moment", "1 minute")
               .groupBy("who", window("moment", "10 seconds")))
    since = unix_timestamp("window.start").alias("since")
    sums = summed(windows).select(to_json(struct("who", since, "total", "orders")).alias("value"))
    written = {"copies": rows.select("key", "value", "partition"), "sums": sums}

    def start(name):
        writer = kafka(written[name].writeStream, bootstrap).option("topic", f"{prefix}-{name}")
        if trigger:
            writer = writer.trigger(**trigger)
        return writer.option("checkpointLocation", f"{folder}/{name}").start()
    started = {name: start(name) for name in written}
    print("running", flush=True)
    if not trigger:
        spark.streams.awaitAnyTermination()
    for name, query in started.items():
        try:
            query.awaitTermination()
        except StreamingQueryException as error:
            # Spark 4.1.1 ends a query that went on with a batch that was begun before: its Kafka
            # source has no newest offsets to count from by then. The batch is done.
            if 'the return value of "scala.Option.get()" is null' not in str(error):
                raise
            start(name).awaitTermination()


def main(what, bootstrap, prefix, place):
    builder = SparkSession.builder.master("local[2]").appName(prefix)
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    if what == "table":
        table(spark, bootstrap, prefix, place)
    elif what == "stream":
        streams(spark, bootstrap, prefix, place)
    else:
        streams(spark, bootstrap, prefix, place, availableNow=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
