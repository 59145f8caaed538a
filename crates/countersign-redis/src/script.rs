//! The four scripts: each is one call of the store, carried out whole or not at all.
//!
//! Redis 7 could claim one id by `SET NX GET PX`, and a batch by such commands under `MULTI`. But that
//! neither takes over an expired claim that is kept for its run, nor tells how long another's lease still
//! runs, nor leaves a batch alone if one of its ids is held; and an older server would need another way.

use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use sha1::{Digest, Sha1};

use crate::server::Server;

pub(crate) static CLAIM: Script = Script {
    source: include_str!("scripts/claim.lua"),
    name: LazyLock::new(|| sha1(CLAIM.source)),
    takes_payloads: true,
};
pub(crate) static COMMIT: Script = Script {
    source: include_str!("scripts/commit.lua"),
    name: LazyLock::new(|| sha1(COMMIT.source)),
    takes_payloads: true,
};
pub(crate) static RENEW: Script = Script {
    source: include_str!("scripts/renew.lua"),
    name: LazyLock::new(|| sha1(RENEW.source)),
    takes_payloads: false,
};
pub(crate) static RELEASE: Script = Script {
    source: include_str!("scripts/release.lua"),
    name: LazyLock::new(|| sha1(RELEASE.source)),
    takes_payloads: false,
};

/// A script, and the name under which a server knows one that it has run before.
pub(crate) struct Script {
    source: &'static str,
    name: LazyLock<String>,
    takes_payloads: bool,
}

impl Script {
    /// Whether its last arguments are the committed entries of the ids.
    pub(crate) fn takes_payloads(&self) -> bool {
        self.takes_payloads
    }

    /// Runs it by its name: one round trip, but for the first one on a server, which does not know the
    /// name yet (nor after a restart, a failover or `SCRIPT FLUSH`).
    pub(crate) async fn run(
        &self,
        server: &Server,
        ids: &[&[u8]],
        arguments: &[&[u8]],
    ) -> RedisResult<Value> {
        let known = call("EVALSHA", &self.name, ids, arguments);
        let mut answer = server.ask(known).await;
        if answer
            .as_ref()
            .is_err_and(|error| is(error, ServerErrorKind::NoScript))
        {
            let unknown = call("EVAL", self.source, ids, arguments);
            answer = server.ask(unknown).await;
        }
        // Ids of several slots are no failure, but another way to go.
        server.tell(answer.as_ref().err().filter(|error| !is_cross_slot(error)));
        answer
    }
}

fn call(command: &str, script: &str, ids: &[&[u8]], arguments: &[&[u8]]) -> Cmd {
    let mut call = redis::cmd(command);
    call.arg(script).arg(ids.len()).arg(ids).arg(arguments);
    call
}

fn sha1(source: &str) -> String {
    hex::encode(Sha1::digest(source))
}

/// Whether the ids are of several slots of a cluster; nothing was done then.
pub(crate) fn is_cross_slot(error: &RedisError) -> bool {
    is(error, ServerErrorKind::CrossSlot)
}

/// Whether the server has reached its `maxmemory` and evicts nothing; nothing was done then, since a
/// script is not stopped once it has written.
pub(crate) fn is_full(error: &RedisError) -> bool {
    error.code() == Some("OOM") || is_wrapped(error, "-OOM ")
}

/// Whether the server is a replica; nothing was done then.
pub(crate) fn is_read_only(error: &RedisError) -> bool {
    is(error, ServerErrorKind::ReadOnly) || is_wrapped(error, "-READONLY ")
}

/// Servers older than 7.0 wrap what stops a script into an error of its own.
fn is_wrapped(error: &RedisError, inner: &str) -> bool {
    is(error, ServerErrorKind::ResponseError)
        && error.detail().is_some_and(|detail| detail.contains(inner))
}

fn is(error: &RedisError, kind: ServerErrorKind) -> bool {
    error.kind() == ErrorKind::Server(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `sha1sum`.
    #[test]
    fn a_script_is_known_by_its_digest() {
        assert_eq!(sha1("return 1"), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        assert_eq!(*CLAIM.name, sha1(CLAIM.source));
        assert_eq!(*RELEASE.name, sha1(RELEASE.source));
    }

    fn error(line: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("{line}\r\n").as_bytes());
        value.and_then(Value::extract_error).unwrap_err()
    }

    /// What stops a script, in the words of 7.0 and in those of 6.2.
    #[test]
    fn what_stops_a_script_is_known() {
        let full = [
            "-OOM command not allowed when used memory > 'maxmemory'. script: 9436f1, on @user_script:29.",
            "-ERR Error running script (call to f_9436f1): @user_script:29: @user_script: 29: -OOM command \
             not allowed when used memory > 'maxmemory'. ",
        ];
        let read_only = [
            "-READONLY You can't write against a read only replica. script: 9436f1, on @user_script:29.",
            "-ERR Error running script (call to f_9436f1): @user_script:29: @user_script: 29: -READONLY You \
             can't write against a read only replica. ",
        ];
        for line in full {
            assert!(
                is_full(&error(line)) && !is_read_only(&error(line)),
                "{line}"
            );
        }
        for line in read_only {
            assert!(
                is_read_only(&error(line)) && !is_full(&error(line)),
                "{line}"
            );
        }
        assert!(is_cross_slot(&error(
            "-CROSSSLOT Keys in request don't hash to the same slot"
        )));
    }

    /// Servers have known these since 2.6, so that none needs another way.
    #[test]
    fn scripts_use_old_commands_only() {
        for script in [&CLAIM, &COMMIT, &RENEW, &RELEASE] {
            let mut calls = script.source.split("redis.call('").skip(1);
            assert!(calls.clone().count() > 0);
            assert!(calls.all(|call| {
                let command = call.split('\'').next().unwrap();
                ["GET", "SET", "PTTL", "PEXPIRE", "DEL"].contains(&command)
            }));
        }
    }
}
