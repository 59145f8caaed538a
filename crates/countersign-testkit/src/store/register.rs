//! The store proper: what the contract says, and nothing of cues.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::{Commit, Key, Renewal};

/// A key as the register files it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id {
    pub(super) bytes: [u8; 32],
    pub(super) payload_hash: u64,
}

pub(super) fn ids(keys: &[Key]) -> Vec<Id> {
    keys.iter()
        .map(|key| Id {
            bytes: *key.as_bytes(),
            payload_hash: key.payload_hash(),
        })
        .collect()
}

/// Answers as a store does, at the moment it is told.
#[derive(Default)]
pub(super) struct Register {
    pub(super) entries: BTreeMap<[u8; 32], Entry>,
}

pub(super) struct Entry {
    payload_hash: u64,
    pub(super) standing: Standing,
}

#[derive(Clone, Copy)]
pub(super) enum Standing {
    Held { token: [u8; 16], until: Duration },
    Committed { until: Duration },
}

/// What became of a claim. Keys are given by their place in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    Busy {
        longest: Duration,
    },
    Settled {
        fresh: Vec<usize>,
        differing: Vec<usize>,
    },
}

impl Register {
    pub(super) fn claim(
        &mut self,
        ids: &[Id],
        token: [u8; 16],
        lease: Duration,
        now: Duration,
    ) -> Claimed {
        self.drop_ended(now);
        let (mut fresh, mut differing, mut longest) = (Vec::new(), Vec::new(), None);
        for (at, id) in ids.iter().enumerate() {
            let Some(entry) = self.entries.get(&id.bytes) else {
                fresh.push(at);
                continue;
            };
            match entry.standing {
                Standing::Held {
                    token: holder,
                    until,
                } if holder != token && now < until => {
                    longest = longest.max(Some(until.saturating_sub(now)));
                }
                Standing::Held { .. } => fresh.push(at),
                Standing::Committed { .. } if entry.payload_hash != id.payload_hash => {
                    differing.push(at);
                }
                Standing::Committed { .. } => {}
            }
        }
        if let Some(longest) = longest {
            return Claimed::Busy { longest };
        }
        let standing = Standing::Held {
            token,
            until: now.saturating_add(lease),
        };
        for id in fresh.iter().filter_map(|at| ids.get(*at)) {
            self.put(id, standing);
        }
        Claimed::Settled { fresh, differing }
    }

    pub(super) fn commit(
        &mut self,
        ids: &[Id],
        token: [u8; 16],
        retention: Duration,
        now: Duration,
    ) -> Commit {
        self.drop_ended(now);
        let mut outcome = Commit::Landed;
        for id in ids {
            match self.entries.get(&id.bytes).map(|entry| entry.standing) {
                Some(Standing::Committed { .. }) => continue,
                Some(Standing::Held { token: holder, .. }) if holder != token => {
                    outcome = Commit::LostLease;
                }
                _ => {}
            }
            self.put(
                id,
                Standing::Committed {
                    until: now.saturating_add(retention),
                },
            );
        }
        outcome
    }

    pub(super) fn renew(
        &mut self,
        ids: &[Id],
        token: [u8; 16],
        lease: Duration,
        now: Duration,
    ) -> Renewal {
        let mut outcome = Renewal::Renewed;
        for id in ids {
            match self
                .entries
                .get_mut(&id.bytes)
                .map(|entry| &mut entry.standing)
            {
                Some(Standing::Held {
                    token: holder,
                    until,
                }) if *holder == token => {
                    *until = now.saturating_add(lease);
                }
                _ => outcome = Renewal::Lost,
            }
        }
        outcome
    }

    pub(super) fn release(&mut self, ids: &[Id], token: [u8; 16]) {
        for id in ids {
            let standing = self.entries.get(&id.bytes).map(|entry| entry.standing);
            if matches!(standing, Some(Standing::Held { token: holder, .. }) if holder == token) {
                self.entries.remove(&id.bytes);
            }
        }
    }

    fn put(&mut self, id: &Id, standing: Standing) {
        self.entries.insert(
            id.bytes,
            Entry {
                payload_hash: id.payload_hash,
                standing,
            },
        );
    }

