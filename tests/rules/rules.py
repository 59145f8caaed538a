"""The rules of the claim protocol, each with the change that takes it out of the real code.

A rule is `Rule(name, Edit(file, old, new), …)`. `old` has to stand in `file` exactly once. The new
text only has to compile: what it does is what the receiver or the store would do without the rule.
"""

from dataclasses import dataclass

RECEIVER = "crates/countersign/src/receiver/"
DEDUPE = "crates/countersign/src/dedupe/"
CUE_STORE = "crates/countersign-testkit/src/store.rs"
REGISTER = "crates/countersign-testkit/src/store/register.rs"


@dataclass(frozen=True)
class Edit:
    file: str
    old: str
    new: str


class Rule:
    def __init__(self, name: str, *edits: Edit):
        self.name = name
        self.edits = edits


def receiver(file: str, old: str, new: str) -> Edit:
    return Edit(RECEIVER + file + ".rs", old, new)


def dedupe(file: str, old: str, new: str) -> Edit:
    return Edit(DEDUPE + file + ".rs", old, new)


def register(old: str, new: str) -> Edit:
    return Edit(REGISTER, old, new)


ANSWERS = [
    Rule(
        "never 2xx while another run is in progress",
        receiver("admission", 'Answer::verified(StatusCode::CONFLICT, "in-progress")',
                 'Answer::verified(StatusCode::OK, "in-progress")'),
    ),
    Rule(
        "a duplicate waits before it is answered 409",
        receiver("admission", "if left.is_zero() {", "if !left.is_zero() {"),
    ),
    Rule(
        "who has waited looks once more",
        receiver("admission", "        gate.clock.sleep(nap).await;\n        true",
                 "        gate.clock.sleep(nap).await;\n        gate.clock.monotonic() < waiting.until"),
    ),
    Rule(
        "a waiter takes over a lease that runs out",
        receiver("admission", "waiting.next.min(left).min(lease_left)",
                 "waiting.next.min(left.min(lease_left.max(left)))"),
    ),
    Rule(
        "at most 16 wait for one run",
        receiver("limits", "if *of_key >= limit_a_key {", "if *of_key >= limit_a_key + limit {"),
    ),
    Rule(
        "409 names what is left of the lease",
        receiver("admission", "Some(left) => left.as_secs() + u64::from(left.subsec_nanos() > 0),",
                 "Some(_) => RETRY_AFTER,"),
    ),
    Rule(
        "409 names 5 s where leases do not expire",
        receiver("admission", "        None => RETRY_AFTER,", "        None => 30,"),
    ),
    Rule(
        "503 names a time to come again",
        receiver("gate",
                 "    pub(crate) fn refusal(kind: ErrorKind) -> Answer {\n"
                 "        let status = kind.status();\n"
                 "        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);",
                 "    pub(crate) fn refusal(kind: ErrorKind) -> Answer {\n"
                 "        let status = kind.status();\n"
                 "        let retry_after = None;"),
    ),
    Rule(
        "a committed duplicate is answered 200",
        receiver("admission", 'Answer::verified(StatusCode::OK, "duplicate")',
                 'Answer::verified(StatusCode::INTERNAL_SERVER_ERROR, "duplicate")'),
    ),
    Rule(
        "an empty batch is answered 200",
        receiver("admission", 'Err(Answer::verified(StatusCode::OK, "ignored"))',
                 'Err(Answer::verified(StatusCode::BAD_REQUEST, "ignored"))'),
    ),
    Rule(
        "a store that cannot be reached fails closed",
        receiver("admission", "Some(Err(_)) | None if gate.config.fail_open => {",
                 "Some(Err(_)) | None if !gate.config.fail_open => {"),
    ),
    Rule(
        "runs at once are capped",
        receiver("limits", "if self.runs.fetch_add(1, Ordering::SeqCst) >= limit {",
                 "if self.runs.fetch_add(1, Ordering::SeqCst) >= limit + 1024 {"),
    ),
    Rule(
        "the cap is checked before the claim",
        receiver("admission",
                 "                let place = self.place()?;",
                 "                let claimed = gate.claim(&self.run.keys, token).await;\n"
                 "                let place = self.place()?;"),
        receiver("admission", "            match gate.claim(&self.run.keys, token).await {",
                 "            match claimed {"),
    ),
    Rule(
        "a forged delivery reaches no store",
        Edit("crates/countersign/src/scheme/hmac.rs",
             "matched.ok_or(Error::new(ErrorKind::SignatureMismatch))", "Ok(matched.unwrap_or(0))"),
    ),
    Rule(
        "an event is named by its endpoint and its id",
        dedupe("mod", "        hash.update((endpoint.len() as u64).to_le_bytes());\n"
               "        hash.update(endpoint.as_bytes());\n", "        let _ = endpoint;\n"),
    ),
    Rule(
        "another payload under a committed id is flagged",
        receiver("admission",
                 "self.note_differing(differing);", "let _ = differing;"),
    ),
]

