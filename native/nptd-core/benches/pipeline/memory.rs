//! Octets that sessions take, everything counted: what the process has more of when they are there than before the engine was made.

use crate::measure::Run;
use crate::report::Measured;
use crate::site::{Shape, Site};

/// Octets per session, of tables that hold as many as there are.
pub fn per_session(sessions: u32, per_mapping: u32, _run: Run) -> Measured {
    let before = resident();
    let mut site = Site::new(Shape::of(sessions, per_mapping));
    for number in 0..sessions {
        site.open_shared(number, per_mapping);
    }
    assert_eq!(site.engine.session_count(), sessions);
    let octets = (resident() - before) as f64 / f64::from(sessions);
    Measured::new([octets; 2], "octets/session")
}

/// Octets of this process in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * 4_096
}
