//! Instructions that the engine spends on packets, counted under valgrind by gungraun: the same on a busy machine.
//!
//! Each case sends `PACKETS` through an engine that has been prepared, which does not count. scripts/lib/gungraun.mjs runs it and reads
//! from the identifier of a case (`nat44_out`) its name (`nat44-out`).

#![allow(clippy::expect_used, reason = "a benchmark may fail loudly")]
#![allow(dead_code, reason = "modules of the suite of times, which uses more of them")]
#![allow(missing_docs, reason = "gungraun writes functions without words")]

#[path = "pipeline/opener.rs"]
mod opener;
#[path = "pipeline/site.rs"]
mod site;
#[path = "pipeline/system.rs"]
mod system;
#[path = "pipeline/traffic.rs"]
mod traffic;

use gungraun::prelude::*;
use gungraun::{Callgrind, library_benchmark_group, main};

use opener::Opener;
use site::{Shape, Site, Template};
use traffic::{Arrivals, Buffers, pass};

/// Packets that are counted; scripts/lib/gungraun.mjs divides by them.
const PACKETS: usize = 10_240;
/// Flows of each case: all of them fit the caches, which do not count here.
const FLOWS: u32 = 1_024;
/// Packets before those that are counted, which fill tables.
const PACKETS_BEFORE: usize = 4_096;

/// A site with packets of sessions that are there.
struct Established {
    site: Site,
    arrivals: Arrivals,
    buffers: Buffers,
}

impl Established {
    fn send(&mut self, packets: usize) {
        pass(&mut self.site, &mut self.buffers, &mut self.arrivals, packets);
    }
}

fn establish(shape: Shape, prepare: fn(&mut Site) -> Vec<Template>) -> Box<Established> {
    let mut site = Site::new(shape);
    let arrivals = Arrivals::shuffled(prepare(&mut site));
    let mut established = Box::new(Established { site, arrivals, buffers: Buffers::new() });
    established.send(PACKETS_BEFORE);
    established
}

// What has been used is given back, so that taking it apart does not count.
#[library_benchmark(setup = establish)]
#[bench::nat44_out(Shape::SMALL, |site| site.sessions_outbound(FLOWS))]
#[bench::nat44_in(Shape::SMALL, |site| site.sessions_inbound(FLOWS))]
#[bench::nptv6_out(Shape::SMALL, Site::prefix_outbound)]
#[bench::nptv6_in(Shape::SMALL, Site::prefix_inbound)]
#[bench::nptv6_out_filtered(Shape::FILTERED, Site::prefix_outbound)]
fn established(mut established: Box<Established>) -> Box<Established> {
    established.send(PACKETS);
    established
}

fn reach_steady_state(shape: Shape) -> Box<(Opener, Vec<Template>)> {
    let mut opener = Opener::new(shape, 1);
    opener.reach_steady_state();
    let flows = opener.flows(PACKETS_BEFORE);
    assert_eq!(opener.send(&flows), PACKETS_BEFORE, "all are forwarded");
    let flows = opener.flows(PACKETS);
    Box::new((opener, flows))
}

// A session with each packet while another one ends, where half of the ports are held.
#[library_benchmark(setup = reach_steady_state)]
#[bench::nat44_new(Shape::ONE_ADDRESS)]
fn opening(mut opening: Box<(Opener, Vec<Template>)>) -> Box<(Opener, Vec<Template>)> {
    let (opener, flows) = &mut *opening;
    assert_eq!(opener.send(flows), PACKETS, "all are forwarded");
    opening
}

library_benchmark_group!(name = packets, benchmarks = [established, opening]);

main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = packets
);
