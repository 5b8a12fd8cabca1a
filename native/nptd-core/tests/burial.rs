//! Mappings that end with very many sessions at once: nobody can tell whether these have been taken apart yet.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod two_uplinks;

use std::net::Ipv4Addr;
use std::sync::Arc;

use etherparse::PacketBuilder;
use nptd_core::counters::Counters;
use nptd_core::frame::{DeviceIndex, Frame, HEADROOM};
use nptd_core::output::OutputPool;
use nptd_core::pipeline::{Engine, EngineConfig};
use nptd_core::plan::Plan;
use nptd_core::plan::spec::*;
use nptd_core::time::Instant;
use nptd_core::verdict::{DropReason, Verdict};
use two_uplinks::in_order;

const SITE: DeviceIndex = DeviceIndex(0);
const A: DeviceIndex = DeviceIndex(1);
const B: DeviceIndex = DeviceIndex(2);
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 6);
const OF_A: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
const OF_B: Ipv4Addr = Ipv4Addr::new(203, 0, 114, 2);
const PORT: u16 = 5_000;

/// Whether A and B are usable.
fn spec(usable: [bool; 2]) -> PlanSpec {
    PlanSpec { policies: vec![in_order()], ..two_uplinks::spec(usable) }
}

/// The external endpoint of HOST at A is that of OTHER now.
fn published() -> PlanSpec {
    let ports = StaticPortsSpec { protocol: 17, external: PORT, internal: PORT, count: 1, gateway_source: false };
    let fixed =
        StaticMappingSpec { slot: 0, external: u32::from(OF_A), internal: u32::from(OTHER), ports: Some(ports) };
    let mut spec = spec([true, true]);
    spec.nat44.static_mappings = vec![fixed];
    spec
}

struct Site {
    engine: Engine,
    outputs: OutputPool,
    /// Whether what has ended is taken apart after each packet, or never unless somebody needs the room.
    is_prompt: bool,
}

impl Site {
    fn new(is_prompt: bool, sessions_max: u32) -> Self {
        let config = EngineConfig {
            mappings_max: 3,
            sessions_max,
            filter_sessions_max: 16,
            hosts_max: 2,
            neighbours_max: 16,
            secret: [1; 16],
            hash_key: [2; 16],
        };
        let engine = Engine::new(config, Arc::new(Counters::new()));
        let mut site = Self { engine, outputs: OutputPool::new(), is_prompt };
        site.adopt(spec([true, true]));
        site
    }

    fn adopt(&mut self, mut spec: PlanSpec) {
        spec.nat44.host_limits.sessions = 200;
        spec.nat44.host_limits.sessions_per_mapping = u32::MAX;
        spec.nat44.host_limits.mappings_per_protocol = 2;
        spec.nat44.host_limits.flows = RateSpec { per_second: 1_000_000, burst: u32::MAX };
        self.adopt_as_it_is(spec);
    }

    fn adopt_as_it_is(&mut self, spec: PlanSpec) {
        self.engine.adopt(Arc::new(Plan::new(spec).unwrap()));
    }

    /// The verdict about a datagram, the device that it leaves by, and its octets then.
    fn send(
        &mut self,
        device: DeviceIndex,
        (source, from): (Ipv4Addr, u16),
        (destination, to): (Ipv4Addr, u16),
    ) -> (Verdict, u16, Vec<u8>) {
        let mut memory = vec![0; HEADROOM + 128];
        let mut packet = Vec::new();
        PacketBuilder::ipv4(source.octets(), destination.octets(), 64).udp(from, to).write(&mut packet, b"hi").unwrap();
        memory[HEADROOM..HEADROOM + packet.len()].copy_from_slice(&packet);
        let mut frames = [Frame::new(&mut memory, HEADROOM, packet.len(), device)];
        self.outputs.clear();
        self.engine.process(&mut frames, Instant::default(), &mut self.outputs);
        if self.is_prompt {
            self.engine.settle(Instant::default());
        }
        let [frame] = frames;
        (frame.verdict, frame.egress.0, frame.octets().to_vec())
    }

    /// A datagram of HOST to a remote by its number.
    fn call(&mut self, number: u16) -> (Verdict, u16, Vec<u8>) {
        self.send(SITE, (HOST, PORT), remote(number))
    }