    pub(super) fn drop_ended(&mut self, now: Duration) {
        self.entries.retain(|_, entry| match entry.standing {
            Standing::Held { .. } => true,
            Standing::Committed { until } => now < until,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(30);
    const RETENTION: Duration = Duration::from_secs(1000);
    const MINE: [u8; 16] = [1; 16];
    const OTHER: [u8; 16] = [2; 16];

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn id(name: u8) -> Id {
        Id {
            bytes: [name; 32],
            payload_hash: 7,
        }
    }

    fn batch(names: &str) -> Vec<Id> {
        names.bytes().map(id).collect()
    }

    fn fresh(places: &[usize]) -> Claimed {
        Claimed::Settled {
            fresh: places.to_vec(),
            differing: Vec::new(),
        }
    }

    /// A register and its time, with the register's arguments cut short.
    #[derive(Default)]
    struct Bench {
        register: Register,
        now: Duration,
    }

    impl Bench {
        fn claim(&mut self, names: &str, token: [u8; 16]) -> Claimed {
            self.register.claim(&batch(names), token, LEASE, self.now)
        }

        fn commit(&mut self, names: &str, token: [u8; 16]) -> Commit {
            self.register
                .commit(&batch(names), token, RETENTION, self.now)
        }

        fn renew(&mut self, names: &str, token: [u8; 16]) -> Renewal {
            self.register.renew(&batch(names), token, LEASE, self.now)
        }

        fn release(&mut self, names: &str, token: [u8; 16]) {
            self.register.release(&batch(names), token);
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
        }
    }

    #[test]
    fn a_lease_keeps_others_out_until_it_expires() {
        let mut store = Bench::default();
        assert_eq!(store.claim("a", MINE), fresh(&[0]));
        store.pass(seconds(29));
        assert_eq!(
            store.claim("a", OTHER),
            Claimed::Busy {
                longest: seconds(1)
            }
        );
        store.pass(seconds(1));
        assert_eq!(store.claim("a", OTHER), fresh(&[0]));
        assert_eq!(store.claim("a", MINE), Claimed::Busy { longest: LEASE });
    }

    #[test]
    fn ones_own_claim_repeated_is_acquired_for_a_full_lease() {
        let mut store = Bench::default();
        store.claim("a", MINE);
        store.pass(seconds(20));
        assert_eq!(store.claim("a", MINE), fresh(&[0]));
        store.pass(seconds(29));
        assert_eq!(
            store.claim("a", OTHER),
            Claimed::Busy {
                longest: seconds(1)
            }
        );
    }

    #[test]
    fn a_batch_is_acquired_whole_or_not_at_all() {
        let mut store = Bench::default();
        store.commit("c", OTHER);
        store.claim("b", OTHER);
        store.pass(seconds(10));
        store.claim("e", OTHER);
        store.pass(seconds(1));
        assert_eq!(
            store.claim("abcde", MINE),
            Claimed::Busy {
                longest: seconds(29)
            }
        );
        assert_eq!(store.register.entries.len(), 3, "nothing is left claimed");
        store.pass(LEASE);
        assert_eq!(store.claim("abcde", MINE), fresh(&[0, 1, 3, 4]));
    }

    #[test]
    fn a_renewal_revives_what_nobody_took() {
        let mut store = Bench::default();
        store.claim("a", MINE);
        store.pass(2 * LEASE);
        assert_eq!(store.renew("a", MINE), Renewal::Renewed);
        assert_eq!(store.claim("a", OTHER), Claimed::Busy { longest: LEASE });
        store.pass(LEASE);
        store.claim("a", OTHER);
        assert_eq!(store.renew("a", MINE), Renewal::Lost);
        assert_eq!(store.renew("b", MINE), Renewal::Lost);
        assert_eq!(store.register.entries.len(), 1, "a renewal makes no entry");
    }

    #[test]
    fn a_renewal_extends_what_is_held_even_if_part_is_lost() {
        let mut store = Bench::default();
        store.claim("ab", MINE);
        store.pass(seconds(20));
        store.commit("a", MINE);
        assert_eq!(store.renew("ab", MINE), Renewal::Lost);
        store.pass(seconds(29));
        assert_eq!(
            store.claim("b", OTHER),
            Claimed::Busy {
                longest: seconds(1)
            }
        );
    }

    #[test]
    fn a_release_needs_the_token_and_spares_the_committed() {
        let mut store = Bench::default();
        store.claim("ab", MINE);
        store.release("ab", OTHER);
        assert_eq!(store.claim("a", OTHER), Claimed::Busy { longest: LEASE });
        store.commit("b", MINE);
        store.release("ab", MINE);
        assert_eq!(store.claim("ab", OTHER), fresh(&[0]));
    }

    #[test]
    fn a_late_commit_lands_wherever_it_comes() {
        for age in [seconds(0), LEASE] {
            let mut store = Bench::default();
            store.claim("a", MINE);
            store.pass(age);
            assert_eq!(
                store.commit("a", MINE),
                Commit::Landed,
                "over one's own, {age:?} old"
            );
            assert_eq!(store.claim("a", OTHER), fresh(&[]));
        }
        let mut store = Bench::default();
        assert_eq!(store.commit("a", MINE), Commit::Landed, "over nothing");
        assert_eq!(store.claim("a", OTHER), fresh(&[]));
        for age in [seconds(0), LEASE] {
            let mut store = Bench::default();
            store.claim("ab", OTHER);
            store.pass(age);
            assert_eq!(store.commit("a", MINE), Commit::LostLease);
            store.release("ab", OTHER);
            assert_eq!(
                store.claim("ab", MINE),
                fresh(&[1]),
                "its release spares the committed"
            );
            assert_eq!(store.commit("a", OTHER), Commit::Landed, "twice is success");
        }
    }

    #[test]
    fn retention_counts_from_the_first_commit() {
        let mut store = Bench::default();
        store.commit("a", MINE);
        store.pass(seconds(600));
        assert_eq!(store.commit("a", OTHER), Commit::Landed);
        assert_eq!(store.claim("a", OTHER), fresh(&[]));
        store.pass(seconds(399));
        assert_eq!(store.claim("a", OTHER), fresh(&[]));
        store.pass(seconds(1));
        assert_eq!(store.claim("a", OTHER), fresh(&[0]));
    }

    #[test]
    fn a_late_commit_does_not_find_what_has_ended() {
        let mut store = Bench::default();
        store.commit("a", MINE);
        store.pass(RETENTION);
        store.commit("a", OTHER);
        store.pass(seconds(999));
        assert_eq!(store.claim("a", OTHER), fresh(&[]));
    }

    #[test]
    fn another_payload_under_a_committed_id_is_told() {
        let mut store = Bench::default();
        store.commit("a", MINE);
        let changed = [
            Id {
                payload_hash: 8,
                ..id(b'a')
            },
            id(b'b'),
        ];
        let claimed = store.register.claim(&changed, MINE, LEASE, store.now);
        assert_eq!(
            claimed,
            Claimed::Settled {
                fresh: vec![1],
                differing: vec![0]
            }
        );
    }
}
