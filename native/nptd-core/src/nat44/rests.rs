//! Port rests over a restart: what one process held rests on in the next (docs/decisions.md, "Lifetimes").

use alloc::vec::Vec;

use super::mapping::{InternalKey, Mapping, NewMapping, is_split};
use super::port_pool::PoolPort;
use super::{Endpoint, Nat44, Protocol, epoch_is_current};
use crate::plan::Plan;
use crate::time::{Duration, Instant, TICK_US, Tick};

/// A port that must not go to another endpoint for a while.
#[derive(Clone, Copy, Debug)]
pub struct PortRest {
    /// Slot of the uplink.
    pub slot: u8,
    /// Protocol.
    pub protocol: Protocol,
    /// Internal endpoint.
    pub internal: Endpoint,
    /// External endpoint.
    pub external: Endpoint,
    /// How long it still rests.
    pub rest: Duration,
}

impl Nat44 {
    /// Adds what would rest if all sessions ended now, of the mappings at `from` and the `max` positions after it: live
    /// ones for the configured time, resting ones for what remains. Returns where to go on, none at the end.
    pub fn port_rests(
        &mut self,
        from: u32,
        max: u32,
        plan: &Plan,
        now: Instant,
        rests: &mut Vec<PortRest>,
    ) -> Option<u32> {
        let tick = now.tick();
        let end = from.saturating_add(max).min(self.mappings.end());
        for position in from..end {
            let Some(mapping) = self.mappings.get(position).cloned() else { continue };
            if !epoch_is_current(plan, mapping.slot, mapping.epoch) {
                continue;
            }
            let rest = if let Some(until) = mapping.rests_until().filter(|until| *until > tick) {
                remaining(until, now)
            } else if self.lists_live_session(&mapping, plan, tick)
                && !mapping.is_static(plan)
                && self.pools.has(mapping.pool_port())
            {
                plan.nat44.port_rest
            } else {
                continue;
            };
            let Mapping { slot, protocol, internal, external, .. } = mapping;
            rests.push(PortRest { slot, protocol, internal, external, rest });
        }
        (end < self.mappings.end()).then_some(end)
    }

    /// Makes a resting mapping again of what a former process held; false where it does not fit the plan or finds no room.
    pub fn restore_port_rest(&mut self, rest: &PortRest, plan: &Plan, now: Instant) -> bool {
        let Some(uplink) = plan.uplink(rest.slot).filter(|uplink| uplink.translates4()) else { return false };
        let until = Tick::at_or_after(now.after(rest.rest));
        let key = InternalKey { slot: rest.slot, protocol: rest.protocol, internal: rest.internal };
        let is_own = self.share.of_port(rest.internal.port) == self.share.worker();
        if !is_own || is_split(self.share, key, rest.external, plan) {
            return false;
        }
        let has_room =
            until > now.tick() && self.has_room_for_mapping() && self.find_mapping(key, plan, now.tick()).is_none();
        if !has_room {
            return false;
        }
        let Ok(host) = self.hosts.enter(rest.internal.address) else { return false };
        let port = PoolPort { slot: rest.slot, epoch: uplink.epoch, protocol: rest.protocol, external: rest.external };
        let restored = self.pools.take_again(port) && self.rest_again(key, rest.external, host, until, plan);
        self.hosts.leave(host);
        restored
    }

    fn rest_again(&mut self, key: InternalKey, external: Endpoint, host: u32, until: Tick, plan: &Plan) -> bool {
        let Ok(position) = self.insert_mapping(NewMapping { key, external, host }, plan) else { return false };
        let rests = self.rest_until(position, until, plan);
        if !rests {
            self.release_mapping(position);
        }
        rests
    }
}

/// In whole milliseconds, as rows have it: the tick at which it ends is the same again if it is restored at once.
fn remaining(until: Tick, now: Instant) -> Duration {
    let ticks = until.0.saturating_sub(now.tick().0);
    let us = (u64::from(ticks) * TICK_US).saturating_sub(now.as_micros() % TICK_US);
    Duration::from_millis(us / 1_000)
}
