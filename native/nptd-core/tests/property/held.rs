//! Held packets and the clock of whoever drives the engine.

use nptd_core::frame::DeviceIndex;
use nptd_core::plan::spec::PlanSpec;
use nptd_core::time::Duration;
use nptd_core::verdict::{DropReason, OutputKind, Verdict};

use super::packets::{Packet4, tcp};
use super::site::{REMOTE, Site, TUNNEL_ADDRESS, spec};

const TUNNEL: DeviceIndex = DeviceIndex(3);
const SYN: u8 = 0x02;

/// A site that has said on its links who it is.
fn site(spec: PlanSpec) -> Site {
    let mut site = Site::new(spec, 64, 64);
    for _ in 0..30 {
        site.tick();
        site.advance(1_000);
    }
    site
}

fn call(site: &mut Site, port: u16) {
    let syn = Packet4::new(REMOTE, TUNNEL_ADDRESS, 6, tcp(port, 22, SYN, b"")).octets();
    assert_eq!(site.send_packet(TUNNEL, &syn).verdict, Verdict::Drop(DropReason::NoMapping));
}

#[test]
fn the_engine_asks_to_be_woken_when_a_held_packet_is_due_and_for_nothing_else_5382_r4() {
    let mut site = site(spec());
    assert_eq!(site.engine.next_wakeup(), None);
    call(&mut site, 1);
    let due = site.now.after(Duration::from_secs(6));
    assert_eq!(site.engine.next_wakeup(), Some(due));
    site.advance(5_999);
    assert_eq!(site.tick_outputs(), []);
    site.advance(1);
    assert!(matches!(site.tick_outputs()[..], [(TUNNEL, OutputKind::IcmpError, _)]));
    assert_eq!(site.engine.next_wakeup(), None);
}

#[test]
fn one_tick_answers_sixteen_and_the_next_the_others() {
    let mut site = site(spec());
    (1..=20).for_each(|port| call(&mut site, port));
    site.advance(10_000);
    let counts = [0; 3].map(|_| site.tick_outputs().len());
    assert_eq!(counts, [16, 4, 0]);
}

#[test]
fn stealth_holds_nothing_5382_r4a() {
    let mut spec = spec();
    spec.nat44.hold = Duration::from_secs(0);
    let mut site = site(spec);
    call(&mut site, 1);
    assert_eq!(site.engine.next_wakeup(), None);
}
