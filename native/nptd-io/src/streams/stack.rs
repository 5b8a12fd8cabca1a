//! The TCP stack of one uplink, in both families, at its own addresses.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, Ipv6Addr};

use nptd_core::host::neighbours::as_mapped4;
use nptd_core::host::probes::Family;
use nptd_core::time::{Duration, Instant};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use super::OwnAddresses;
use super::hub::{INCOMING_MAX, Pipe, StreamFailure, StreamTarget};
use super::link::Link;

/// Most connections of an uplink, those that take leave included: eight with each of eight targets, in both families.
const CONNECTIONS_MAX: usize = 128;

/// Octets that a peer may send before they are taken.
const RECEIVE_BUFFER: usize = 8 << 10;
/// Octets that wait for their acknowledgement.
const SEND_BUFFER: usize = 4 << 10;

// 1.5 MiB for all connections of an uplink that has as many as it may.
const _: () = assert!(CONNECTIONS_MAX * (RECEIVE_BUFFER + SEND_BUFFER) <= 3 << 19);

/// A peer that is silent for so long is gone.
const SILENCE_MAX: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(15);

/// How long a connection that was ended by both may take to say so.
const LEAVE_MAX: Duration = Duration::from_secs(2);

/// A connection of a stack.
struct Connection {
    handle: SocketHandle,
    family: Family,
    own_port: u16,
    began_at: Instant,
    is_connected: bool,
    /// When the last of it is given up; none while somebody cares.
    leaves_at: Option<Instant>,
}

/// Connections by the id of their stream.
pub(super) struct Stack {
    interface: Interface,
    link: Link,
    sockets: SocketSet<'static>,
    own: OwnAddresses,
    connections: BTreeMap<u32, Connection>,
    next_port: u16,
}

impl Stack {
    /// A stack with its addresses.
    pub(super) fn new(own: OwnAddresses, now: Instant) -> Self {
        let mut link = Link::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = RandomState::new().hash_one(now.as_micros());
        let interface = Interface::new(config, &mut link, time(now));
        let sockets = SocketSet::new(Vec::new());
        let mut stack = Self { interface, link, sockets, own: [None; 2], connections: BTreeMap::new(), next_port: 0 };
        stack.set_addresses(own);
        stack
    }

    /// Takes own addresses over. Connections from one that is gone are forgotten: nothing leaves from it any more.
    pub(super) fn set_addresses(&mut self, own: OwnAddresses) {
        if own == self.own {
            return;
        }
        let changed = |family: Family| own.get(family as usize) != self.own.get(family as usize);
        let gone: Vec<u32> =
            self.connections.iter().filter(|(_, one)| changed(one.family)).map(|(id, _)| *id).collect();
        gone.into_iter().for_each(|id| self.remove(id));
        self.own = own;
        let addresses: Vec<IpAddress> =
            own.into_iter().flatten().map(ip_address).filter(|address| address.is_unicast()).collect();
        self.interface.update_ip_addrs(|known| {
            known.clear();
            for address in &addresses {
                // There is room for one of each family.
                let _ = known.push(IpCidr::new(*address, if address.version() == IPV4 { 32 } else { 128 }));
            }
        });
        for address in addresses {
            // Whatever the gateway is: the engine knows the way, and the link has no addresses.
            let _ = match address {
                IpAddress::Ipv4(own) => self.interface.routes_mut().add_default_ipv4_route(own),
                IpAddress::Ipv6(own) => self.interface.routes_mut().add_default_ipv6_route(own),
            };
        }
    }

    /// Whether there is nothing to do: what comes for a connection that is over is still answered, by a reset.
    pub(super) fn is_idle(&self) -> bool {
        self.connections.is_empty() && !self.link.has_received()
    }

    /// Begins a connection.
    pub(super) fn open(&mut self, id: u32, target: StreamTarget, now: Instant) -> Result<(), StreamFailure> {
        let own = self.own.get(target.family as usize).copied().flatten().ok_or(StreamFailure::NoAddress)?;
        if self.connections.len() >= CONNECTIONS_MAX {
            return Err(StreamFailure::NoRoom);
        }
        let own_port = self.free_port(target.family, target.own_ports).ok_or(StreamFailure::NoRoom)?;
        let mut socket =
            Socket::new(SocketBuffer::new(vec![0; RECEIVE_BUFFER]), SocketBuffer::new(vec![0; SEND_BUFFER]));
        socket.set_timeout(Some(SILENCE_MAX));
        socket.set_nagle_enabled(false);
        let remote = (ip_address(target.address), target.port);
        let began = socket.connect(self.interface.context(), remote, (ip_address(own), own_port));
        began.map_err(|_error| StreamFailure::Refused)?;
        let handle = self.sockets.add(socket);
        let connection =
            Connection { handle, family: target.family, own_port, began_at: now, is_connected: false, leaves_at: None };
        self.connections.insert(id, connection);
        Ok(())
    }

