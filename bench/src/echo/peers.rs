//! The same echo server on mio (epoll), tokio and glommio.
//!
//! Room:       `bench::echo`, with the feature `peers`.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

const BUFFER: usize = 16 * 1024;

pub fn serve_mio(announce: Sender<SocketAddr>, connections_max: usize) {
    use mio::net::{TcpListener, TcpStream};
    use mio::{Events, Interest, Poll, Token};
    let mut poll = Poll::new().expect("epoll is there");
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    announce
        .send(listener.local_addr().expect("it is bound"))
        .expect("somebody wants to know");
    let accepts = Token(usize::MAX);
    poll.registry()
        .register(&mut listener, accepts, Interest::READABLE)
        .expect("registered");
    let mut connections: Vec<TcpStream> = Vec::new();
    let mut events = Events::with_capacity(256);
    let mut buffer = vec![0; BUFFER];
    let mut closed = 0;
    while closed < connections_max {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other.expect("epoll waits"),
        }
        for event in &events {
            if event.token() == accepts {
                while let Ok((mut stream, _)) = listener.accept() {
                    let _ = stream.set_nodelay(true);
                    let token = Token(connections.len());
                    let readable = Interest::READABLE;
                    poll.registry()
                        .register(&mut stream, token, readable)
                        .expect("registered");
                    connections.push(stream);
                }
                continue;
            }
            let stream = &mut connections[event.token().0];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => {
                        closed += 1;
                        let _ = poll.registry().deregister(stream);
                        break;
                    }
                    Ok(count) => {
                        // A few KiB in flight never fill a socket's send buffer.
                        let _ = stream.write_all(&buffer[..count]);
                        if count < buffer.len() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => {
                        closed += 1;
                        let _ = poll.registry().deregister(stream);
                        break;
                    }
                }
            }
        }
    }
}

pub fn serve_tokio(announce: Sender<SocketAddr>, connections: usize) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::runtime::Builder;
    let runtime = Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        announce
            .send(listener.local_addr().expect("it is bound"))
            .expect("somebody wants to know");
        let mut tasks = Vec::new();
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let _ = stream.set_nodelay(true);
            tasks.push(tokio::spawn(async move {
                let mut buffer = vec![0; BUFFER];
                while let Ok(count) = stream.read(&mut buffer).await {
                    if count == 0 || stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            }));
        }
        for task in tasks {
            let _ = task.await;
        }
    });
}

pub fn serve_glommio(announce: Sender<SocketAddr>, connections: usize) {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    use glommio::net::TcpListener;
    let executor = glommio::LocalExecutorBuilder::default()
        .make()
        .expect("an executor");
    executor.run(async move {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        announce
            .send(listener.local_addr().expect("it is bound"))
            .expect("somebody wants to know");
        let mut tasks = Vec::new();
        for _ in 0..connections {
            let mut stream = listener.accept().await.expect("a client");
            let _ = stream.set_nodelay(true);
            tasks.push(glommio::spawn_local(async move {
                let mut buffer = vec![0; BUFFER];
                while let Ok(count) = stream.read(&mut buffer).await {
                    if count == 0 || stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            }));
        }
        for task in tasks {
            task.await;
        }
    });
}
