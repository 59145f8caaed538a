//! The scenarios of `docs/reliability.md`, each through both adapters.

mod batches;
mod clocks;
mod duplicates;
mod forgeries;
mod full;
mod hang_ups;
mod killed;
mod leases;
mod random;
mod runs;
mod secrets;
mod servers;
mod shadow;
mod shutdown;
mod sources;
mod stuck;
mod workers;

use crate::site::Framework;
use crate::stage::{Kind, Stage};

type Play = fn(&Stage);

/// A scenario, and the stores it is played on.
pub struct Scenario {
    pub number: u32,
    name: &'static str,
    play: Play,
    pub on: &'static [Kind],
}

/// Makes the table, and of each of its rows a test for each framework and each store.
macro_rules! scenarios {
    ($(on $kinds:tt { $($number:literal $name:ident => $play:path;)* })*) => {
        pub const SCENARIOS: &[Scenario] = &[$($(
            Scenario {
                number: $number,
                name: stringify!($name),
                play: $play,
                on: kinds!($kinds),
            },
        )*)*];

        $($(
            mod $name {
                mod axum {
                    use crate::site::Framework::Axum;
                    tests!($number Axum $kinds);
                }

                mod actix_web {
                    use crate::site::Framework::ActixWeb;
                    tests!($number ActixWeb $kinds);
                }
            }
        )*)*
    };
}

/// What no single row shows.
macro_rules! random {
    ($($kind:ident $test:ident),*) => {
        mod random_deliveries {
            use crate::site::Framework;
            use crate::stage::{Kind, Stage};

            $(
                #[test]
                fn $test() {
                    for framework in [Framework::Axum, Framework::ActixWeb] {
                        let stage = Stage { framework, kind: Kind::$kind };
                        if stage.try_store().is_some() {
                            super::random::deliveries(&stage);
                        }
                    }
                }
            )*
        }
    };
}

random!(Memory memory, Sqlite sqlite, Redis redis, Postgres postgres);

macro_rules! kinds {
    ([$($kind:ident $test:ident),*]) => {
        &[$(Kind::$kind),*]
    };
}

macro_rules! tests {
    ($number:literal $framework:ident [$($kind:ident $test:ident),*]) => {$(
        #[test]
        fn $test() {
            crate::scenarios::play($number, $framework, crate::stage::Kind::$kind);
        }
    )*};
}

scenarios! {
    on [Memory memory, Sqlite sqlite, Redis redis, Postgres postgres] {
        38 s38_a_handler_blocks_its_thread => workers::blocked;
        1 s01_100_identical_events_at_once => duplicates::at_once;
        2 s02_the_handler_fails_once => runs::fails_once;
        3 s03_the_handler_panics => runs::panics;
        4 s04_the_handler_exceeds_the_answer_deadline => runs::exceeds_the_answer_deadline;
        5 s05_the_sender_hangs_up => hang_ups::hangs_up;
        7 s07_a_retry_takes_over => leases::taken_over;
        8 s08_a_thousand_forgeries => forgeries::of_a_known_id;
        9 s09_a_replay_in_disguise => duplicates::in_disguise;
        10 s10_two_endpoints_share_a_store => duplicates::of_two_endpoints;
        11 s11_the_same_id_with_another_payload => duplicates::with_another_payload;
        12 s12_a_replay_at_the_end_of_the_window => clocks::end_of_the_window;
        16 s16_the_commit_fails_for_two_leases => leases::commit_fails;
        18 s18_the_clock_steps_without_a_signed_time => clocks::no_signed_time;
        21 s21_the_secret_is_replaced => secrets::replaced;
        22 s22_a_shutdown_with_ten_in_flight => shutdown::ten_in_flight;
        24 s24_a_forwarded_address => sources::forwarded;
        25 s25_a_batch_of_1000 => batches::of_1000;
        26 s26_an_event_that_always_fails => runs::always_fails;
        30 s30_the_handler_hangs => stuck::hangs;
        31 s31_a_late_commit => leases::late_commit;
        32 s32_batches_that_overlap => batches::overlap;
        33 s33_a_batch_that_fails_in_part => batches::fails_in_part;
        34 s34_a_batch_with_one_undecodable_event => batches::undecodable;
        35 s35_signed_anew_without_an_id => duplicates::signed_anew;
        36 s36_ten_duplicates_of_a_slow_handler => duplicates::of_a_slow_handler;
        39 s39_shadow_mode => shadow::forged_reaches_the_handler;
        41 s41_a_status_that_returns => duplicates::of_a_status_that_returns;
    }
    on [Memory memory] {
        13 s13_a_store_full_of_committed => full::of_committed;
        14 s14_a_store_full_of_claims => full::of_claims;
        23 s23_bodies_without_end => forgeries::bodies_without_end;
        37 s37_200_forged_heads => forgeries::heads_of_large_bodies;
    }
    on [Sqlite sqlite, Redis redis, Postgres postgres] {
        6 s06_a_worker_is_killed => killed::at_each_point;
    }
    on [Redis redis, Postgres postgres] {
        15 s15_the_store_is_down_or_hangs => servers::down;
        19 s19_the_server_is_restarted => servers::restarted;
        29 s29_the_store_is_frozen_during_a_claim => servers::frozen_during_a_claim;
    }
}

fn play(number: u32, framework: Framework, kind: Kind) {
    let row = SCENARIOS.iter().find(|row| row.number == number);
    let row = row.expect("a row of this table");
    assert!(
        row.name.starts_with(&format!("s{number:02}_")),
        "{}",
        row.name
    );
    let stage = Stage { framework, kind };
    if stage.try_store().is_some() {
        (row.play)(&stage);
    }
}
