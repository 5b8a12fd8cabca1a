//! Index, slab and wheel against what they stand for, at capacities where everything collides.

use std::collections::HashSet;

use nptd_core::arch::KeyedHash;
use nptd_core::session::wheel::{Timed, TimerLinks, Wheel};
use nptd_core::table::{Index, Slab};
use nptd_core::time::Tick;
use proptest::collection::vec;
use proptest::prelude::*;

use super::site::runner;

/// Keys go in and out; every key that was taken in is found, and no other.
#[test]
fn an_index_never_loses_an_entry_under_displacement() {
    let steps = vec((0_u32..200, any::<bool>()), 1..400);
    runner(300)
        .run(&(1_u32..40, any::<[u8; 16]>(), steps), |(capacity, key, steps)| {
            let hash = KeyedHash::new(&key);
            let of = |key: u32| hash.hash(u128::from(key));
            let (mut index, mut stored, mut refused) = (Index::new(capacity), HashSet::new(), 0);
            for (key, is_removed) in steps {
                if is_removed {
                    assert_eq!(index.remove(of(key), key), stored.remove(&key));
                } else if !stored.contains(&key) {
                    let room = stored.len() < capacity as usize;
                    match index.insert(of(key), key) {
                        Ok(()) => assert!(stored.insert(key)),
                        Err(_) => refused += u32::from(room),
                    }
                }
                for key in 0..200 {
                    let found = index.find(of(key), |at| at == key);
                    assert_eq!(found.is_some(), stored.contains(&key), "key {key}");
                }
            }
            assert_eq!(refused, 0, "room for the capacity");
            Ok(())
        })
        .unwrap();
}

/// All keys share one hash: a bucket pair holds 20 entries, and says so when it cannot.
#[test]
fn equal_hashes_fill_two_buckets_and_no_more() {
    let mut index = Index::new(1_000);
    let taken = (0..100).filter(|position| index.insert(0x1234_5678_9abc_def0, *position).is_ok()).count();
    assert_eq!(taken, 20);
    for position in 0..20 {
        assert_eq!(index.find(0x1234_5678_9abc_def0, |at| at == position), Some(position));
    }
}

struct Entry {
    ends: Tick,
    links: TimerLinks,
}

impl Timed for Entry {
    fn ends(&self) -> Tick {
        self.ends
    }
    fn links(&mut self) -> &mut TimerLinks {
        &mut self.links
    }
}

#[derive(Clone, Debug)]
enum Turn {
    Link(u32),
    Unlink(usize),
    /// A later end needs no word to the wheel.
    Postpone(usize, u32),
    Pass(u32, u32),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => (0_u32..300).prop_map(Turn::Link),
        1 => any::<usize>().prop_map(Turn::Unlink),
        1 => (any::<usize>(), 0_u32..300).prop_map(|(at, by)| Turn::Postpone(at, by)),
        4 => (prop_oneof![0_u32..20, 0_u32..500], 0_u32..40).prop_map(|(ticks, budget)| Turn::Pass(ticks, budget)),
    ]
}

/// Whatever is due comes, once, never early; with small budgets late, but never lost.
#[test]
fn a_wheel_gives_back_everything_that_was_linked() {
    runner(600)
        .run(&(0_u32..1_000, vec(turn(), 1..120)), |(start, turns)| {
            let (mut wheel, mut slab, mut now) = (Wheel::new(32), Slab::new(1_000), start);
            let mut waiting: Vec<u32> = Vec::new();
            for turn in turns {
                match turn {
                    Turn::Link(after) => {
                        let entry = Entry { ends: Tick(now + after), links: TimerLinks::UNLINKED };
                        let position = slab.insert(entry).unwrap();
                        wheel.link(&mut slab, position);
                        waiting.push(position);
                    }
                    Turn::Unlink(at) if !waiting.is_empty() => {
                        let position = waiting.swap_remove(at % waiting.len());
                        wheel.unlink(&mut slab, position);
                        slab.remove(position);
                    }
                    Turn::Postpone(at, by) if !waiting.is_empty() => {
                        slab.get_mut(waiting[at % waiting.len()]).unwrap().ends.0 += by;
                    }
                    Turn::Pass(ticks, budget) => {
                        now += ticks;
                        collect(&mut wheel, &mut slab, now, budget, &mut waiting);
                    }
                    Turn::Unlink(_) | Turn::Postpone(..) => {}
                }
            }
            collect(&mut wheel, &mut slab, now + 10_000, u32::MAX, &mut waiting);
            assert!(waiting.is_empty(), "everything ends");
            Ok(())
        })
        .unwrap();
}

fn collect(wheel: &mut Wheel, slab: &mut Slab<Entry>, now: u32, mut budget: u32, waiting: &mut Vec<u32>) {
    while let Some(position) = wheel.next_due(slab, Tick(now), &mut budget) {
        assert!(slab.get(position).unwrap().ends <= Tick(now), "not early");
        let at = waiting.iter().position(|at| *at == position).expect("due once");
        waiting.swap_remove(at);
        slab.remove(position);
    }
    if !wheel.is_behind(Tick(now)) {
        assert!(waiting.iter().all(|at| slab.get(*at).unwrap().ends > Tick(now)), "not late");
    }
}
