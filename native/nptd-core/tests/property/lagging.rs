//! The same sequences when expiry lags behind: its steps come seldom, and are bounded.

use nptd_core::session::filtering::Filtering;
use proptest::collection::vec;

use super::model::check_unique;
use super::sequences::{BOTH, Step, check_everything_comes_back, send, small_spec, step};
use super::site::{Site, runner};

#[test]
fn late_expiry_never_shares_an_endpoint_and_catches_up_in_the_end() {
    let steps = vec((step(), proptest::bool::weighted(0.3)), 1..80);
    runner(1_500)
        .run(&(1_u32..=8, 1_u32..=16, steps), |(mappings, sessions, steps)| {
            let mut site = Site::new(small_spec(BOTH, 300, Filtering::EndpointIndependent), mappings, sessions);
            for (step, is_ticked) in &steps {
                play(&mut site, step);
                if *is_ticked {
                    site.tick();
                }
                check_unique(&site.mappings());
                assert!(site.engine.session_count() <= sessions && site.engine.mapping_count() <= mappings);
            }
            check_everything_comes_back(&mut site, mappings.min(sessions));
            Ok(())
        })
        .unwrap();
}

fn play(site: &mut Site, step: &Step) {
    match step {
        Step::Wait(ms) => site.advance(*ms),
        Step::Plan(links) => site.adopt(small_spec(*links, 300, Filtering::EndpointIndependent)),
        Step::Outbound(..) | Step::Inbound(..) | Step::Hairpin(..) => {
            let live = site.sessions();
            let _ = send(site, step);
            // A live session never changes its endpoints.
            for row in site.sessions() {
                let same = live.iter().find(|old| {
                    (old.slot, old.protocol, old.internal, old.remote)
                        == (row.slot, row.protocol, row.internal, row.remote)
                });
                assert!(same.is_none_or(|old| old.external == row.external));
            }
        }
    }
}
