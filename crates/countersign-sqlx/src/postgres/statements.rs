//! What is sent to the server, each of it in one message.
//!
//! Rows are written and locked in the order of their keys, so that two batches that overlap wait for
//! each other and never in a circle. The time is `clock_timestamp()`: `now()` would be that of the
//! beginning, before a wait for a lock.
//!
//! Names end in `$` where they stand beside the merchant's table, which may have any other.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Key, ToClaim, Token};

use crate::text::{Dialect, millis};
use crate::{EXPIRED_LEASE_KEPT, SWEPT_BY_A_COMMIT};

/// Whatever the server's settings make of a backslash.
const TEXT: Dialect = Dialect {
    before: "decode('",
    behind: "', 'hex')",
};

/// A key as a row names it. Of bytes as they are, a server shows what its `bytea_output` says.
const KEY: &str = "encode(key, 'hex') as key";

/// What all nodes lock while they migrate: `countersign`, as a number.
const MIGRATION_LOCK: i64 = 0x0063_6f75_6e74_6572;

#[derive(Clone)]
pub(super) struct Statements {
    /// Quoted, since it may be a word of SQL's own, as `order` is.
    table: Arc<str>,
    /// The name of the index, in quotes too, and the same behind the table's schema.
    index: Arc<str>,
    index_in_schema: Arc<str>,
}

impl Statements {
    /// Of a table `name` or `schema.name`, in which there is no quotation mark.
    pub(super) fn new(table: &str) -> Statements {
        let quoted = |name: &str| format!("\"{}\"", name.replace('.', "\".\""));
        let name = table.rsplit('.').next().unwrap_or(table);
        Statements {
            table: quoted(table).into(),
            index: quoted(&format!("{name}_expires_at")).into(),
            index_in_schema: quoted(&format!("{table}_expires_at")).into(),
        }
    }

    pub(super) fn schema(&self) -> String {
        let (table, index) = (&self.table, &self.index);
        format!(
            "create table if not exists {table} (\n    \
                 key bytea primary key,\n    \
                 payload_hash bigint not null,\n    \
                 token bytea not null,\n    \
                 committed boolean not null,\n    \
                 expires_at timestamptz not null\n\
             );\n\
             create index if not exists {index} on {table} (expires_at);\n"
        )
    }

    /// Nothing is done to what is there: even `create index if not exists` locks the table first, and
    /// whoever waits for that has all others wait behind it. And `if not exists` is no protection from
    /// somebody who makes it at the same time.
    pub(super) fn migrate(&self, patience: Duration) -> String {
        let (table, index) = (&self.table, &self.index_in_schema);
        let patience = lock_timeout(patience);
        format!(
            "{patience};
            select pg_advisory_xact_lock({MIGRATION_LOCK});
            do $$ begin
                if to_regclass('{table}') is null or to_regclass('{index}') is null then
                    {}
                end if;
            end $$",
            self.schema()
        )
    }