RUNS = [
    Rule(
        "2xx commits",
        receiver("run", "                state.settle(success).await;",
                 "                state.settle(false).await;"),
    ),
    Rule(
        "anything else releases",
        receiver("run", "let success = status.is_success() || also.as_ref().is_some_and(|also| also(status));",
                 "let success = true || also.is_some();"),
    ),
    Rule(
        "a predicate may commit an answer that is not 2xx",
        receiver("run", "let success = status.is_success() || also.as_ref().is_some_and(|also| also(status));",
                 "let success = status.is_success() && also.is_some();"),
    ),
    Rule(
        "no predicate releases a 2xx",
        receiver("run", "let success = status.is_success() || also.as_ref().is_some_and(|also| also(status));",
                 "let success = also.as_ref().map_or(status.is_success(), |also| also(status));"),
    ),
    Rule(
        "a panic is caught",
        receiver("run", "match catch_unwind(AssertUnwindSafe(poll)) {",
                 "match Ok::<_, ()>(poll()) {"),
    ),
    Rule(
        "a panic releases",
        receiver("run", "            Ended::Panicked => {\n                state.settle(false).await;",
                 "            Ended::Panicked => {\n                state.settle(true).await;"),
    ),
    Rule(
        "a panic is answered 500",
        receiver("run", "                let status = StatusCode::INTERNAL_SERVER_ERROR;\n",
                 "                let status = StatusCode::OK;\n"),
    ),
    Rule(
        "a run that never began is released",
        receiver("run", "        self.state.settle_later();\n", ""),
    ),
    Rule(
        "the handler outlives a sender that hangs up",
        receiver("connection", "    fn drop(&mut self) {\n        self.detach();",
                 "    fn drop(&mut self) {"),
    ),
    Rule(
        "past the answer deadline the sender is answered",
        receiver("connection", "if deadline.as_mut().poll(cx).is_pending() {",
                 "if deadline.as_mut().poll(cx).is_pending() || !deadline.as_mut().poll(cx).is_pending() {"),
    ),
    Rule(
        "past the answer deadline the handler runs on",
        receiver("connection", "        self.detach();\n        Poll::Ready(Err(answer))",
                 "        self.task = None;\n        Poll::Ready(Err(answer))"),
    ),
    Rule(
        "the handler has until max_run",
        receiver("keeper", "        if age >= config.max_run {", "        if age >= config.answer_deadline {"),
    ),
    Rule(
        "at max_run it is stopped",
        receiver("keeper", "            run.stop.give();\n", ""),
    ),
    Rule(
        "one that had finished when it was to be stopped is settled by its answer",
        receiver("run", "let poll = || handler.poll(cx);",
                 "let poll = || match run.state.stop.is_given() {\n"
                 "                    true => Poll::Pending,\n"
                 "                    false => handler.poll(cx),\n"
                 "                };"),
    ),
    Rule(
        "one that is stopped is joined before its release",
        receiver("keeper", "            run.stop.give();\n",
                 "            run.stop.give();\n            run.settle_later();\n"),
    ),
    Rule(
        "one that is stopped is released",
        receiver("run", "            Ended::Stopped => {\n                state.settle(false).await;",
                 "            Ended::Stopped => {\n                state.settle(true).await;"),
    ),
    Rule(
        "one that is stopped is reported as timed out",
        receiver("run", "Outcome::HandlerTimedOut,", "Outcome::HandlerFailed,"),
    ),
    Rule(
        "one that cannot be joined is renewed no longer",
        receiver("keeper", "if !held.is_empty() && !run.is_given_up() {", "if !held.is_empty() {"),
    ),
    Rule(
        "one that cannot be joined is released where leases do not expire",
        receiver("state", "&& !gate.config.store.leases_expire()", "&& false"),
    ),
    Rule(
        "one that cannot be joined is reported",
        receiver("state", "        self.track.noticed(Outcome::HandlerStuck, &self.names, true);\n", ""),
    ),
]