    /// All that operators see: sessions, mappings, ports that rest, and the numbers of the first two.
    fn state(&mut self) -> (Vec<String>, Vec<String>, Vec<String>, [u32; 2]) {
        let (mut sessions, mut mappings, mut rests) = (Vec::new(), Vec::new(), Vec::new());
        self.engine.session_rows(0, u32::MAX, Instant::default(), &mut sessions);
        self.engine.mapping_rows(0, u32::MAX, Instant::default(), &mut mappings);
        self.engine.port_rests(0, u32::MAX, Instant::default(), &mut rests);
        let counts = [self.engine.session_count(), self.engine.mapping_count()];
        let mut texts = [
            sessions.iter().map(|row| format!("{row:?}")).collect::<Vec<_>>(),
            mappings.iter().map(|row| format!("{row:?}")).collect(),
            rests.iter().map(|row| format!("{row:?}")).collect(),
        ];
        texts.iter_mut().for_each(|rows| rows.sort());
        let [sessions, mappings, rests] = texts;
        (sessions, mappings, rests, counts)
    }
}

fn remote(number: u16) -> (Ipv4Addr, u16) {
    (Ipv4Addr::from(0xc633_6400 + u32::from(number)), 7_000)
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Calls of HOST to the remotes from one to another.
    Calls(u16, u16),
    /// A datagram of a remote to the endpoint of HOST at an uplink.
    Answer(DeviceIndex, u16),
    /// A call of OTHER.
    OtherCalls(u16),
    Usable([bool; 2]),
    Publish,
}

fn play(site: &mut Site, event: Event) -> Vec<(Verdict, u16, Vec<u8>)> {
    match event {
        Event::Calls(from, to) => (from..to).map(|number| site.call(number)).collect(),
        Event::Answer(device, number) => {
            vec![site.send(device, remote(number), (if device == A { OF_A } else { OF_B }, PORT))]
        }
        Event::OtherCalls(number) => vec![site.send(SITE, (OTHER, 9), remote(number))],
        Event::Usable(usable) => {
            site.adopt(spec(usable));
            Vec::new()
        }
        Event::Publish => {
            site.adopt(published());
            Vec::new()
        }
    }
}

#[test]
fn nobody_can_tell_whether_the_sessions_of_a_mapping_that_ended_have_been_taken_apart() {
    use Event::*;
    let (mut prompt, mut late) = (Site::new(true, 230), Site::new(false, 230));
    let events = [
        Calls(0, 200),
        // The limit of the host.
        Calls(200, 201),
        Usable([false, true]),
        // The next one of it would take the short way.
        Answer(A, 8),
        // It moves with all it has.
        Calls(0, 1),
        Answer(A, 8),
        Answer(A, 0),
        Answer(A, 7),
        Answer(B, 0),
        Answer(B, 7),
        // More than there is room for beside what has ended.
        Calls(0, 180),
        Answer(B, 7),
        OtherCalls(3),
        // Back again, to the port that it had, beside what it had there.
        Usable([true, false]),
        Calls(5, 6),
        Answer(A, 5),
        Answer(A, 7),
        Answer(B, 5),
        Calls(0, 150),
        Answer(A, 7),
        OtherCalls(4),
        // Another one gets its endpoint.
        Publish,
        Answer(A, 9),
        Answer(A, 9),
        Calls(9, 10),
        Answer(A, 8),
        Calls(0, 199),
    ];
    for event in events {
        assert_eq!(play(&mut prompt, event), play(&mut late, event), "{event:?}");
        assert_eq!(prompt.state(), late.state(), "{event:?}");
    }
    late.engine.settle(Instant::default());
    assert_eq!(prompt.state(), late.state());
    assert_eq!(prompt.call(0).0, Verdict::Forward);
}

#[test]
fn a_mapping_with_thousands_of_sessions_ends_at_once_and_goes_step_by_step() {
    let mut site = Site::new(false, 10_000);
    let unlimited = |usable| {
        let mut spec = spec(usable);
        spec.nat44.host_limits.sessions_per_mapping = u32::MAX;
        spec.nat44.host_limits.sessions = u32::MAX;
        spec.nat44.host_limits.flows = RateSpec { per_second: 1_000_000, burst: u32::MAX };
        spec
    };
    site.adopt_as_it_is(unlimited([true, true]));
    (0..8_000).for_each(|number| assert_eq!(site.call(number).0, Verdict::Forward));
    site.adopt_as_it_is(unlimited([false, true]));
    // Nothing else is left to do.
    site.engine.settle(Instant::default());
    assert_eq!(site.call(1).1, B.0);
    assert_eq!((site.engine.session_count(), site.engine.mapping_count()), (1, 1));
    assert_eq!(site.send(A, remote(2), (OF_A, PORT)).0, Verdict::Drop(DropReason::NoMapping));
    let mut steps = 0;
    while site.engine.is_behind(Instant::default()) {
        site.outputs.clear();
        site.engine.poll(Instant::default(), &mut site.outputs);
        steps += 1;
        assert_eq!(site.engine.session_count(), 1);
    }
    assert!(steps >= 8, "{steps} steps");
    (0..8_000).for_each(|number| assert_eq!(site.call(number).1, B.0));
    assert_eq!((site.engine.session_count(), site.engine.mapping_count()), (8_000, 1));
}
