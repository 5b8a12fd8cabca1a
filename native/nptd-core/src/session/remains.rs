//! What may be left in a table of epochs that have ended, until the sweep has been everywhere.

use crate::plan::SLOTS_MAX;

/// Plans that may follow one another before a sweep has to be finished: the tables number them by an octet.
const PLANS_MAX: u8 = 250;

/// Epochs that have ended since the last sweep was over, by slot.
#[derive(Clone, Debug, Default)]
pub struct Remains {
    ended: [[u64; 4]; SLOTS_MAX],
    plans: u8,
}

impl Remains {
    /// Whether the sweep has to be finished before a plan is followed, of which `alive` says which epoch of a slot is alive: one
    /// comes back of which something may be left, and that would live again.
    pub fn must_go_first(&self, alive: impl Fn(u8) -> Option<u8>) -> bool {
        let is_back =
            (0_u8..).zip(&self.ended).any(|(slot, ended)| alive(slot).is_some_and(|epoch| is_in(ended, epoch)));
        is_back || self.plans >= PLANS_MAX
    }

    /// Follows a plan; `before` and `after` say which epoch of a slot was alive, and is.
    pub fn follow(&mut self, before: impl Fn(u8) -> Option<u8>, after: impl Fn(u8) -> Option<u8>) {
        self.plans = self.plans.saturating_add(1);
        for (slot, ended) in (0_u8..).zip(&mut self.ended) {
            let gone = before(slot).filter(|epoch| after(slot) != Some(*epoch));
            if let Some((word, epoch)) = gone.and_then(|epoch| Some((ended.get_mut(usize::from(epoch >> 6))?, epoch))) {
                *word |= 1 << (epoch & 63);
            }
        }
    }

    /// The sweep has been everywhere since the last plan.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn is_in(set: &[u64; 4], epoch: u8) -> bool {
    set.get(usize::from(epoch >> 6)).is_some_and(|word| word >> (epoch & 63) & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: fn(u8) -> Option<u8> = |_| None;

    fn only(slot: u8, epoch: u8) -> impl Fn(u8) -> Option<u8> {
        move |asked| (asked == slot).then_some(epoch)
    }

    #[test]
    fn only_an_epoch_that_comes_back_has_to_wait() {
        let mut remains = Remains::default();
        remains.follow(NONE, only(3, 200));
        remains.follow(only(3, 200), only(3, 200));
        assert!(!remains.must_go_first(only(3, 200)));
        remains.follow(only(3, 200), only(3, 63));
        remains.follow(only(3, 63), NONE);
        for (slot, epoch, expected) in
            [(3, 200, true), (3, 63, true), (3, 199, false), (3, 255, false), (4, 200, false)]
        {
            assert_eq!(remains.must_go_first(only(slot, epoch)), expected, "{slot} {epoch}");
        }
        remains.clear();
        assert!(!remains.must_go_first(only(3, 200)));
    }

    #[test]
    fn plans_without_end_wait_once_in_a_while() {
        let mut remains = Remains::default();
        for _ in 0..PLANS_MAX {
            assert!(!remains.must_go_first(only(0, 0)));
            remains.follow(only(0, 0), only(0, 0));
        }
        assert!(remains.must_go_first(only(0, 0)));
    }
}
