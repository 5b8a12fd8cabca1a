//! What the machine itself can do, to compare machines by: a copy loop, and a walk through memory.

use crate::system::Clock;
use std::hint::black_box;

use nptd_core::frame::FRAME_BATCH_MAX;

use crate::report::Measured;
use crate::rounds::{Arrivals, Buffers, Effort, shuffle};
use crate::site::{Shape, Site};

/// Nodes of the walk: 64 MiB in cache lines, as a million sessions are.
const NODES: usize = 1 << 20;

#[derive(Clone)]
#[repr(align(64))]
struct Node {
    next: u32,
}

/// Nanoseconds per step from one cache line to the next, which only that one names.
pub fn pointer_chase(effort: Effort) -> Measured {
    let mut order: Vec<u32> = (1..NODES as u32).collect();
    shuffle(&mut order);
    let mut nodes = vec![Node { next: 0 }; NODES];
    let mut at = 0;
    for next in order {
        nodes[at as usize].next = next;
        at = next;
    }
    let mut at = 0;
    let mut round = || {
        let start = Clock::now();
        for _ in 0..effort.packets {
            at = nodes[at as usize].next;
        }
        black_box(at);
        start.elapsed().as_nanos() as f64 / effort.packets as f64
    };
    round();
    Measured::of((0..effort.rounds).map(|_| round()).collect(), "ns/step")
}

/// The loop of all other cases without the engine.
pub fn copy_only(effort: Effort) -> Measured {
    let mut site = Site::new(Shape::SMALL);
    let mut arrivals = Arrivals::shuffled(site.sessions_outbound(1_000));
    let mut buffers = Buffers::new();
    let mut round = || {
        let start = Clock::now();
        for _ in 0..effort.packets / FRAME_BATCH_MAX {
            let mut frames = buffers.receive(&mut arrivals);
            black_box(&mut frames);
        }
        start.elapsed().as_nanos() as f64 / effort.packets as f64
    };
    round();
    Measured::of((0..effort.rounds).map(|_| round()).collect(), "ns/packet")
}
