//! TCP connections of the gateway's own by its uplinks, for probes that are conversations: streams for the control plane,
//! over a small stack for each uplink that the worker drives.
//!
//! ```text
//!  control plane's thread              worker thread
//!  ──────────────────────              ─────────────
//!  open, write, finish, abandon ─┐
//!                           StreamHub ──── Stack (one an uplink) ◀── packets that the engine hands over
//!  take_news ◀───────────────────┘                         └──────▶ packets that the engine sends by the uplink
//! ```

mod hub;
mod link;
mod stack;

use std::collections::BTreeMap;

use nptd_core::time::Instant;

use hub::State;
pub use hub::{StreamFailure, StreamHub, StreamNews, StreamTarget};
use stack::Stack;

/// Own addresses of an uplink, IPv4 as `mapped4` and IPv6, as far as it has them.
pub(crate) type OwnAddresses = [Option<u128>; 2];

/// The worker's end of all streams.
#[derive(Default)]
pub(crate) struct Streams {
    /// By the slot of their uplinks, once they had a connection: each knows which own port is next.
    stacks: BTreeMap<u8, Stack>,
    wakeup: Option<Instant>,
}

impl Streams {
    /// Whether a turn has nothing to do.
    pub(crate) fn is_idle(&self, hub: &StreamHub) -> bool {
        hub.is_empty() && self.stacks.values().all(Stack::is_idle)
    }

    /// When the next turn is due, if nothing happens before.
    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        self.wakeup
    }

    /// An IP packet that came by an uplink; the next turn looks at it.
    pub(crate) fn receive(&mut self, slot: u8, packet: &[u8]) {
        self.stacks.get_mut(&slot).into_iter().for_each(|stack| stack.receive(packet));
    }

    /// Does what streams want and what packets and time demand; true if there is news for the control plane. What `send` has no
    /// room for is sent again.
    pub(crate) fn turn(
        &mut self,
        hub: &StreamHub,
        own: impl Fn(u8) -> OwnAddresses,
        now: Instant,
        mut send: impl FnMut(u8, &[u8]),
    ) -> bool {
        for (slot, stack) in &mut self.stacks {
            stack.set_addresses(own(*slot));
        }
        let has_news = hub.visit(|state| {
            self.take(state, own, now);
            self.stacks.values_mut().for_each(|stack| stack.poll(now));
            self.give(state, now);
        });
        for (slot, stack) in &mut self.stacks {
            // What was given makes room that the peer is to hear of.
            stack.poll(now);
            while let Some(packet) = stack.take_sent() {
                send(*slot, &packet);
            }
            stack.forget_left(now);
        }
        self.wakeup = self.stacks.values_mut().filter_map(|stack| stack.next_wakeup(now)).min();
        has_news
    }

    /// From the control plane to the stacks.
    fn take(&mut self, state: &mut State, own: impl Fn(u8) -> OwnAddresses, now: Instant) {
        state.pipes.retain(|id, pipe| {
            let slot = pipe.target.slot;
            let stack = self.stacks.entry(slot).or_insert_with(|| Stack::new(own(slot), now));
            if pipe.is_abandoned {
                stack.leave(*id, pipe.is_finished && pipe.has_ended, now);
                return false;
            }
            if !std::mem::replace(&mut pipe.is_opened, true) {
                pipe.news.failed = stack.open(*id, pipe.target, now).err();
            }
            stack.take(*id, pipe);
            true
        });
    }

    /// From the stacks to the control plane.
    fn give(&mut self, state: &mut State, now: Instant) {
        for (id, pipe) in &mut state.pipes {
            self.stacks.get_mut(&pipe.target.slot).into_iter().for_each(|stack| stack.give(*id, pipe, now));
        }
    }
}

#[cfg(test)]
mod tests;
