//! Question:  what does a small request cost a server core, in messages per second and in CPU?
//! Budget:    <= 0.5 us of server CPU per 128 B message at 32 connections x 16 in flight (the raw
//!            ring's 0.39 us); with one in flight the wake dominates everywhere.
//! Workload:  one server thread on core 0, one client on core 1 (always our ring), 128 B messages
//!            echoed over loopback TCP; 32 connections x 16, 32 x 1, 1 x 1.
//! Prints:    messages per second, server CPU per message, round-trip percentiles; per server.
//!
//! Servers: our door used directly (looking 20 us before it sleeps, or not), our executor over
//! it, and with the feature `peers` mio
//! (epoll), tokio and glommio. Each serves a fixed number of connections and ends when they have.

mod client;
#[cfg(feature = "peers")]
mod peers;
mod ring;
mod tasks;

use crate::Size;
use crate::measure::{pin, thread_cpu};
use client::Load;
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// A server: announces its address, serves that many connections to their end, and returns.
type Server = fn(Sender<SocketAddr>, usize);

/// Bytes of a message.
pub const MESSAGE: usize = 128;

pub fn run(size: &Size) {
    let servers: &[(&str, Server)] = &[
        ("our door", ring::serve),
        ("our door, park", ring::serve_parking),
        ("our executor", tasks::serve),
        #[cfg(feature = "peers")]
        ("mio (epoll)", peers::serve_mio),
        #[cfg(feature = "peers")]
        ("tokio", peers::serve_tokio),
        #[cfg(feature = "peers")]
        ("glommio", peers::serve_glommio),
    ];
    for (connections, in_flight) in [(32, 16), (32, 1), (1, 1)] {
        let load = Load {
            connections,
            in_flight,
            span: size.span,
        };
        for (name, server) in servers {
            measure(name, *server, &load);
        }
    }
}

fn measure(name: &str, server: Server, load: &Load) {
    let (announce, announced) = channel();
    let connections = load.connections;
    let server = std::thread::spawn(move || -> Duration {
        pin(0);
        let before = thread_cpu();
        server(announce, connections);
        thread_cpu().saturating_sub(before)
    });
    let address = announced.recv().expect("the server announces its address");
    let load = load.clone();
    let client = std::thread::spawn(move || {
        pin(1);
        client::drive(address, &load)
    });
    let mut result = client.join().expect("the client ends");
    let cpu = server.join().expect("the server ends");
    println!(
        "echo     {:>2} x {:<2}  {name:<14}  {:9.0} /s  {:6.2} us CPU  {}",
        result.connections,
        result.in_flight,
        result.messages as f64 / result.elapsed.as_secs_f64(),
        cpu.as_nanos() as f64 / 1000.0 / result.messages.max(1) as f64,
        result.latencies.line()
    );
}