    /// Rows: `fresh` and a key; `committed` or `differing` and a key; `held` and milliseconds, and then
    /// nothing was acquired. Between looking and inserting somebody else may have taken one of several
    /// keys. Then the division by zero takes the rest back, since SQL alone cannot raise an error.
    pub(super) fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
        patience: Duration,
    ) -> String {
        let (table, token, lease) = (&self.table, TEXT.token(token), interval(lease));
        let (rows, count) = (TEXT.rows(keys), keys.len());
        let patience = lock_timeout(patience);
        format!(
            "{patience};
            with asked$ (key, payload_hash) as (values {rows}),
            standing$ as materialized (
                select t.key, t.token, t.committed, t.expires_at,
                    t.payload_hash <> asked$.payload_hash as differs
                from {table} t join asked$ using (key)
                where t.expires_at > clock_timestamp()
            ),
            held$ as materialized (
                select max(expires_at) as until from standing$
                where not committed and token <> {token}
            ),
            taken$ as (
                insert into {table} as t (key, payload_hash, token, committed, expires_at)
                select key, payload_hash, {token}, false, clock_timestamp() + {lease} from asked$
                where (select until from held$) is null
                    and key not in (select key from standing$ where committed)
                order by key
                on conflict (key) do update
                set payload_hash = excluded.payload_hash, token = excluded.token, committed = false,
                    expires_at = clock_timestamp() + {lease}
                where t.expires_at <= clock_timestamp()
                    or (t.token = excluded.token and not t.committed)
                returning key
            )
            select 'fresh', {KEY}, 0::bigint from taken$
            union all
            select case when differs then 'differing' else 'committed' end, {KEY}, 0
            from standing$ where committed
            union all
            select 'held', null, ceil(1000 * extract(epoch from until - clock_timestamp()))::bigint
            from held$ where until is not null
            union all
            select 'all', null, 1 / case when (select until from held$) is not null
                or (select count(*) from taken$)
                    + (select count(*) from standing$ where committed) = {count}
                then 1 else 0 end"
        )
    }

    /// One row: how many keys were in progress under another token.
    pub(super) fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
        patience: Duration,
    ) -> String {
        let (table, token, retention) = (&self.table, TEXT.token(token), interval(retention));
        let (rows, patience) = (TEXT.rows(keys), lock_timeout(patience));
        let sweep = self.sweep(SWEPT_BY_A_COMMIT);
        // A row keeps the token that it had when it was committed: `returning` shows no other values
        // than those that were written.
        format!(
            "{patience};
            with landed$ as (
                insert into {table} as t (key, payload_hash, token, committed, expires_at)
                select key, payload_hash, {token}, true, clock_timestamp() + {retention}
                from (values {rows}) asked$ (key, payload_hash)
                order by key
                on conflict (key) do update
                set payload_hash = excluded.payload_hash, committed = true,
                    token = case when t.committed then excluded.token else t.token end,
                    expires_at = clock_timestamp() + {retention}
                where not t.committed or t.expires_at <= clock_timestamp()
                returning token
            )
            select count(*) from landed$ where token <> {token};
            {sweep}"
        )
    }

    /// One row: how many were renewed.
    pub(super) fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
        patience: Duration,
    ) -> String {
        let (table, lease) = (&self.table, interval(lease));
        let own = self.own(keys, token);
        let patience = lock_timeout(patience);
        format!(
            "{patience};
            with own$ as ({own}),
            renewed$ as (
                update {table} t set expires_at = clock_timestamp() + {lease}
                from own$ where t.key = own$.key returning t.key
            )
            select count(*) from renewed$"
        )
    }

    /// No rows.
    pub(super) fn release(&self, keys: &[Key], token: Token, patience: Duration) -> String {
        let table = &self.table;
        let own = self.own(keys, token);
        let patience = lock_timeout(patience);
        format!(
            "{patience};
            with own$ as ({own}) delete from {table} t using own$ where t.key = own$.key"
        )
    }

    /// Locks what is in progress under the token.
    fn own(&self, keys: &[Key], token: Token) -> String {
        let (table, keys, token) = (&self.table, TEXT.keys(keys), TEXT.token(token));
        format!(
            "select key from {table}
            where key in ({keys}) and token = {token} and not committed
            order by key for update"
        )
    }

    /// Rows: a key, and the hash of its payload.
    ///
    /// It deletes nothing, but is a write to the server: a standby, which may know less than was committed
    /// or more than will stay, refuses it like all the others.
    pub(super) fn committed(&self, keys: &[Key]) -> String {
        let (table, keys) = (&self.table, TEXT.keys(keys));
        format!(
            "with on_a_primary$ as (delete from {table} where false)
            select {KEY}, payload_hash from {table}
            where key in ({keys}) and committed and expires_at > clock_timestamp()"
        )
    }

    /// Rows: the keys that are the transaction's now. One that is in progress elsewhere is a division by
    /// zero: it ends the transaction, so that no handler commits the others without their effects.
    ///
    /// What the merchant's settings say is kept where it is stricter. A commit that is answered before it
    /// is on the disk would have us acknowledge what a crash forgets. The limit of the wait is for these
    /// statements alone, so what it was before is kept beside it, and set again behind them.
    pub(super) fn claim_in(&self, claim: &ToClaim, patience: Duration) -> String {
        let table = &self.table;
        let (rows, keys) = (TEXT.rows(&claim.keys), TEXT.keys(&claim.keys));
        // It counts from the commit, which a run of that length may still be away.
        let retention = interval(claim.retention.saturating_add(claim.max_run));
        let idle = whole_millis(claim.max_run);
        let patience = whole_millis(patience);
        let sweep = self.sweep(SWEPT_BY_A_COMMIT);
        format!(
            "do $$ declare
                idle bigint := (
                    select setting from pg_settings where name = 'idle_in_transaction_session_timeout');
                patience bigint := (select setting from pg_settings where name = 'lock_timeout');
            begin
                perform set_config('countersign.lock_timeout', patience::text, true);
                if patience = 0 or patience > {patience} then
                    perform set_config('lock_timeout', '{patience}', true);
                end if;
                if idle = 0 or idle > {idle} then
                    perform set_config('idle_in_transaction_session_timeout', '{idle}', true);
                end if;
                if current_setting('synchronous_commit') = 'off' then
                    perform set_config('synchronous_commit', 'on', true);
                end if;
            end $$;
            insert into {table} as t (key, payload_hash, token, committed, expires_at)
            select key, payload_hash, ''::bytea, true, clock_timestamp() + {retention}
            from (values {rows}) asked$ (key, payload_hash)
            order by key
            on conflict (key) do update
            set payload_hash = excluded.payload_hash, token = excluded.token, committed = true,
                expires_at = clock_timestamp() + {retention}
            where t.expires_at <= clock_timestamp()
            returning {KEY};
            select null as key
            from (select count(*) as held from {table} where key in ({keys}) and not committed) leases$
            where held > 0 and 1 / case when held > 0 then 0 else 1 end = 0;
            {sweep} and current_setting('transaction_isolation') = 'read committed';
            do $$ begin
                perform set_config('lock_timeout', current_setting('countersign.lock_timeout'), true);
            end $$"
        )
    }

    /// Removes rows that have run out, but none that somebody has locked. Nobody waits behind it for
    /// long, and it is the last that a transaction locks.
    fn sweep(&self, rows: u32) -> String {
        let table = &self.table;
        // `now()`, which an index can be searched by.
        format!(
            "delete from {table} where key in (
                select key from {table}
                where expires_at <= now()
                    and (committed or expires_at <= now() - {kept})
                order by expires_at limit {rows} for update skip locked
            )",
            kept = milliseconds(EXPIRED_LEASE_KEPT)
        )
    }

    /// One row: how many were removed.
    pub(super) fn sweep_counted(&self, rows: u32) -> String {
        let sweep = self.sweep(rows);
        format!("with swept$ as ({sweep} returning key) select count(*) from swept$")
    }
}

/// For the transaction that the message is, and no longer.
fn lock_timeout(patience: Duration) -> String {
    format!("set local lock_timeout = {}", whole_millis(patience))
}

/// As a setting of the server has them, where 0 is none at all.
fn whole_millis(duration: Duration) -> i64 {
    millis(duration).clamp(1, i64::from(i32::MAX))
}

fn interval(duration: Duration) -> String {
    milliseconds(millis(duration))
}

fn milliseconds(millis: i64) -> String {
    format!("{millis} * interval '1 millisecond'")
}
