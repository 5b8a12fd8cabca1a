//! Streams to a server over a wire that delays, loses and cuts, in virtual time. The server is a stack of the same library.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nptd_core::host::neighbours::mapped4;
use nptd_core::host::probes::Family;
use nptd_core::time::{Duration, Instant};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use super::hub::{StreamFailure, StreamHub, StreamNews, StreamTarget};
use super::link::Link;
use super::{OwnAddresses, Streams};
use crate::error::Stopped;

const OWN: OwnAddresses = [Some(mapped4(0xc633_6402)), Some(0x2001_0db8_0002_0000_0000_0000_0000_0002)];
const SERVER: OwnAddresses = [Some(mapped4(0xc000_0250)), Some(0x2001_0db8_000f_0000_0000_0000_0000_0080)];
const SLOT: u8 = 3;
const PORT: u16 = 80;
const OWN_PORTS: (u16, u16) = (61_504, 61_507);
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];
/// One way.
const DELAY: Duration = Duration::from_millis(10);

/// A server that accepts one connection at a time.
struct Server {
    interface: Interface,
    link: Link,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

/// When a packet is to arrive, and its octets.
type Sent = (Instant, Vec<u8>);

struct Bench {
    streams: Streams,
    hub: StreamHub,
    own: OwnAddresses,
    now: Instant,
    server: Server,
    to_server: VecDeque<Sent>,
    to_gateway: VecDeque<Sent>,
    /// Packets so far, of both directions; those for which it is true are lost.
    packets: usize,
    loses: fn(usize) -> bool,
    news: Vec<StreamNews>,
}

fn address(own: u128) -> IpAddress {
    match u32::try_from(own ^ mapped4(0)) {
        Ok(own) => IpAddr::V4(Ipv4Addr::from(own)).into(),
        Err(_) => IpAddr::V6(Ipv6Addr::from(own)).into(),
    }
}

fn time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(0))
}

fn arrived(queue: &mut VecDeque<Sent>, now: Instant) -> Option<Vec<u8>> {
    let is_here = queue.front().is_some_and(|(at, _)| *at <= now);
    if is_here { queue.pop_front().map(|(_, packet)| packet) } else { None }
}

impl Server {
    fn new(now: Instant) -> Self {
        let mut link = Link::default();
        let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut link, time(now));
        interface.update_ip_addrs(|known| {
            for own in SERVER.into_iter().flatten().map(address) {
                let _ = known.push(IpCidr::new(own, 0));
            }
        });
        let mut sockets = SocketSet::new(Vec::new());
        let buffer = || SocketBuffer::new(vec![0; 64 << 10]);
        let handle = sockets.add(Socket::new(buffer(), buffer()));
        let mut server = Self { interface, link, sockets, handle };
        assert_eq!(server.socket().listen(PORT), Ok(()));
        server
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    fn taken(&mut self) -> Vec<u8> {
        self.socket().recv(|octets| (octets.len(), octets.to_vec())).unwrap_or_default()
    }
}

impl Bench {
    fn new() -> Self {
        let now = Instant::from_micros(7_000_000);
        Self {
            streams: Streams::default(),
            hub: StreamHub::default(),
            own: OWN,
            now,
            server: Server::new(now),
            to_server: VecDeque::new(),
            to_gateway: VecDeque::new(),
            packets: 0,
            loses: |_| false,
            news: Vec::new(),
        }
    }

    fn open(&mut self, family: Family) -> Result<u32, Stopped> {
        let address = SERVER[family as usize].unwrap_or(0);
        self.hub.open(StreamTarget { slot: SLOT, family, address, port: PORT, own_ports: OWN_PORTS })
    }

    /// Lets so much time pass, millisecond by millisecond.
    fn run_ms(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now = self.now.after(Duration::from_millis(1));
            self.turn();
        }
    }

    fn turn(&mut self) {
        let (now, own) = (self.now, self.own);
        while let Some(packet) = arrived(&mut self.to_gateway, now) {
            self.streams.receive(SLOT, &packet);
        }
        let (packets, loses, to_server) = (&mut self.packets, self.loses, &mut self.to_server);
        let has_news = self.streams.turn(
            &self.hub,
            |_| own,
            now,
            |slot, packet| {
                assert_eq!(slot, SLOT);
                assert!(packet.len() <= 1280);
                *packets += 1;
                if !loses(*packets) {
                    to_server.push_back((now.after(DELAY), packet.to_vec()));
                }
            },
        );
        let news = self.hub.take_news();
        assert_eq!(has_news, !news.is_empty());
        self.news.extend(news);
        while let Some(packet) = arrived(&mut self.to_server, now) {
            self.server.link.receive(&packet);
        }
        self.server.interface.poll(time(now), &mut self.server.link, &mut self.server.sockets);
        while let Some(packet) = self.server.link.take_sent() {
            self.packets += 1;
            if !(self.loses)(self.packets) {
                self.to_gateway.push_back((now.after(DELAY), packet));
            }
        }
    }

    /// Everything that came so far; whether that was all; the failure.
    fn heard(&self) -> (Vec<u8>, bool, Option<StreamFailure>) {
        let octets = self.news.iter().flat_map(|news| news.octets.clone()).collect();
        let failure = self.news.iter().find_map(|news| news.failed);
        (octets, self.news.iter().any(|news| news.ended), failure)
    }

    fn connected(&self) -> Option<Duration> {
        self.news.iter().find_map(|news| news.connected)
    }
}

