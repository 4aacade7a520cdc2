//! The echo server on our executor: what tasks and futures add to the ring.
//!
//! Room:       `bench::echo`.

use ottla::io::Address;
use ottla::io::uring::{Settings, open_all};
use ottla::runtime::Runtime;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc::Sender;

pub fn serve(announce: Sender<SocketAddr>, connections: usize) {
    let seed = open_all(1, Settings::default())
        .expect("io_uring is there")
        .remove(0);
    let runtime = Runtime::new(Box::new(seed.open().expect("io_uring is there")));
    let closed = Rc::new(Cell::new(0));
    let tasks = runtime.clone();
    runtime.spawn(async move {
        let any = Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut listener = tasks.listen(any, 64).await.expect("a free port");
        if let Address::Tcp(address) = listener.address {
            announce.send(address).expect("somebody wants to know");
        }
        for _ in 0..connections {
            let (socket, _) = listener.accept().await.expect("a client");
            let closed = closed.clone();
            let runtime = tasks.clone();
            tasks.spawn(async move {
                let mut receiver = socket.receiver();
                while let Ok(slice) = receiver.next().await {
                    if slice.is_empty() || socket.send(vec![slice]).await.is_err() {
                        break;
                    }
                }
                closed.set(closed.get() + 1);
                if closed.get() == connections {
                    runtime.stop();
                }
            });
        }
    });
    runtime.run();
}