SETTLING = [
    Rule(
        "the lease is renewed",
        receiver("keeper", "if run.is_renewal_due(now) {", "if run.is_renewal_due(now) && false {"),
    ),
    Rule(
        "the lease is renewed in time",
        receiver("state", ">= config.lease / 3;", ">= config.lease;"),
    ),
    Rule(
        "a handler that answered at once is watched while its commit is retried",
        receiver("settle", "        self.watch();\n", ""),
    ),
    Rule(
        "a run stays watched while its commit is retried",
        receiver("state",
                 "            .any(|(_, mark)| matches!(mark, Mark::Held | Mark::Committing));",
                 "            .any(|(_, mark)| matches!(mark, Mark::Held));"),
    ),
    Rule(
        "the lease is renewed while the commit is retried",
        receiver("keeper", "if !committing.is_empty() {", "if false {"),
    ),
    Rule(
        "a commit that landed unheard is no lost lease",
        receiver("keeper", "        renewed &= gate.try_renew(&committing, token).await.is_some();\n",
                 "        let answer = gate.try_renew(&committing, token).await;\n"
                 "        renewed &= answer.is_some();\n"
                 "        if answer == Some(Renewal::Lost) {\n            run.lose();\n        }\n"),
    ),
    Rule(
        "what succeeded is renewed though its handler was given up",
        receiver("keeper", "    if !committing.is_empty() {", "    if !committing.is_empty() && !run.is_given_up() {"),
    ),
    Rule(
        "what succeeded is not released though its handler was given up",
        receiver("state", "                let keys = run.keys(Mark::Held);",
                 "                let keys: Vec<Key> = run.keys(Mark::Held).iter()\n"
                 "                    .chain(&*run.keys(Mark::Committing)).copied().collect();\n"
                 "                let keys: Arc<[Key]> = keys.into();"),
    ),
    Rule(
        "a commit that fails keeps the handler's answer",
        receiver("run", "                state.settle(success).await;",
                 "                state.settle(success).await;\n"
                 "                if success && !state.keys(super::state::Mark::Committing).is_empty() {\n"
                 "                    return Some(state.track.refuse(crate::error::ErrorKind::StoreUnavailable, &state.names));\n"
                 "                }"),
    ),
    Rule(
        "a commit that fails is reported",
        receiver("settle", "                .noticed(Outcome::CommitFailed, &self.names, self.is_detached());",
                 "                .noticed(Outcome::Unidentified, &self.names, self.is_detached());"),
    ),
    Rule(
        "a commit is retried until it lands",
        receiver("settle", "            pause = (pause * 2).min(LAST_PAUSE);\n        }\n    }\n\n"
                 "    pub(crate) async fn release_until_answered",
                 "            if pause >= FIRST_PAUSE {\n                return Commit::Landed;\n            }\n"
                 "            pause = LAST_PAUSE;\n        }\n    }\n\n"
                 "    pub(crate) async fn release_until_answered"),
    ),
    Rule(
        "a commit is retried past the lease",
        receiver("settle", "        let mut pause = FIRST_PAUSE;\n        loop {\n            self.clock.sleep(pause).await;",
                 "        let mut pause = FIRST_PAUSE;\n"
                 "        let end = self.clock.monotonic().saturating_add(self.config.lease);\n"
                 "        loop {\n            if self.clock.monotonic() > end {\n"
                 "                return Commit::Landed;\n            }\n"
                 "            self.clock.sleep(pause).await;"),
    ),
    Rule(
        "a commit that failed is retried at all",
        receiver("settle", "            later: Self::commit_later,", "            later: |_, _| {},"),
    ),
    Rule(
        "a release is retried until it is answered",
        receiver("settle", "        while !self.try_release(&keys, token).await {\n",
                 "        while !self.try_release(&keys, token).await && pause < FIRST_PAUSE {\n"),
    ),
    Rule(
        "a release that failed is retried at all",
        receiver("settle", "            later: Self::release_later,", "            later: |_, _| {},"),
    ),
    Rule(
        "a lost lease is told to the handler",
        receiver("state", "            self.lost.give();\n", ""),
    ),
    Rule(
        "a renewal that finds the lease lost is reported",
        receiver("keeper", "if run.keys(Mark::Held) == held => run.lose(),",
                 "if run.keys(Mark::Held) == held => {}"),
    ),
    Rule(
        "a commit that finds the lease lost is reported",
        receiver("settle", "            self.lose();\n", ""),
    ),
]

