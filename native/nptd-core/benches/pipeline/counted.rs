//! A fixed amount of work for an instruction counter: `--count CASE ROUNDS` sends 1,024 frames through the engine ROUNDS times, one
//! batch after the other, and prints how many packets that were. The instructions of a packet are the difference between two
//! runs, so that neither start nor preparation count (scripts/lib/instructions.mjs).

use crate::churn::Opener;
use crate::rounds::{Arrivals, Buffers, pass};
use crate::site::{Shape, Site, Template};

/// Flows of each case: all of them fit the caches, which do not count here.
const FLOWS: u32 = 1_024;

type Prepare = fn(&mut Site) -> Vec<Template>;

const CASES: &[(&str, Shape, Prepare)] = &[
    ("nat44-out", Shape::SMALL, |site| site.sessions_outbound(FLOWS)),
    ("nat44-in", Shape::SMALL, |site| site.sessions_inbound(FLOWS)),
    ("nptv6-out", Shape::SMALL, Site::prefix_outbound),
    ("nptv6-in", Shape::SMALL, Site::prefix_inbound),
    ("nptv6-out-filtered", Shape::FILTERED, Site::prefix_outbound),
];

/// The case that opens a session with each packet while another one ends, and half of the ports are held.
const NEW: &str = "nat44-new";
/// Most rounds of that case.
const ROUNDS_MAX: usize = 16;

pub fn run(arguments: &[String]) {
    let [case, rounds] = arguments else {
        return CASES.iter().map(|(case, _, _)| *case).chain([NEW]).for_each(|case| println!("{case}"));
    };
    let rounds: usize = rounds.parse().expect("a number of rounds");
    if case == NEW {
        let mut opener = Opener::new(Shape::ONE_ADDRESS, 1);
        opener.reach_steady_state();
        // Made whether they are sent or not, so that making them does not count.
        let flows = opener.flows(ROUNDS_MAX * FLOWS as usize);
        let sent = &flows[..rounds * FLOWS as usize];
        assert_eq!(opener.send(sent), sent.len(), "all are forwarded");
    } else {
        let (_, shape, prepare) = CASES.iter().find(|(name, _, _)| name == case).expect("the name of a case");
        let mut site = Site::new(*shape);
        let mut arrivals = Arrivals::shuffled(prepare(&mut site));
        let mut buffers = Buffers::new();
        pass(&mut site, &mut buffers, &mut arrivals, rounds * FLOWS as usize);
    }
    println!("{}", rounds * FLOWS as usize);
}
