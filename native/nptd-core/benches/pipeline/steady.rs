//! Packets of sessions that are there already: nanoseconds of each.

use crate::measure::Run;
use crate::report::Measured;
use crate::site::{Shape, Site, Template};
use crate::traffic::{Arrivals, Buffers, batch, pass};

/// In a random order.
fn shuffled(mut site: Site, prepare: impl FnOnce(&mut Site) -> Vec<Template>, run: Run) -> Measured {
    let arrivals = Arrivals::shuffled(prepare(&mut site));
    repeated(site, arrivals, run)
}

/// Of those that arrive again and again.
fn repeated(mut site: Site, mut arrivals: Arrivals, run: Run) -> Measured {
    let mut buffers = Buffers::new();
    // Each session has to go the long way once.
    let count = arrivals.len().next_multiple_of(nptd_core::frame::FRAME_BATCH_MAX);
    pass(&mut site, &mut buffers, &mut arrivals, count);
    run.sampled(|bencher| bencher.iter(|| batch(&mut site, &mut buffers, &mut arrivals))).per("ns/packet")
}

pub fn outbound(sessions: u32, run: Run) -> Measured {
    shuffled(Site::new(Shape::of(sessions, 1)), |site| site.sessions_outbound(sessions), run)
}

pub fn inbound(sessions: u32, run: Run) -> Measured {
    shuffled(Site::new(Shape::of(sessions, 1)), |site| site.sessions_inbound(sessions), run)
}

/// Several sessions a mapping.
pub fn shared(sessions: u32, per_mapping: u32, run: Run) -> Measured {
    let site = Site::new(Shape::of(sessions, per_mapping));
    shuffled(site, |site| site.sessions_shared(sessions, per_mapping), run)
}

/// A million sessions whose packets come in the order in which the sessions were made.
pub fn sequential(run: Run) -> Measured {
    let mut site = Site::new(Shape::of(1_000_000, 1));
    let arrivals = Arrivals::in_order(site.sessions_outbound(1_000_000));
    repeated(site, arrivals, run)
}

/// A million sessions in pages of 4 KiB.
pub fn small_pages(run: Run) -> Measured {
    let site = Site::new(Shape::of(1_000_000, 1).with_small_pages());
    shuffled(site, |site| site.sessions_outbound(1_000_000), run)
}

pub fn prefix_outbound(run: Run) -> Measured {
    shuffled(Site::new(Shape::SMALL), Site::prefix_outbound, run)
}

pub fn prefix_inbound(run: Run) -> Measured {
    shuffled(Site::new(Shape::SMALL), Site::prefix_inbound, run)
}

pub fn prefix_filtered(run: Run) -> Measured {
    shuffled(Site::new(Shape::FILTERED), Site::prefix_outbound, run)
}