#[test]
fn a_conversation_goes_to_and_fro_and_both_end_it() -> Result<(), Stopped> {
    for family in FAMILIES {
        let mut bench = Bench::new();
        let id = bench.open(family)?;
        assert_eq!(bench.hub.write(id, b"GET /"), 5);
        bench.turn();
        bench.run_ms(60);
        assert_eq!(bench.connected(), Some(Duration::from_millis(20)), "one round trip, whoever is late here");
        assert_eq!(bench.server.taken(), b"GET /");
        assert_eq!(bench.server.socket().send_slice(b"204"), Ok(3));
        bench.run_ms(30);
        assert_eq!(bench.heard(), (b"204".to_vec(), false, None));
        bench.hub.finish(id);
        bench.run_ms(30);
        assert_eq!(bench.server.socket().state(), State::CloseWait);
        bench.server.socket().close();
        bench.run_ms(60);
        assert_eq!(bench.heard(), (b"204".to_vec(), true, None));
        assert_eq!(bench.server.socket().state(), State::Closed, "it need not wait for anything");
        bench.hub.abandon(id);
        bench.run_ms(1);
        assert!(bench.streams.is_idle(&bench.hub));
        assert_eq!(bench.streams.next_wakeup(), None);
    }
    Ok(())
}

#[test]
fn what_is_lost_is_sent_again() -> Result<(), Stopped> {
    let mut bench = Bench::new();
    bench.loses = |number| number % 4 == 1;
    let id = bench.open(Family::V4)?;
    assert_eq!(bench.hub.write(id, &[7; 3_000]), 3_000);
    bench.turn();
    let mut received = Vec::new();
    for _ in 0..20 {
        bench.run_ms(500);
        received.extend(bench.server.taken());
    }
    assert_eq!(received, [7; 3_000]);
    // The first SYN was lost.
    assert!(bench.connected() >= Some(Duration::from_millis(500)));
    assert_eq!(bench.server.socket().send_slice(&[9; 12_000]), Ok(12_000));
    bench.run_ms(20_000);
    assert_eq!(bench.heard().0, [9; 12_000]);
    Ok(())
}

#[test]
fn more_than_fits_waits_on_both_sides() -> Result<(), Stopped> {
    let mut bench = Bench::new();
    let id = bench.open(Family::V6)?;
    assert_eq!(bench.hub.write(id, &[1; 40_000]), 16 << 10);
    bench.run_ms(100);
    assert!(bench.news.iter().any(|news| news.writable));
    // The reader is late: what it has not taken is bounded, and the server has to wait.
    assert_eq!(bench.server.socket().send_slice(&[2; 60_000]), Ok(60_000));
    for _ in 0..2_000 {
        bench.now = bench.now.after(Duration::from_millis(1));
        let (now, own) = (bench.now, bench.own);
        while let Some(packet) = arrived(&mut bench.to_gateway, now) {
            bench.streams.receive(SLOT, &packet);
        }
        bench.streams.turn(&bench.hub, |_| own, now, |_, packet| bench.server.link.receive(packet));
        bench.server.interface.poll(time(now), &mut bench.server.link, &mut bench.server.sockets);
        bench.to_gateway.extend(std::iter::from_fn(|| bench.server.link.take_sent()).map(|packet| (now, packet)));
    }
    assert!(bench.server.socket().send_queue() > 30_000, "{}", bench.server.socket().send_queue());
    bench.run_ms(20_000);
    assert_eq!(bench.heard().0, [2; 60_000]);
    Ok(())
}

#[test]
fn a_server_that_refuses_and_one_that_resets() -> Result<(), Stopped> {
    let mut bench = Bench::new();
    bench.server.socket().abort();
    bench.open(Family::V4)?;
    bench.run_ms(50);
    assert_eq!(bench.heard(), (vec![], false, Some(StreamFailure::Refused)));
    assert!(bench.streams.is_idle(&bench.hub));

    let mut bench = Bench::new();
    bench.open(Family::V4)?;
    bench.run_ms(50);
    bench.server.socket().abort();
    bench.run_ms(50);
    assert_eq!(bench.heard(), (vec![], false, Some(StreamFailure::Reset)));
    assert!(bench.streams.is_idle(&bench.hub));
    Ok(())
}

