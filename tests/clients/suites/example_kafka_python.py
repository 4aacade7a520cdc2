"""The example from kafka-python's users, word for word but for the broker's address.

Called by:  kafka_python.py as a program: `example_kafka_python.py produce|consume HOST:PORT`.
"""

import sys

from kafka import KafkaConsumer, KafkaProducer


def produce(address):
    producer = KafkaProducer(bootstrap_servers=address)
    producer.send('my_topic', key=b'key', value=b'Hello, Kafka!')
    producer.flush()


def consume(address):
    consumer = KafkaConsumer('my_topic', bootstrap_servers=address, auto_offset_reset='earliest')
    for message in consumer:
        print(f"{message.topic}:{message.partition}:{message.offset}: "
              f"key={message.key} value={message.value}", flush=True)


if __name__ == "__main__":
    {"produce": produce, "consume": consume}[sys.argv[1]](sys.argv[2])
