// Writes and reads records with kafkajs, one line per record read.
//
//   node smoke.js HOST:PORT produce TOPIC FIRST COUNT CODEC
//   node smoke.js HOST:PORT consume TOPIC GROUP COUNT
//
// Called by: the suite `kafkajs`.

const { CompressionTypes, Kafka, logLevel } = require('kafkajs')

const [address, what, topic, ...rest] = process.argv.slice(2)
const kafka = new Kafka({ brokers: [address], logLevel: logLevel.ERROR })

async function produce(first, count, codec) {
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  const messages = Array.from({ length: count }, (_, at) => {
    const n = first + at
    return { key: `k${n}`, value: `v${n}`, headers: { h: `${n}` } }
  })
  const compression = codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None
  await producer.send({ topic, messages, acks: -1, compression })
  await producer.disconnect()
}

// Reads so many records as a member of a group, commits them and leaves.
async function consume(groupId, count) {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const next = new Map()
  let left = count
  await new Promise((done, failed) => {
    consumer.on(consumer.events.CRASH, event => failed(event.payload.error))
    consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        if (left === 0) return
        const headers = Object.entries(message.headers).map(([name, value]) => `${name}=${value}`)
        console.log(JSON.stringify([partition, Number(message.offset), `${message.key}`,
          `${message.value}`, headers.join('')]))
        next.set(partition, Number(message.offset) + 1)
        if (--left === 0) done()
      }
    }).catch(failed)
  })
  await consumer.commitOffsets([...next].map(([partition, offset]) =>
    ({ topic, partition, offset: `${offset}` })))
  await consumer.disconnect()
}

const asked = what === 'produce'
  ? produce(Number(rest[0]), Number(rest[1]), rest[2])
  : consume(rest[0], Number(rest[1]))
asked.then(() => process.exit(0), error => {
  console.error(error)
  process.exit(1)
})
