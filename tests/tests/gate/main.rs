//! Both adapters on real loopback sockets: the scenarios of `docs/reliability.md`, all attacks, and
//! the traps that their frameworks set.

#![forbid(unsafe_code)]

mod attacks;
mod contract;
mod counted;
mod deliveries;
mod load;

mod memory;
mod scenarios;
mod sender;
mod site;
mod stage;
mod surroundings;
mod worker;
