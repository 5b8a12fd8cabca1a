//! What the machine itself can do, to compare machines by: a copy loop, and a walk through memory.

use std::hint::black_box;

use nptd_core::frame::FRAME_BATCH_MAX;

use crate::measure::Run;
use crate::report::Measured;
use crate::site::{Shape, Site};
use crate::traffic::{Arrivals, Buffers, shuffle};

/// Nodes of the walk: 64 MiB in cache lines, as a million sessions are.
const NODES: usize = 1 << 20;

#[derive(Clone)]
#[repr(align(64))]
struct Node {
    next: u32,
}

/// Nanoseconds per step from one cache line to the next, which only that one names.
pub fn pointer_chase(run: Run) -> Measured {
    let mut order: Vec<u32> = (1..NODES as u32).collect();
    shuffle(&mut order);
    let mut nodes = vec![Node { next: 0 }; NODES];
    let mut at = 0;
    for next in order {
        nodes[at as usize].next = next;
        at = next;
    }
    let mut at = 0;
    let mut steps = || {
        for _ in 0..FRAME_BATCH_MAX {
            at = nodes[at as usize].next;
        }
        at
    };
    run.sampled(|bencher| bencher.iter(&mut steps)).per("ns/step")
}

/// The loop of all other cases without the engine.
pub fn copy_only(run: Run) -> Measured {
    let mut site = Site::new(Shape::SMALL);
    let mut arrivals = Arrivals::shuffled(site.sessions_outbound(1_000));
    let mut buffers = Buffers::new();
    let mut copy = || {
        black_box(&mut buffers.receive(&mut arrivals));
    };
    run.sampled(|bencher| bencher.iter(&mut copy)).per("ns/packet")
}
