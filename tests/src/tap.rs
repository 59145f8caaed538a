//! A tap on the line to a server: counts round trips, and cuts the line or holds it up.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Stands between clients and a server.
pub struct Tap {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    round_trips: AtomicUsize,
    lines: Mutex<Vec<Line>>,
}

/// One connection through the tap.
#[derive(Clone)]
struct Line {
    client: Arc<TcpStream>,
    server: Arc<TcpStream>,
    /// Something was asked, and not answered yet.
    asked: Arc<AtomicBool>,
    /// What comes is read, and goes nowhere.
    dead: Arc<AtomicBool>,
}

impl Tap {
    /// Listens on a free port of the loopback interface, for clients of `server`.
    pub fn before(server: SocketAddr) -> Tap {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let tap = Tap {
            address: listener.local_addr().expect("an address"),
            seen: Arc::default(),
        };
        let seen = tap.seen.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is down hangs up on its clients.
                if let Ok(server) = TcpStream::connect(server) {
                    seen.connections.fetch_add(1, Ordering::SeqCst);
                    join(&seen, client, server);
                }
            }
        });
        tap
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How often a client had to wait for the server: bytes of one that followed upon bytes of the other.
    pub fn round_trips(&self) -> usize {
        self.seen.round_trips.load(Ordering::SeqCst)
    }

    /// Ends all connections that there are.
    pub fn cut(&self) {
        for line in self.lines().drain(..) {
            line.end();
        }
    }

    /// Lets nothing through any more on the connections that there are, and keeps them open: as a peer
    /// does that vanished. New ones are as before.
    pub fn deafen(&self) {
        for line in self.lines().drain(..) {
            line.dead.store(true, Ordering::SeqCst);
        }
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Vec<Line>> {
        self.seen.lines.lock().expect("no panic under it")
    }
}

fn join(seen: &Arc<Seen>, client: TcpStream, server: TcpStream) {
    for socket in [&client, &server] {
        socket.set_nodelay(true).expect("a socket");
    }
    let line = Line {
        client: Arc::new(client),
        server: Arc::new(server),
        asked: Arc::default(),
        dead: Arc::default(),
    };
    seen.lines
        .lock()
        .expect("no panic under it")
        .push(line.clone());
    let (asking, seen) = (line.clone(), seen.clone());
    thread::spawn(move || {
        pump(&asking.client, &asking.server, || {
            if !asking.asked.swap(true, Ordering::SeqCst) {
                seen.round_trips.fetch_add(1, Ordering::SeqCst);
            }
            !asking.dead.load(Ordering::SeqCst)
        });
        asking.end();
    });
    thread::spawn(move || {
        pump(&line.server, &line.client, || {
            line.asked.store(false, Ordering::SeqCst);
            !line.dead.load(Ordering::SeqCst)
        });
        line.end();
    });
}

/// Carries bytes until one of the two is closed; those that `lets` refuses are dropped.
fn pump(mut from: &TcpStream, mut to: &TcpStream, lets: impl Fn() -> bool) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if lets() && to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

impl Line {
    fn end(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}
