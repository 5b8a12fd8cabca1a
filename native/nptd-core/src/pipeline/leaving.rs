//! Telling hosts that only receive that their connection has no uplink any more (docs/decisions.md, "Reset sessions").

use super::own_errors;
use super::transit::Transit;
use crate::host::neighbours::mapped4;
use crate::plan::NextHop;
use crate::session::leaving::{Step, Walk};
use crate::{filter, nat44};

/// Where the look at all sessions goes on, in each table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sweep {
    nat44: Walk,
    filter: Walk,
}

impl Transit<'_> {
    /// Looks at the next sessions, resets those whose uplink is to be left, and tells their hosts; false at the end of the tables.
    pub fn sweep_left(&mut self, sweep: &mut Sweep, mut step: Step) -> bool {
        let (plan, now) = (self.plan(), self.context.now);
        // What has no room in the pool would not be sent.
        step.resets = step.resets.min(self.context.outputs.room());
        while step.resets > 0
            && let Some(due) = self.nat44.next_reset(&mut sweep.nat44, &mut step, plan, now)
        {
            step.resets -= 1;
            self.send_reset4(&due);
        }
        while step.resets > 0
            && let Some(filter) = self.filter.as_deref_mut()
            && let Some(due) = filter.next_reset(&mut sweep.filter, &mut step, plan, now)
        {
            step.resets -= 1;
            self.send_reset6(&due);
        }
        let is_over = self.filter.as_ref().is_none_or(|filter| filter.is_behind(&sweep.filter));
        !(self.nat44.is_behind(&sweep.nat44) && is_over)
    }

    fn send_reset4(&mut self, due: &nat44::DueReset) {
        let Some(hop) = self.plan().internal_route4(due.internal.address) else { return };
        let hop = NextHop { device: hop.device, address: mapped4(hop.address) };
        own_errors::tell_reset4(&mut self.context, self.neighbours, hop, due);
    }

    fn send_reset6(&mut self, due: &filter::DueReset) {
        let Some(hop) = self.plan().internal_route6(due.internal.address) else { return };
        own_errors::tell_reset6(&mut self.context, self.neighbours, hop, due);
    }
}