#[test]
fn a_stream_that_is_given_up_is_reset_and_leaves_nothing_behind() -> Result<(), Stopped> {
    for ms in [0, 5, 100] {
        let mut bench = Bench::new();
        let id = bench.open(Family::V6)?;
        bench.hub.write(id, b"GET /");
        bench.run_ms(ms);
        bench.hub.abandon(id);
        bench.run_ms(200);
        assert!(bench.streams.is_idle(&bench.hub), "after {ms} ms");
        assert!(matches!(bench.server.socket().state(), State::Listen | State::Closed | State::SynReceived));
        bench.news.clear();
        bench.run_ms(100);
        assert_eq!(bench.news, []);
    }
    Ok(())
}

#[test]
fn a_silent_server_is_asked_for_some_time_and_then_given_up() -> Result<(), Stopped> {
    let mut bench = Bench::new();
    bench.loses = |_| true;
    bench.open(Family::V4)?;
    bench.run_ms(14_000);
    assert!((3..15).contains(&bench.packets), "{}", bench.packets);
    assert_eq!(bench.heard().2, None);
    bench.run_ms(3_000);
    assert_eq!(bench.heard().2, Some(StreamFailure::Refused));
    assert!(bench.streams.is_idle(&bench.hub));
    Ok(())
}

#[test]
fn one_that_both_have_ended_does_not_wait_for_the_last_word() -> Result<(), Stopped> {
    let mut bench = Bench::new();
    let id = bench.open(Family::V4)?;
    bench.run_ms(50);
    bench.server.socket().close();
    bench.run_ms(50);
    bench.hub.finish(id);
    bench.loses = |_| true;
    bench.run_ms(10);
    bench.hub.abandon(id);
    bench.run_ms(1_000);
    assert!(!bench.streams.is_idle(&bench.hub), "its end is sent again");
    bench.run_ms(1_100);
    assert!(bench.streams.is_idle(&bench.hub));
    Ok(())
}

#[test]
fn an_address_that_is_gone_ends_its_connections_and_no_others() -> Result<(), Stopped> {
    let mut bench = Bench::new();
    let (six, four) = (bench.open(Family::V6)?, bench.open(Family::V4)?);
    bench.run_ms(5);
    bench.own = [None, OWN[1]];
    bench.run_ms(5);
    let failures: Vec<_> = bench.news.iter().filter_map(|news| Some((news.id, news.failed?))).collect();
    assert_eq!(failures, [(four, StreamFailure::NoAddress)]);
    bench.news.clear();
    bench.open(Family::V4)?;
    bench.run_ms(1);
    assert_eq!(bench.heard().2, Some(StreamFailure::NoAddress));
    bench.news.clear();
    bench.run_ms(50);
    assert_eq!(bench.news.iter().find(|news| news.connected.is_some()).map(|news| news.id), Some(six));
    Ok(())
}

#[test]
fn there_are_no_more_connections_than_own_ports_and_each_has_its_own() -> Result<(), Stopped> {
    let mut bench = Bench::new();
    bench.loses = |_| true;
    let ids = [(); 5].map(|()| bench.open(Family::V4));
    bench.run_ms(1);
    assert_eq!(bench.packets, 4);
    let failed: Vec<_> = bench.news.iter().filter_map(|news| Some((news.id, news.failed?))).collect();
    assert_eq!(failed, [(ids[4]?, StreamFailure::NoRoom)]);
    bench.hub.abandon(ids[1]?);
    bench.run_ms(1);
    bench.open(Family::V4)?;
    bench.run_ms(1);
    assert_eq!(bench.packets, 6, "a reset, and the port is free again");
    Ok(())
}

#[test]
fn a_port_rests_while_others_are_taken_also_when_there_was_nothing_for_a_while() -> Result<(), Stopped> {
    let mut bench = Bench::new();
    let mut ports = Vec::new();
    for _ in 0..5 {
        let id = bench.open(Family::V4)?;
        bench.run_ms(1);
        let (_, syn) = bench.to_server.back().cloned().unwrap_or_default();
        ports.push(u16::from_be_bytes([syn[20], syn[21]]));
        bench.hub.abandon(id);
        bench.run_ms(100);
        assert!(bench.streams.is_idle(&bench.hub));
    }
    assert_eq!(ports, [61_504, 61_505, 61_506, 61_507, 61_504]);
    Ok(())
}

#[test]
fn what_comes_for_a_connection_that_is_over_is_reset() -> Result<(), Stopped> {
    let mut bench = Bench::new();
    let id = bench.open(Family::V4)?;
    bench.run_ms(50);
    bench.loses = |_| true;
    bench.hub.abandon(id);
    bench.run_ms(1);
    assert_eq!(bench.server.socket().state(), State::Established, "the reset was lost");
    bench.loses = |_| false;
    assert_eq!(bench.server.socket().send_slice(b"late"), Ok(4));
    bench.run_ms(100);
    assert_eq!(bench.server.socket().state(), State::Closed);
    Ok(())
}

#[test]
fn a_closed_hub_takes_nothing() {
    let mut bench = Bench::new();
    assert!(bench.open(Family::V4).is_ok());
    bench.hub.close();
    assert_eq!(bench.open(Family::V4), Err(Stopped));
    bench.run_ms(1);
    assert!(bench.streams.is_idle(&bench.hub));
}
