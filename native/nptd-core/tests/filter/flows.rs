//! Protocols without connections: what comes in, what refreshes, what is kept.

use nptd_core::plan::spec::Published6Spec;
use nptd_core::session::filtering::Filtering;
use nptd_core::verdict::{DropReason, OutputKind, Verdict};

use super::site::*;

/// Whether a packet from a remote endpoint to the host's port 1000 comes in.
fn comes_in(site: &mut Site, remote: &str, port: u16) -> bool {
    let external = site.external(0, HOST);
    let seen = site.send(FIRST, &udp(remote, port, &external, 1000));
    if seen.verdict == Verdict::Forward {
        assert_eq!((seen.egress, destination_of(&seen.after)), (SITE, v6(HOST)));
        return true;
    }
    assert_eq!((seen.verdict, seen.outputs.len()), (dropped(DropReason::FilteredInbound), 0));
    false
}

#[test]
fn filtering_by_endpoint_address_or_port_6092_r11_r17() {
    use Filtering::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
    let expected = [
        (EndpointIndependent, [true, true, true]),
        (AddressDependent, [true, true, false]),
        (AddressAndPortDependent, [true, false, false]),
    ];
    for (filtering, admitted) in expected {
        let mut site = Site::new();
        site.filter_by(filtering);
        assert!(!comes_in(&mut site, REMOTE, 53), "nothing was asked for");
        let sent = site.send(SITE, &udp(HOST, 1000, REMOTE, 53));
        assert_eq!((sent.verdict, sent.egress), (Verdict::Forward, FIRST));
        let seen = [(REMOTE, 53), (REMOTE, 54), (STRANGER, 53)].map(|(remote, port)| comes_in(&mut site, remote, port));
        assert_eq!(seen, admitted, "{filtering:?}");
        let external = site.external(0, OTHER_HOST);
        assert_eq!(site.verdict(FIRST, &udp(REMOTE, 53, &external, 1000)), dropped(DropReason::FilteredInbound));
    }
}

#[test]
fn outbound_packets_refresh_and_inbound_ones_do_not_6092_r14_r16() {
    let mut site = Site::new();
    site.send(SITE, &udp(HOST, 1000, REMOTE, 53));
    site.now_ms += 200_000;
    assert!(comes_in(&mut site, REMOTE, 53));
    assert_eq!(site.rows()[0].expires_in_ms, 100_000);
    site.send(SITE, &udp(HOST, 1000, REMOTE, 53));
    site.now_ms += 299_900;
    assert!(comes_in(&mut site, REMOTE, 53));
    site.now_ms += 100;
    assert!(!comes_in(&mut site, REMOTE, 53));
    assert_eq!(site.rows().len(), 0);
}

#[test]
fn udp_lite_is_filtered_like_udp_and_apart_from_it_6092_r20() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    site.send(SITE, &udp(HOST, 1000, REMOTE, 53));
    let lite = |source: &str, destination: &str| packet(source, destination, 136, &[0, 53, 3, 232, 0, 0, 1, 1]);
    assert_eq!(site.verdict(FIRST, &lite(REMOTE, &external)), dropped(DropReason::FilteredInbound));
    site.send(SITE, &packet(HOST, REMOTE, 136, &[3, 232, 0, 53, 0, 0, 1, 1]));
    assert_eq!(site.verdict(FIRST, &lite(REMOTE, &external)), Verdict::Forward);
}

#[test]
fn ipsec_and_hip_come_in_unasked_unless_the_plan_says_otherwise_6092_r21_r22_r24_r26() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    let unasked = [
        packet(REMOTE, &external, 51, &[59, 4, 0, 0, 0, 0, 0, 1]),
        packet(REMOTE, &external, 50, &[0; 16]),
        udp(REMOTE, 500, &external, 500),
        packet(REMOTE, &external, 139, &[59, 0, 0, 0, 0, 0, 0, 0]),
    ];
    // A HIP header opens the way to nothing else.
    let smuggled =
        packet(REMOTE, &external, 139, &[&[17, 0, 0, 0, 0, 0, 0, 0][..], &[0, 9, 0, 9, 0, 8, 0, 0]].concat());
    assert_eq!(site.verdict(FIRST, &smuggled), dropped(DropReason::FilteredInbound));
    assert_eq!(site.verdict(FIRST, &packet(REMOTE, &external, 59, &[])), dropped(DropReason::FilteredInbound));
    for packet in &unasked {
        assert_eq!(site.verdict(FIRST, packet), Verdict::Forward);
    }
    let mut strict = Site::new();
    strict.change(|spec| spec.filter6.as_mut().unwrap().ipsec = false);
    for packet in &unasked {
        assert_eq!(strict.verdict(FIRST, packet), dropped(DropReason::FilteredInbound));
    }
    // Asked for, they come in as any protocol does: by addresses, never by an SPI (6092-R25).
    strict.send(SITE, &packet(HOST, REMOTE, 50, &[1; 16]));
    assert_eq!(strict.verdict(FIRST, &unasked[1]), Verdict::Forward);
}

