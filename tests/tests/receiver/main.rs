//! The receiver's pipeline without a framework, scene by scene: a clock wound by hand, one thread,
//! and every answer, observation and store entry looked at.

#![forbid(unsafe_code)]

mod answers;
mod batches;
mod bodies;
mod defaults;
mod drain;
mod executor;
mod filters;
mod in_transaction;
mod leases;
mod log;
mod marks;
mod observe_only;
mod replays;
mod runs;
mod secrets;
mod stage;
mod store_faults;
mod undecodable;
mod waiting;
mod watched;
mod without_dedupe;
mod worker;
