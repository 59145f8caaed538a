//! The receiver's pipeline without a framework, scene by scene: a clock wound by hand, one thread,
//! and every answer, observation and store entry looked at.

mod answers;
mod bodies;
mod drain;
mod executor;
mod leases;
mod log;
mod runs;
mod stage;
mod store_faults;
mod waiting;