    /// A packet that came for it.
    pub(super) fn receive(&mut self, packet: &[u8]) {
        self.link.receive(packet);
    }

    /// Takes what a stream wants to send, and its end.
    pub(super) fn take(&mut self, id: u32, pipe: &mut Pipe) {
        let Some(connection) = self.connections.get(&id) else { return };
        let socket = self.sockets.get_mut::<Socket<'_>>(connection.handle);
        if socket.can_send() && !pipe.outgoing.is_empty() {
            let sent = socket.send_slice(&pipe.outgoing).unwrap_or(0);
            pipe.sent(sent);
        }
        if pipe.is_finished && pipe.outgoing.is_empty() && socket.may_send() {
            socket.close();
        }
    }

    /// Gives a stream what has come for it.
    pub(super) fn give(&mut self, id: u32, pipe: &mut Pipe, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            pipe.news.failed.get_or_insert(StreamFailure::NoAddress);
            return;
        };
        let socket = self.sockets.get_mut::<Socket<'_>>(connection.handle);
        if !connection.is_connected && !matches!(socket.state(), State::SynSent | State::Closed) {
            connection.is_connected = true;
            pipe.news.connected = Some(now.since(connection.began_at));
        }
        while socket.can_recv() && pipe.news.octets.len() < INCOMING_MAX {
            let room = INCOMING_MAX - pipe.news.octets.len();
            let taken = socket.recv(|octets| {
                let count = octets.len().min(room);
                pipe.news.octets.extend_from_slice(octets.get(..count).unwrap_or(&[]));
                (count, count)
            });
            if taken.is_err() {
                break;
            }
        }
        let peer_ended = matches!(socket.state(), State::CloseWait | State::Closing | State::LastAck | State::TimeWait);
        let is_whole = !socket.can_recv();
        if connection.is_connected && peer_ended && is_whole && !pipe.has_ended {
            (pipe.has_ended, pipe.news.ended) = (true, true);
        }
        let is_over = pipe.is_finished && pipe.has_ended;
        if socket.state() == State::Closed && is_whole && !is_over {
            let connected = connection.is_connected;
            pipe.news.failed = Some(if connected { StreamFailure::Reset } else { StreamFailure::Refused });
            self.remove(id);
        }
    }

    /// Lets a connection take leave that nobody cares for any more: by a reset, unless both have ended it.
    pub(super) fn leave(&mut self, id: u32, is_over: bool, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.leaves_at.is_none() {
            connection.leaves_at = Some(now.after(LEAVE_MAX));
            if !is_over {
                self.sockets.get_mut::<Socket<'_>>(connection.handle).abort();
            }
        }
    }

    /// Does what time and packets demand.
    pub(super) fn poll(&mut self, now: Instant) {
        self.interface.poll(time(now), &mut self.link, &mut self.sockets);
    }

    /// Takes the next packet that is to leave.
    pub(super) fn take_sent(&mut self) -> Option<Vec<u8>> {
        self.link.take_sent()
    }

    /// Forgets connections that have taken leave.
    pub(super) fn forget_left(&mut self, now: Instant) {
        let sockets = &self.sockets;
        let has_left = |one: &Connection| {
            let state = sockets.get::<Socket<'_>>(one.handle).state();
            one.leaves_at.is_some_and(|at| at <= now || matches!(state, State::Closed | State::TimeWait))
        };
        let left: Vec<u32> = self.connections.iter().filter(|(_, one)| has_left(one)).map(|(id, _)| *id).collect();
        left.into_iter().for_each(|id| self.remove(id));
    }

    /// When [`Self::poll`] has something to do next.
    pub(super) fn next_wakeup(&mut self, now: Instant) -> Option<Instant> {
        let stack = self.interface.poll_at(time(now), &self.sockets);
        let stack = stack.map(|at| Instant::from_micros(u64::try_from(at.total_micros()).unwrap_or(0)));
        let leaves = self.connections.values().filter_map(|one| one.leaves_at);
        stack.into_iter().chain(leaves).min()
    }

    fn remove(&mut self, id: u32) {
        if let Some(connection) = self.connections.remove(&id) {
            self.sockets.remove(connection.handle);
        }
    }

    /// One after the other, so that each rests as long as possible.
    fn free_port(&mut self, family: Family, (low, high): (u16, u16)) -> Option<u16> {
        for _ in low..=high {
            let port = self.next_port.clamp(low, high);
            self.next_port = if port == high { low } else { port + 1 };
            if self.connections.values().all(|one| one.family != family || one.own_port != port) {
                return Some(port);
            }
        }
        None
    }
}

const IPV4: smoltcp::wire::IpVersion = smoltcp::wire::IpVersion::Ipv4;

fn ip_address(address: u128) -> IpAddress {
    match as_mapped4(address) {
        Some(address) => IpAddress::Ipv4(Ipv4Addr::from(address)),
        None => IpAddress::Ipv6(Ipv6Addr::from(address)),
    }
}

fn time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}
