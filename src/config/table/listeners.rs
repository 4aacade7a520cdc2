//! Properties of listeners, sockets and connections.
//!
//! Room:       `config`, one page of the table.
//! Called by:  `config::table`, which joins the pages.
//! Calls:      nothing.
//! Never:      decides anything; names, types, bounds and defaults are Apache Kafka's facts.

use crate::config::property::{Importance::*, Kind::*, Property, Serving::*, Update::*, *};

/// Set in the properties file of a broker.
#[rustfmt::skip] // A table reads by its columns.
pub static BROKER: &[Property] = &[
    unset("advertised.listeners", List, ReadOnly, High,
        Served("What clients are told to connect to; needed when a listener is 0.0.0.0.")),
    set("connections.max.idle.ms", long(MIN, MAX), "600000", ReadOnly, Medium,
        Served("A connection silent for this long is closed.")),
    set("controller.listener.names", List, "", ReadOnly, High,
        Served("Names of listeners for controllers; one node opens none of them.")),
    unset("early.start.listeners", List, ReadOnly, High, Later),
    unset("inter.broker.listener.name", Text, ReadOnly, Medium,
        Served("The listener brokers use among themselves; must be one of the listeners.")),
    set("listener.security.protocol.map", Text,
        "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", PerBroker,
        Low, Served("Which security protocol each listener name speaks.")),
    set("listeners", List, "PLAINTEXT://127.0.0.1:9092", PerBroker, High,
        Served("Where clients connect: NAME://HOST:PORT or NAME://unix:/PATH, comma-separated.")),
    set("max.connections", int(0, MAX), "2147483647", ClusterWide, Medium,
        Served("Connections open at once in this broker; one too many is closed.")),
    set("max.connections.per.ip", int(0, MAX), "2147483647", ClusterWide, Medium,
        Served("Connections open at once from one address.")),
    set("max.connections.per.ip.overrides", Text, "", ClusterWide, Medium,
        Served("Connections open at once from single addresses: ADDRESS:COUNT, comma-separated.")),
    set("socket.connection.setup.timeout.max.ms", long(MIN, MAX), "30000", ReadOnly, Medium, Later),
    set("socket.connection.setup.timeout.ms", long(MIN, MAX), "10000", ReadOnly, Medium, Later),
    set("socket.listen.backlog.size", int(1, MAX), "50", ReadOnly, Medium,
        Served("Connections that may wait to be accepted, per listener and core; unset: 1024.")),
    set("socket.receive.buffer.bytes", int(MIN, MAX), "102400", ReadOnly, High,
        Unneeded("The kernel tunes the buffers of each socket by itself.")),
    set("socket.request.max.bytes", int(1, MAX), "104857600", ReadOnly, High,
        Served("Largest request accepted, in bytes; a longer one closes the connection.")),
    set("socket.send.buffer.bytes", int(MIN, MAX), "102400", ReadOnly, High,
        Unneeded("The kernel tunes the buffers of each socket by itself.")),
];
