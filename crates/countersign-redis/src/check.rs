//! Whether the server is set up to remember.

use std::fmt;

use redis::{ErrorKind, RedisResult, Value};

use crate::server::Server;

/// The policy under which a full server refuses to write instead of forgetting.
const KEEPS_ALL: &str = "noeviction";

/// What [`RedisStore::check`](crate::RedisStore::check) found to be wrong with a server's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The server forgets ids when it has no memory left, and the events of those run again.
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// The server does not let its `maxmemory-policy` be seen.
    PolicyUnknown,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Evicts { policy } => write!(
                f,
                "the server may forget ids, whose events then run again: its maxmemory-policy is \
                 {policy}, and should be {KEEPS_ALL}"
            ),
            Warning::PolicyUnknown => write!(
                f,
                "the server does not show its maxmemory-policy, which should be {KEEPS_ALL}"
            ),
        }
    }
}

/// Asks `INFO`, which managed servers allow where they do not allow `CONFIG`.
pub(crate) async fn check(server: &Server) -> RedisResult<Vec<Warning>> {
    let mut question = redis::cmd("INFO");
    question.arg("memory");
    let answer = match server.ask(question).await {
        Err(error) if matches!(error.kind(), ErrorKind::Server(_)) => Value::Nil,
        answer => answer?,
    };
    let mut policies = Vec::new();
    collect_policies(&answer, &mut policies);
    if policies.is_empty() {
        return Ok(vec![Warning::PolicyUnknown]);
    }
    policies.retain(|policy| policy != KEEPS_ALL);
    policies.sort();
    policies.dedup();
    let warnings = policies.into_iter();
    Ok(warnings.map(|policy| Warning::Evicts { policy }).collect())
}

/// From the text of a server, or of each server of a cluster.
fn collect_policies(answer: &Value, policies: &mut Vec<String>) {
    let mut add = |text: &str| {
        let mut lines = text.lines();
        policies.extend(
            lines.find_map(|line| line.strip_prefix("maxmemory_policy:").map(str::to_owned)),
        );
    };
    match answer {
        Value::BulkString(text) => add(&String::from_utf8_lossy(text)),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => add(text),
        Value::Array(several) => several
            .iter()
            .for_each(|answer| collect_policies(answer, policies)),
        Value::Map(several) => several
            .iter()
            .for_each(|(_, answer)| collect_policies(answer, policies)),
        _ => {}
    }
}
