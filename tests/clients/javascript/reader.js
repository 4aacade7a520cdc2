// A member of a group that keeps what it reads until somebody takes it.
//
// Called by: smoke.js, checks.js, kafkajs/admin.js.
// Calls:     client.js of the client that is driven.

const client = require('./client')

// Offsets by partition, to compare them.
exports.inOrder = list => list.map(({ partition, offset }) => [partition, offset]).sort()

exports.Reader = class Reader {
  // `how`: topic, groupId, and what client.js knows besides.
  static async start(address, how) {
    const reader = new Reader()
    reader.topic = how.topic
    reader.kept = []
    reader.next = new Map()
    reader.wake = () => {}
    Object.assign(reader, await client.consumer(address, how, payload => {
      reader.kept.push(payload)
      reader.wake()
    }))
    return reader
  }

  // The next records, as many as that. What comes after them stays for the next call.
  async take(count) {
    while (this.kept.length < count) {
      await Promise.race([this.failed, new Promise(resolve => { this.wake = resolve })])
    }
    const taken = this.kept.splice(0, count)
    for (const { partition, message } of taken) {
      this.next.set(partition, Number(message.offset) + 1)
    }
    return taken
  }

  // Goes on at that offset; what comes before it is dropped. It asks again when nothing comes:
  // kafkajs once lost a seek on a busy machine, beside Apache Kafka.
  async seek(partition, offset) {
    const { topic } = this
    const ask = () => this.consumer.seek({ topic, partition, offset: `${offset}` })
    ask()
    const again = setInterval(ask, 10000)
    try {
      for (;;) {
        const [one] = await this.take(1)
        if (one.message.offset === `${offset}`) return
      }
    } finally {
      clearInterval(again)
    }
  }

  offsets() {
    return [...this.next].map(([partition, offset]) => ({ partition, offset: `${offset}` }))
  }

  async commit() {
    const { topic } = this
    await this.consumer.commitOffsets(this.offsets().map(one => ({ topic, ...one })))
  }

  async commitAndLeave() {
    await this.commit()
    await this.consumer.disconnect()
  }
}