CLAIMS = [
    Rule(
        "a claim that timed out or was dropped goes on",
        receiver("admission",
                 "            self.gate\n                .await_late_claim(call, self.keys.clone(), self.token);",
                 "            drop(call);"),
    ),
    Rule(
        "what such a claim acquired is released",
        receiver("admission",
                 "                    gate.release_until_answered(lease.fresh.into(), token).await;",
                 "                    let _ = lease;"),
    ),
    Rule(
        "one whose answer never comes is released all the same",
        receiver("admission", "Some(Err(_)) | None => gate.release_for_a_lease(keys, token).await,",
                 "Some(Err(_)) | None => {}"),
    ),
    Rule(
        "a claim that failed is released",
        receiver("admission", "            self.undo_claim(keys.clone(), token);\n", ""),
    ),
    Rule(
        "the release of a lost claim is repeated until a lease has passed",
        receiver("settle", "if self.clock.monotonic() >= end && void {",
                 "if answered || self.clock.monotonic() >= end && void {"),
    ),
    Rule(
        "where leases do not expire, the release of a lost claim takes an answer",
        receiver("settle", "let void = answered || self.config.store.leases_expire();",
                 "let void = true || answered;"),
    ),
    Rule(
        "a batch names each event once",
        receiver("admission", "            Entry::Occupied(_) => {}",
                 "            Entry::Occupied(_) => kept.push((key, event.clone())),"),
    ),
    Rule(
        "a batch is claimed in sorted order",
        receiver("admission", "        keys.sort_unstable();\n", "        keys.reverse();\n"),
    ),
    Rule(
        "only fresh events reach the handler",
        receiver("delivery", "            events.retain(|(key, _)| fresh(key));\n",
                 "            events.retain(|(key, _)| fresh(key) || true);\n"),
    ),
    Rule(
        "done(id) commits at once",
        Edit(RECEIVER + "delivery.rs", "        self.run.commit(keys).await;\n        taken",
             "        drop(keys);\n        taken"),
        Edit(RECEIVER + "delivery.rs", "let keys = self.take(id, Mark::Committing);",
             "let keys = self.take(id, Mark::Held);"),
    ),
    Rule(
        "failed(id) releases at once",
        Edit(RECEIVER + "delivery.rs", "        self.run.release(keys).await;\n", ""),
    ),
    Rule(
        "any failed: the sender has to come again",
        receiver("run", "(true, Some(failed)) if status.is_success() => {",
                 "(true, Some(failed)) if !status.is_success() => {"),
    ),
    Rule(
        "what is not marked follows the answer",
        receiver("run", "                state.settle(success).await;",
                 "                state.settle(success && state.failed_status().is_none()).await;"),
    ),
    Rule(
        "a receiver that shuts down takes nothing in",
        receiver("gate", "        self.shared.draining.load(Ordering::SeqCst)",
                 "        self.shared.draining.load(Ordering::SeqCst) && false"),
    ),
    Rule(
        "at a shutdown handlers have until the deadline",
        receiver("gate", "        let end = clock.monotonic().saturating_add(deadline);",
                 "        let end = clock.monotonic().saturating_add(deadline / 16);"),
    ),
    Rule(
        "at a shutdown the rest is stopped",
        receiver("gate", "                run.stop.give();\n", "                let _ = run;\n"),
    ),
    Rule(
        "at a shutdown what is stopped is joined, and only then released",
        receiver("gate", "                run.stop.give();\n",
                 "                run.stop.give();\n                run.settle_later();\n"),
    ),
    Rule(
        "at a shutdown commits finish",
        receiver("gate", "self.shared.runs() == 0 && self.shared.jobs.is_empty()",
                 "self.shared.runs() == 0"),
    ),
]