#[test]
fn echo_requests_come_in_and_replies_only_if_asked_for() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    assert_eq!(site.verdict(FIRST, &echo(REMOTE, &external, 129, 7)), dropped(DropReason::FilteredInbound));
    assert_eq!(site.verdict(SITE, &echo(HOST, REMOTE, 129, 7)), dropped(DropReason::IcmpTypeNotForwarded));
    assert_eq!(site.verdict(FIRST, &echo(REMOTE, &external, 128, 7)), Verdict::Forward);
    assert_eq!(site.verdict(SITE, &echo(HOST, REMOTE, 129, 7)), Verdict::Forward);
    assert_eq!(site.verdict(SITE, &echo(HOST, REMOTE, 128, 8)), Verdict::Forward);
    assert_eq!(site.verdict(FIRST, &echo(REMOTE, &external, 129, 8)), Verdict::Forward);
    assert_eq!(site.verdict(FIRST, &echo(STRANGER, &external, 129, 8)), dropped(DropReason::FilteredInbound));
    assert_eq!(site.rows().len(), 2);
}

#[test]
fn what_is_published_may_be_called_by_anybody() {
    let mut site = Site::new();
    let entry = |internal: &str, protocol, ports| Published6Spec { internal: v6(internal), protocol, ports };
    site.change(|spec| {
        let ports = Some((80, 90));
        spec.filter6.as_mut().unwrap().published =
            vec![entry(OTHER_HOST, None, None), entry(HOST, Some(UDP), ports), entry(HOST, Some(47), None)];
    });
    let (host, other) = (site.external(0, HOST), site.external(0, OTHER_HOST));
    for (port, verdict) in [(79, false), (80, true), (90, true), (91, false)] {
        let expected = if verdict { Verdict::Forward } else { dropped(DropReason::FilteredInbound) };
        assert_eq!(site.verdict(FIRST, &udp(REMOTE, 9, &host, port)), expected, "{port}");
    }
    assert_eq!(site.verdict(FIRST, &packet(REMOTE, &host, 47, &[])), Verdict::Forward);
    assert_eq!(site.verdict(FIRST, &packet(REMOTE, &host, 48, &[])), dropped(DropReason::FilteredInbound));
    assert_eq!(site.verdict(FIRST, &packet(REMOTE, &other, 48, &[])), Verdict::Forward);
    assert_eq!(site.verdict(FIRST, &tcp(REMOTE, 9, &other, 1, &segment(SYN))), Verdict::Forward);
    assert_eq!(site.verdict(FIRST, &tcp(REMOTE, 9, &other, 2, &segment(ACK))), dropped(DropReason::TcpWithoutSession));
}

#[test]
fn a_refusal_is_answered_where_the_plan_wants_it() {
    let mut site = Site::new();
    site.change(|spec| spec.nat44.refuse_filtered = true);
    let external = site.external(0, HOST);
    let seen = site.send(FIRST, &udp(REMOTE, 53, &external, 1000));
    assert_eq!((seen.verdict, seen.error()), (dropped(DropReason::FilteredInbound), Some((FIRST, 1, 1))));
}

