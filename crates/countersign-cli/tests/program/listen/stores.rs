//! `--store`: what outlives the program, and what several of it share.

use std::collections::{HashMap, HashSet};
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::provider;
use countersign_tests::servers::{Postgres, Redis};

use super::stage::{Listener, Target, event, signed};
use crate::run::run_with_stdin;

/// A body holds an id, and nothing else that is quoted twice.
fn id_of(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["id"].as_str().unwrap().to_owned()
}

/// How often each event was forwarded.
fn runs(target: &Target) -> HashMap<String, usize> {
    let mut runs = HashMap::new();
    for taken in target.taken() {
        *runs.entry(id_of(&taken.body)).or_default() += 1;
    }
    runs
}

/// 50 events, each delivered 20 times, at random to four programs on one store.
fn four_share(store: &str) {
    const EVENTS: usize = 50;
    let target = Target::answering(&[200]);
    let (to, args) = (target.url("/"), ["--store", store, "--forward"]);
    let listeners: Vec<Listener> = (0..4)
        .map(|_| Listener::start("fedapay", &[&args[..], &[&to]].concat()))
        .collect();
    let requests: Vec<_> = (0..EVENTS)
        .map(|number| signed(&provider::fedapay(), &event(&format!("e{number}"))))
        .collect();
    let deliveries: Vec<(usize, usize)> = (0..EVENTS * 20)
        .map(|at| {
            // A multiplier that has no factor in common with the number of deliveries mixes them all.
            let mixed = at * 617 % (EVENTS * 20);
            (mixed % EVENTS, mixed * 7 / EVENTS % 4)
        })
        .collect();
    let (next, statuses) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some((number, to)) = deliveries.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let status = listeners[*to].send(&requests[*number]).status;
                    statuses.lock().unwrap().push(status);
                }
            });
        }
    });
    let statuses = statuses.into_inner().unwrap();
    let unexpected = statuses
        .iter()
        .filter(|status| ![200, 409].contains(*status));
    assert_eq!((statuses.len(), unexpected.count()), (EVENTS * 20, 0));
    let runs = runs(&target);
    assert_eq!(runs.len(), EVENTS);
    assert!(runs.values().all(|runs| *runs == 1), "{runs:?}");
    for listener in listeners {
        let lines = listener.stop("TERM");
        let delivered = lines.iter().filter(|line| line["outcome"] == "delivered");
        assert!(delivered.count() > 0, "one of the four had nothing to do");
    }
}

#[test]
fn four_programs_share_one_redis() {
    if let Some(redis) = Redis::start() {
        four_share(&redis.url());
    }
}

#[test]
fn four_programs_share_one_postgres() {
    if let Some(database) = Postgres::database() {
        four_share(&database.url);
    }
}

#[test]
fn a_program_on_sqlite_that_is_killed_forgets_nothing_it_had_answered() {
    const EVENTS: usize = 400;
    let directory = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", directory.path().join("events.db").display());
    let target = Target::answering(&[200]);
    let to = target.url("/");
    let args = ["--store", &store, "--forward", &to, "--lease", "2"];
    let mut listener = Some(Listener::start("fedapay", &args));
    let answered = Mutex::new(HashSet::new());
    let next = AtomicUsize::new(0);
    let address = listener.as_ref().unwrap().address;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let id = format!("e{number}");
                    let request = signed(&provider::fedapay(), &event(&id));
                    match request.try_send(address) {
                        Some(200) if number < EVENTS => {
                            answered.lock().unwrap().insert(id);
                        }
                        _ => return,
                    }
                }
            });
        }
        // In the middle of them.
        target.wait_for(50);
        let status = listener.take().unwrap().kill();
        assert_eq!(status.signal(), Some(9));
    });
    let answered = answered.into_inner().unwrap();
    assert!((1..EVENTS).contains(&answered.len()), "{}", answered.len());
    let before = runs(&target);
    assert!(answered.iter().all(|id| before[id] == 1));

    let restarted = Listener::start("fedapay", &args);
    for id in &answered {
        let again = restarted.send(&signed(&provider::fedapay(), &event(id)));
        assert_eq!(again.status, 200);
        assert!(again.head.contains("webhook-outcome: duplicate"), "{id}");
    }
    assert_eq!(runs(&target), before, "nothing that was answered ran again");
}

