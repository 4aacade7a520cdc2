//! Pages over simulated sockets, and clients that do not take them.
//!
//! Room:       `http`, tests only.

use super::*;
use crate::io::Address;
use crate::sim::World;
use std::future::Future;

/// Runs `test` beside a server that shows its page at `/it`.
fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(Runtime, Address) -> F + 'static) {
    let world = World::new(7);
    world.network(|network| network.faults.piece_bytes_max = 100);
    let runtime = Runtime::new(world.door(world.machine()));
    let inner = runtime.clone();
    runtime.block_on(async move {
        let any = Address::Tcp("127.0.0.1:0".parse().expect("an address"));
        let listener = inner.listen(any, 64).await.expect("a free port");
        let address = listener.address.clone();
        inner.spawn(serve(inner.clone(), listener, async |path: &str| {
            let page = Page {
                content_type: "text/plain",
                body: "x".repeat(BODY_BYTES),
            };
            (path == "/it").then_some(page).ok_or(Status::NotFound)
        }));
        test(inner.clone(), address).await;
    });
    runtime.abandon();
}

/// More than a socket holds.
const BODY_BYTES: usize = 4 << 20;

/// What comes back for a request, to its end.
pub async fn exchange(runtime: &Runtime, address: &Address, request: &[u8]) -> String {
    let socket = runtime.connect(address.clone()).await.expect("listening");
    let sent = socket.send(vec![Slice::copy_of(request)]).await;
    sent.expect("open");
    let mut receiver = socket.receiver();
    let mut text = Vec::new();
    while let Ok(slice) = receiver.next().await {
        if slice.is_empty() {
            break;
        }
        text.extend_from_slice(&slice);
    }
    String::from_utf8(text).expect("text")
}

#[test]
fn a_page_is_served_by_its_path() {
    run(|runtime, address| async move {
        let page = exchange(&runtime, &address, b"GET /it HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(page.ends_with(&format!("\r\n\r\n{}", "x".repeat(BODY_BYTES))));
        let none = exchange(&runtime, &address, b"GET /other HTTP/1.1\r\n\r\n").await;
        assert!(none.starts_with("HTTP/1.1 404 "), "{none}");
        let long = format!("GET /it HTTP/1.1\r\na: {}", "b".repeat(HEAD_BYTES_MAX));
        let refused = exchange(&runtime, &address, long.as_bytes()).await;
        assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    });
}

#[test]
fn who_is_silent_or_deaf_is_cut() {
    run(|runtime, address| async move {
        let mut idle = Vec::new();
        for number in 0..CONNECTIONS_MAX {
            let socket = runtime.connect(address.clone()).await.expect("listening");
            if number % 2 == 0 {
                let whole = Slice::copy_of(b"GET /it HTTP/1.1\r\n\r\n");
                socket.send(vec![whole]).await.expect("open");
            }
            idle.push(socket);
        }
        let began = runtime.now();
        let full = exchange(&runtime, &address, b"").await;
        assert_eq!(full, "");
        let closed_after = runtime.now().since(began);
        assert!(
            closed_after < ASKING_TIME / 2,
            "one too many is closed at once"
        );
        runtime.sleep(TAKING_TIME * 2).await;
        let page = exchange(&runtime, &address, b"GET /it HTTP/1.1\r\n\r\n").await;
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"));
    });
}
