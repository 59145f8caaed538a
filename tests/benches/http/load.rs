//! Over loopback, on connections that are kept.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::client::{Answer, exchange};
use crate::deliveries::{Delivery, head};
use crate::measure::runtime;
use crate::servers::{Framework, Server};
use crate::traffic::{Kind, SIZES, Traffic, Who};

/// How many connections are kept to a server.
const CONNECTIONS: usize = 8;

/// How many bytes are made in advance for one turn of a server, and how many requests at most.
const TURN: usize = 80 << 20;
const REQUESTS: usize = 4000;

/// How many turns each server has.
const TURNS: usize = 10;

/// The rows of a table. The first two are the same server twice, which says what a difference is worth.
const ROWS: [(&str, Who); 4] = [
    ("countersign", Who::Countersign),
    ("countersign again", Who::Countersign),
    ("by hand", Who::ByHand),
    ("no check", Who::Nobody),
];

pub(crate) fn print(quick: bool) {
    println!(
        "\n| over loopback | | | | requests/s | CPU a request | p50 | p99 | lost connections |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for framework in Framework::ALL {
        for kind in Kind::ALL {
            for (length, size) in SIZES {
                let names = [framework.name(), kind.name(), size];
                table(names, measured(framework, kind, length, quick));
            }
        }
    }
}

/// What was seen of one server.
#[derive(Default)]
struct Seen {
    /// From sending a request to having its answer.
    times: Vec<Duration>,
    /// Of all turns.
    elapsed: Duration,
    cpu: Duration,
    /// Connections that broke or were closed.
    lost: usize,
}

fn measured(framework: Framework, kind: Kind, length: usize, quick: bool) -> [Seen; ROWS.len()] {
    let (turns, count) = match quick {
        true => (1, (TURN / 4 / length).clamp(1, 100)),
        false => (TURNS, (TURN / length).clamp(1, REQUESTS)),
    };
    let servers = ROWS.map(|(_, who)| (who, Server::start(framework, who)));
    let mut seen = ROWS.map(|_| Seen::default());
    let traffic = Traffic::new(kind, length);
    // Of duplicates the first is none.
    let first = traffic.take(1);
    for (who, server) in &servers {
        turn(server, kind.status(*who), &first, &mut Seen::default());
    }
    for _ in 0..turns {
        let deliveries = traffic.take(count);
        for ((who, server), seen) in servers.iter().zip(&mut seen) {
            turn(server, kind.status(*who), &deliveries, seen);
        }
    }
    seen
}

/// Sends the deliveries to a server, on all connections at once.
fn turn(server: &Server, status: u16, deliveries: &[Delivery], seen: &mut Seen) {
    let waiting: VecDeque<(String, &Delivery)> = (deliveries.iter())
        .map(|delivery| (head(delivery), delivery))
        .collect();
    let waiting = Mutex::new(waiting);
    let runtime = runtime();
    let (cpu, begun) = (server.cpu_time(), Instant::now());
    let senders = (0..CONNECTIONS).map(|_| sender(server.address, status, &waiting));
    let all = runtime.block_on(futures_util::future::join_all(senders));
    seen.elapsed += begun.elapsed();
    seen.cpu += server.cpu_time() - cpu;
    for (times, lost) in all {
        seen.times.extend(times);
        seen.lost += lost;
    }
}

/// Sends what waits over one connection: how long each answer took, and how often the connection was lost.
async fn sender(
    server: SocketAddr,
    status: u16,
    waiting: &Mutex<VecDeque<(String, &Delivery)>>,
) -> (Vec<Duration>, usize) {
    let (mut times, mut lost) = (Vec::new(), 0);
    let mut socket = connected(server).await;
    loop {
        let next = waiting.lock().expect("no panic").pop_front();
        let Some((head, delivery)) = next else {
            return (times, lost);
        };
        let begun = Instant::now();
        let answer = exchange(&mut socket, &head, &delivery.body).await;
        if let Ok(answer) = answer {
            times.push(begun.elapsed());
            assert_eq!(answer.status, status);
        }
        if !matches!(answer, Ok(Answer { keeps: true, .. })) {
            lost += 1;
            socket = connected(server).await;
        }
    }
}

async fn connected(server: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(server).await.expect("connected");
    // Head and body are written one after the other.
    socket.set_nodelay(true).expect("an option");
    socket
}

fn table([framework, kind, size]: [&str; 3], seen: [Seen; ROWS.len()]) {
    for ((name, _), mut seen) in ROWS.iter().zip(seen) {
        seen.times.sort_unstable();
        let count = seen.times.len();
        let micros = |time: Duration| format!("{:.0} µs", time.as_secs_f64() * 1e6);
        let at = |part: usize| {
            micros(
                seen.times
                    .get(count * part / 100)
                    .copied()
                    .unwrap_or_default(),
            )
        };
        println!(
            "| {framework} | {kind} | {size} | {name} | {:.0} | {} | {} | {} | {} |",
            count as f64 / seen.elapsed.as_secs_f64(),
            micros(seen.cpu / count.max(1) as u32),
            at(50),
            at(99),
            seen.lost,
        );
    }
}
