// Writes and reads records, one line per record read.
//
//   node smoke.js HOST:PORT produce TOPIC FIRST COUNT CODEC
//   node smoke.js HOST:PORT consume TOPIC GROUP COUNT
//
// Called by: node_client.py, for the suites `kafkajs` and `confluent-javascript`, each with its own
// client.js.

const client = require('./client')
const { Reader } = require('./reader')

const [address, what, topic, ...rest] = process.argv.slice(2)

async function produce(first, count, codec) {
  const producer = client.producer(address, { codec })
  await producer.connect()
  const messages = Array.from({ length: count }, (_, at) => {
    const n = first + at
    return { key: `k${n}`, value: `v${n}`, headers: { h: `${n}` } }
  })
  await producer.send({ topic, messages })
  await producer.disconnect()
}

// Reads so many records as a member of a group, commits them and leaves.
async function consume(groupId, count) {
  const reader = await Reader.start(address, { topic, groupId })
  for (const { partition, message } of await reader.take(count)) {
    const headers = Object.entries(message.headers).map(([name, value]) => `${name}=${value}`)
    console.log(JSON.stringify([partition, Number(message.offset), `${message.key}`,
      `${message.value}`, headers.join('')]))
  }
  await reader.commitAndLeave()
}

const asked = what === 'produce'
  ? produce(Number(rest[0]), Number(rest[1]), rest[2])
  : consume(rest[0], Number(rest[1]))
asked.then(() => process.exit(0), error => {
  console.error(error)
  process.exit(1)
})