#[test]
fn a_full_table_refuses_the_new_and_keeps_the_living() {
    let mut site = Site::with(spec(), 2);
    for port in [1, 2] {
        assert_eq!(site.verdict(SITE, &udp(HOST, port, REMOTE, 53)), Verdict::Forward);
    }
    let refused = site.send(SITE, &udp(HOST, 3, REMOTE, 53));
    assert_eq!((refused.verdict, refused.error()), (dropped(DropReason::SessionTableFull), Some((SITE, 1, 3))));
    let external = site.external(0, HOST);
    let refused = site.send(FIRST, &udp(STRANGER, 53, &external, 1));
    assert_eq!((refused.verdict, refused.outputs.len()), (dropped(DropReason::SessionTableFull), 0));
    assert_eq!(site.verdict(FIRST, &udp(REMOTE, 53, &external, 1)), Verdict::Forward);
    site.now_ms += 300_000;
    assert_eq!(site.verdict(SITE, &udp(HOST, 3, REMOTE, 53)), Verdict::Forward);
}

#[test]
fn headers_cut_short_make_no_state() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    for (protocol, length) in [(UDP, 8), (136, 8), (TCP, 20), (SCTP, 12), (DCCP, 12)] {
        let short = vec![0; length - 1];
        for (device, packet) in
            [(SITE, packet(HOST, REMOTE, protocol, &short)), (FIRST, packet(REMOTE, &external, protocol, &short))]
        {
            assert_eq!(site.verdict(device, &packet), dropped(DropReason::TransportInvalid), "{protocol}");
        }
        let mut enough = vec![0; length];
        if protocol == TCP {
            for offset in [0x40, 0x60] {
                enough[12] = offset;
                let packet = packet(HOST, REMOTE, TCP, &enough);
                assert_eq!(site.verdict(SITE, &packet), dropped(DropReason::TransportInvalid), "{offset}");
            }
            enough[12] = 0x50;
        }
        assert_eq!(site.verdict(SITE, &packet(HOST, REMOTE, protocol, &enough)), Verdict::Forward);
    }
    let extended = [0, 1, 0, 2, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    assert_eq!(site.verdict(SITE, &packet(HOST, REMOTE, DCCP, &extended)), dropped(DropReason::TransportInvalid));
}

#[test]
fn without_the_filter_everything_passes_and_no_state_is_kept_6092_r49() {
    let mut site = Site::new();
    site.send(SITE, &udp(HOST, 1000, REMOTE, 53));
    assert_eq!(site.engine.filter_session_count(), 1);
    site.change(|spec| spec.filter6 = None);
    assert_eq!(site.engine.filter_session_count(), 0);
    assert!(comes_in(&mut site, STRANGER, 1));
    assert_eq!(site.verdict(SITE, &tcp(HOST, 1, REMOTE, 2, &segment(RST))), Verdict::Forward);
    site.change(|spec| spec.filter6 = Some(filter()));
    assert!(!comes_in(&mut site, REMOTE, 53), "switched on again it knows nothing");
}

#[test]
fn rows_tell_both_forms_of_the_internal_endpoint() {
    let mut site = Site::new();
    site.send(SITE, &tcp(HOST, 1000, REMOTE, 443, &segment(SYN)));
    let row = site.rows()[0];
    let external = v6(&site.external(0, HOST));
    assert_eq!((row.protocol.number(), row.slot, row.expires_in_ms), (TCP, 0, 240_000));
    assert_eq!((row.internal.address, row.internal.port), (v6(HOST), 1000));
    assert_eq!((row.external.address, row.external.port), (external, 1000));
    assert_eq!((row.remote.address, row.remote.port), (v6(REMOTE), 443));
    assert_eq!(row.tcp_state.map(|state| state.name()), Some("INIT"));
}

#[test]
fn hairpins_pass_the_filters_of_both_hosts() {
    let mut site = Site::new();
    let (host, other) = (site.external(0, HOST), site.external(0, OTHER_HOST));
    assert_eq!(site.verdict(SITE, &udp(HOST, 1000, &other, 2000)), dropped(DropReason::FilteredInbound));
    // The sender's own filter is open now.
    let seen = site.send(SITE, &udp(OTHER_HOST, 2000, &host, 1000));
    assert_eq!((seen.verdict, seen.egress), (Verdict::Forward, SITE));
    assert_eq!((source_of(&seen.after), destination_of(&seen.after)), (v6(&other), v6(HOST)));
    assert_eq!(site.verdict(SITE, &udp(HOST, 1000, &other, 2000)), Verdict::Forward);
    assert!(site.rows().iter().all(|row| row.slot == 0));
    // What a host has sent is what it lets in.
    assert_eq!(site.rows().len(), 2);
    assert!(seen.outputs.iter().all(|(_, kind, _)| *kind != OutputKind::IcmpError));
}