#[test]
fn a_store_that_comes_late_is_waited_for() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    redis.process().kill();
    let url = redis.url().replace("redis://", "redis://:passw0rd@");
    let listener = Listener::start("fedapay", &["--store", &redis.url()]);
    let request = signed(&provider::fedapay(), &event("a"));
    assert_eq!(listener.send(&request).status, 503);
    assert_eq!(listener.line()["outcome"], "store_unavailable");
    redis.restart();
    while listener.send(&request).status == 503 {
        std::thread::yield_now();
    }
    assert_eq!(listener.send(&request).status, 200);
    listener.stop("TERM");

    // A password that is refused is a store that is not there, and is not shown.
    let listener = Listener::start("fedapay", &["--store", &url]);
    assert_eq!(listener.send(&request).status, 503);
    for line in listener.raw_lines_until_stopped() {
        assert!(!line.contains("passw0rd"), "{line}");
    }
}

#[test]
fn a_table_is_made_once_postgres_is_there() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let database = server.new_database();
    server.process().kill();
    let listener = Listener::start("fedapay", &["--store", &database.url]);
    let request = signed(&provider::fedapay(), &event("a"));
    assert_eq!(listener.send(&request).status, 503);
    server.restart();
    while listener.send(&request).status == 503 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(listener.send(&request).head.contains("duplicate"));
}

/// S40
#[test]
fn what_an_id_holds_harms_neither_the_target_nor_the_store() {
    let Some(redis) = Redis::start() else { return };
    let target = Target::answering(&[200]);
    let to = target.url("/");
    let listener = Listener::start("fedapay", &["--store", &redis.url(), "--forward", &to]);
    let ids = [
        "a\r\nX-Evil: 1\r\n\r\nGET / HTTP/1.1",
        "\u{1b}[2J\u{7}",
        "{tag}",
        "*",
        "\u{0}",
        &"x".repeat(5000),
    ];
    for id in ids {
        let body = serde_json::json!({"id": id, "name": "transaction.approved"}).to_string();
        let request = signed(&provider::fedapay(), &body);
        assert_eq!(listener.send(&request).status, 200);
        let again = listener.send(&request);
        assert!(again.head.contains("webhook-outcome: duplicate"), "{id:?}");
    }
    let taken = target.taken();
    assert_eq!(taken.len(), ids.len(), "each once");
    for (taken, id) in taken.iter().zip(ids) {
        assert_eq!(id_of(&taken.body), id);
        assert_eq!(taken.line, "POST / HTTP/1.1");
        for (name, value) in &taken.headers {
            let plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            assert!(plain(name) && plain(value), "{name}: {value}");
            assert_ne!(name, "x-evil");
        }
    }
    for line in listener.raw_lines_until_stopped() {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn a_wrong_url_is_exit_2() {
    for store in [
        "sqlite:",
        "sqlite://",
        "sqlite::memory:",
        "redis:",
        "redis://h:99999/",
        "redis://h/not-a-number",
        "postgres://h:port/d",
        "mysql://u:passw0rd@h/",
        "file.db",
        "Memory",
    ] {
        let args = [
            "listen",
            "--provider",
            "4pay",
            "--secret",
            "s3cret-s3cret",
            "--json",
        ];
        let run = run_with_stdin(args.iter().chain(&["--store", store]), b"");
        assert!(!run.stderr.contains("passw0rd"), "{}", run.stderr);
        assert_eq!(run.failure(), "bad_store", "{store}");
    }
}
