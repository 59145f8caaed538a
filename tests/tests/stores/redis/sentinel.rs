//! A master, its replica, and a sentinel that promotes the replica when the master dies.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use countersign::Token;
use countersign_tests::servers::{Process, Redis};
use redis::sentinel::{SentinelClient, SentinelServerType};
use tempfile::TempDir;

use super::*;
use crate::keys::key;

struct Watched {
    master: Redis,
    replica: Redis,
    sentinel: SocketAddr,
    _process: Process,
    _directory: TempDir,
}

impl Watched {
    fn store(&self) -> RedisStore {
        let client = SentinelClient::build(
            vec![format!("redis://{}/", self.sentinel)],
            "shop",
            None,
            SentinelServerType::Master,
        );
        patient(RedisStore::new(client.unwrap()).unwrap())
    }
}

fn start() -> Option<Watched> {
    let master = Redis::with(&["--repl-diskless-sync-delay", "0"])?;
    let port = master.address().port().to_string();
    let replica = Redis::with(&["--replicaof", &format!("127.0.0.1 {port}")])?;
    until("a replica", || {
        asked::<String>(&replica, &["INFO", "replication"]).contains("master_link_status:up")
    });
    let directory = TempDir::new().unwrap();
    let config = directory.path().join("sentinel.conf");
    let sentinel = free_address();
    let settings = format!(
        "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor shop 127.0.0.1 {port} 1\n\
         sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 5000\n",
        sentinel.port(),
        directory.path().display(),
    );
    fs::write(&config, settings).unwrap();
    let mut command = Command::new("redis-server");
    command.arg(&config).arg("--sentinel").stdout(Stdio::null());
    let process = Process::start(&mut command);
    until("a sentinel", || TcpStream::connect(sentinel).is_ok());
    let client = Client::open(format!("redis://{sentinel}/")).unwrap();
    until("a sentinel that knows both", || {
        let mut look = client.get_connection().unwrap();
        let mut question = redis::cmd("INFO");
        let info: String = question.arg("sentinel").query(&mut look).unwrap();
        info.contains("status=ok") && info.contains("slaves=1")
    });
    Some(Watched {
        master,
        replica,
        sentinel,
        _process: process,
        _directory: directory,
    })
}

#[tokio::test]
async fn a_failover_is_followed() {
    let Some(mut watched) = start() else { return };
    let store = watched.store();
    let (done, keys, token) = ([key("done")], [key("event")], Token::random());
    commit(&store, &done, token).await;
    // Nothing has to be lost here, so that what is left can be looked for.
    let is_there = || asked::<usize>(&watched.replica, &["DBSIZE"]) == 1;
    until("the commit on the replica", is_there);
    watched.master.process().kill();
    assert_eq!(until_claimed(&store, &keys, token).await, acquired(&keys));
    assert_eq!(asked::<usize>(&watched.replica, &["DBSIZE"]), 2);
    assert_eq!(claim(&store, &done, token).await, committed());
}