STORES = [
    Rule(
        "a lease keeps others out",
        register("} if holder != token && now < until => {", "} if holder != token && now > until => {"),
    ),
    Rule(
        "a lease that has run out is free",
        register("} if holder != token && now < until => {", "} if holder != token && now < until.saturating_add(until) => {"),
    ),
    Rule(
        "a committed event is not run again",
        register("                Standing::Committed { .. } => {}",
                 "                Standing::Committed { .. } => fresh.push(at),"),
    ),
    Rule(
        "a batch claims all fresh keys or none",
        register("        if let Some(longest) = longest {\n            return Claimed::Busy { longest };\n        }\n",
                 ""),
        register("        Claimed::Settled { fresh, differing }\n    }\n\n    pub(super) fn commit",
                 "        if let Some(longest) = longest {\n            return Claimed::Busy { longest };\n        }\n"
                 "        Claimed::Settled { fresh, differing }\n    }\n\n    pub(super) fn commit"),
    ),
    Rule(
        "a commit lands over another token's entry",
        register("                    outcome = Commit::LostLease;\n",
                 "                    outcome = Commit::LostLease;\n                    continue;\n"),
    ),
    Rule(
        "a commit lands over an entry that has run out",
        register("                _ => {}\n            }\n            self.put(\n                id,\n                Standing::Committed",
                 "                Some(Standing::Held { until, .. }) if until <= now => continue,\n"
                 "                _ => {}\n            }\n            self.put(\n                id,\n                Standing::Committed"),
    ),
    Rule(
        "a commit lands over an absent entry",
        register("                _ => {}\n            }\n            self.put(\n                id,\n                Standing::Committed",
                 "                None => continue,\n"
                 "                _ => {}\n            }\n            self.put(\n                id,\n                Standing::Committed"),
    ),
    Rule(
        "a commit over another token's entry is told",
        register("                    outcome = Commit::LostLease;\n",
                 "                    outcome = Commit::Landed;\n"),
    ),
    Rule(
        "a second commit does not extend the retention",
        register("Some(Standing::Committed { .. }) => continue,",
                 "Some(Standing::Committed { .. }) => {}"),
    ),
    Rule(
        "a duplicate does not extend the retention",
        register("        if let Some(longest) = longest {",
                 "        for id in ids {\n"
                 "            if let Some(Entry { standing: Standing::Committed { until }, .. }) =\n"
                 "                self.entries.get_mut(&id.bytes)\n"
                 "            {\n"
                 "                *until = now.saturating_add(lease.saturating_mul(9999));\n"
                 "            }\n"
                 "        }\n"
                 "        if let Some(longest) = longest {"),
    ),
    Rule(
        "retention counts from the commit",
        register("                    until: now.saturating_add(retention),",
                 "                    until: match self.entries.get(&id.bytes).map(|entry| entry.standing) {\n"
                 "                        Some(Standing::Held { until, .. }) => until.saturating_add(retention),\n"
                 "                        _ => now.saturating_add(retention),\n"
                 "                    },"),
    ),
    Rule(
        "a release needs the live token",
        register("Some(Standing::Held { token: holder, .. }) if holder == token)",
                 "Some(Standing::Held { token: holder, .. }) if holder == token || holder != token)"),
    ),
    Rule(
        "a release never touches a committed entry",
        register("if matches!(standing, Some(Standing::Held { token: holder, .. }) if holder == token) {",
                 "if matches!(standing, Some(Standing::Held { token: holder, .. }) if holder == token)\n"
                 "                || matches!(standing, Some(Standing::Committed { .. }))\n            {"),
    ),
    Rule(
        "a renewal needs the live token",
        register("                }) if *holder == token => {", "                }) if *holder == token || *holder != token => {"),
    ),
    Rule(
        "a renewal makes no entry",
        register("                _ => outcome = Renewal::Lost,",
                 "                None => self.put(\n                    id,\n                    Standing::Held {\n"
                 "                        token,\n                        until: now.saturating_add(lease),\n"
                 "                    },\n                ),\n                _ => outcome = Renewal::Lost,"),
    ),
    Rule(
        "a renewal takes one's own entry back that has run out untaken",
        register("                }) if *holder == token => {", "                }) if *holder == token && now < *until => {"),
    ),
    Rule(
        "leases and retention do not run by the wall clock",
        Edit(CUE_STORE, "            let mut state = self.state();\n            let now = self.clock.monotonic();\n            match",
             "            let mut state = self.state();\n"
             "            let now = Duration::from_millis((self.clock.now().as_millis() - 1_700_000_000_000) as u64);\n"
             "            match"),
    ),
    Rule(
        "the memory store's retention does not run by the wall clock",
        dedupe("moment", "            Time::Brought(clock) => clock.monotonic(),",
               "            Time::Brought(clock) => std::time::Duration::from_millis(clock.now().as_millis() as u64),"),
    ),
    Rule(
        "the memory store: a claim keeps others out",
        dedupe("memory", "                Some(holder) if *holder != token => {",
               "                Some(holder) if *holder != token && fresh.len() > keys.len() => {"),
    ),
    Rule(
        "the memory store: a commit is remembered",
        dedupe("memory", "            if self.remembered(id, now).is_none() {",
               "            if self.remembered(id, now).is_some() {"),
    ),
    Rule(
        "the memory store: a release needs the live token",
        dedupe("memory", "            if self.running.get(&id) == Some(&token) {",
               "            if self.running.get(&id) != Some(&token) {"),
    ),
]

RULES = ANSWERS + RUNS + SETTLING + CLAIMS + STORES
