//! Duplicate address detection: what is asked when, and what is heard.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod host;

use host::*;
use nptd_core::frame::DeviceIndex;
use nptd_core::host::duplicate_addresses::AddressConflict;
use nptd_core::time::Instant;
use nptd_core::verdict::{OutputKind, Verdict};
use nptd_core::wire::ethernet::MacAddress;

const OWN: &str = "fd01:203:405:1::1";
const OWN_LINK_LOCAL: &str = "fe80::ff:fe00:1";

fn asked(gateway: &mut Gateway) -> Vec<(DeviceIndex, u128)> {
    let sent = gateway.sent();
    sent.iter()
        .filter(|sent| sent.kind == OutputKind::NeighbourRequest)
        .map(|sent| (sent.egress, probe(sent)))
        .collect()
}

/// The target of a probe for duplicates.
fn probe(sent: &Sent) -> u128 {
    let read = read_nd(&sent.octets);
    let group = v6("ff02::1:ff00:0") | (read.target & 0xff_ffff);
    let [.., a, b, c, d] = group.to_be_bytes();
    assert_eq!((read.source, read.destination, read.to_mac), (0, group, [0x33, 0x33, a, b, c, d]));
    assert_eq!((read.flags, read.source_option, read.target_option), (None, None, None));
    read.target
}

fn gateway() -> Gateway {
    let mut gateway = Gateway::new();
    gateway.adopt(|_| {});
    gateway
}

fn conflicts(gateway: &mut Gateway) -> Vec<AddressConflict> {
    std::iter::from_fn(|| gateway.duties.duplicates.take_conflict()).collect()
}

#[test]
fn each_own_address_is_asked_for_three_times_from_when_it_appears() {
    let mut gateway = gateway();
    let uplink = [(UPLINK, v6("2001:db8:1::2")), (UPLINK, v6("fe80::ff:fe00:2"))];
    let internal = [(INTERNAL, v6(OWN)), (INTERNAL, v6(OWN_LINK_LOCAL))];
    let all = [internal, uplink].concat();
    assert_eq!(asked(&mut gateway), all, "none on the device without link headers");
    gateway.adopt(|spec| spec.generation = 2);
    for pause in [3_000, 16_000] {
        gateway.wait_for_duties(pause - 1);
        assert_eq!(asked(&mut gateway), []);
        gateway.wait_for_duties(1);
        assert_eq!(asked(&mut gateway), all);
    }
    assert_eq!(gateway.duties.next_wakeup(), None);
    let second = v6("fd01:203:405:1::2");
    gateway.adopt(|spec| spec.devices[0].ipv6.push((second, 64)));
    assert_eq!(asked(&mut gateway), [(INTERNAL, second)]);
    assert_eq!(gateway.duties.next_wakeup(), Some(Instant::from_micros(gateway.now.as_micros() + 3_000_000)));
}

#[test]
fn who_claims_or_probes_it_is_told_once_a_minute_and_the_address_stays() {
    let claim = Nd::advertisement(HOST_MAC, INTERNAL_MAC, OWN, "ff02::1", 0x20);
    let probe = Nd::solicitation(HOST_MAC, "::", OWN);
    for (message, verdict) in [(claim, Verdict::Consumed), (probe, Verdict::Reply)] {
        let mut gateway = gateway();
        for pause in [0, 3_600_000, 60_000] {
            gateway.wait_for_duties(pause);
            assert_eq!(gateway.nd(INTERNAL, &message.frame()).0, verdict);
            gateway.wait_for_duties(59_999);
            assert_eq!(gateway.nd(INTERNAL, &message.frame()).0, verdict);
            let expected = AddressConflict { device: INTERNAL, address: v6(OWN), mac: MacAddress(HOST_MAC) };
            assert_eq!(conflicts(&mut gateway), [expected], "once");
        }
        let question = Nd::solicitation(HOST_MAC, "fd01:203:405:1::10", OWN);
        assert_eq!(gateway.nd(INTERNAL, &question.frame()).0, Verdict::Reply);
    }
}

#[test]
fn what_comes_elsewhere_or_from_ourselves_is_no_conflict() {
    let claim = |mac, target| Nd::advertisement(mac, INTERNAL_MAC, target, "ff02::1", 0x20).frame();
    let mut gateway = gateway();
    let _ = gateway.nd(INTERNAL, &claim(INTERNAL_MAC, OWN));
    let _ = gateway.nd(INTERNAL, &claim(UPLINK_MAC, OWN));
    let _ = gateway.nd(INTERNAL, &claim(HOST_MAC, "fd01:203:405:1::10"));
    let _ = gateway.nd(UPLINK, &claim(HOST_MAC, OWN));
    // Someone who resolves our address has no claim to it.
    let _ = gateway.nd(INTERNAL, &Nd::solicitation(HOST_MAC, "fd01:203:405:1::10", OWN).frame());
    assert_eq!(conflicts(&mut gateway), []);
}

#[test]
fn conflicts_that_nobody_takes_stay_few() {
    let mut gateway = gateway();
    for _ in 0..100 {
        gateway.wait_for_duties(60_000);
        let _ = gateway.nd(INTERNAL, &Nd::solicitation(HOST_MAC, "::", OWN).frame());
    }
    assert_eq!(conflicts(&mut gateway).len(), 4, "as many as there are addresses");
}

#[test]
fn an_address_that_a_plan_takes_away_is_no_longer_asked_for() {
    let mut gateway = gateway();
    gateway.adopt(|spec| spec.devices[0].ipv6.clear());
    let _ = gateway.nd(INTERNAL, &Nd::advertisement(HOST_MAC, INTERNAL_MAC, OWN, "ff02::1", 0x20).frame());
    assert_eq!(conflicts(&mut gateway), []);
}
