//! A packet socket on an interface that the kernel owns: frames behind virtio-net headers, under a link address of our own, so
//! that the kernel's own use of the interface goes on beside us. What comes in is taken from a ring, what leaves goes many
//! frames a call.

use std::fs::File;
use std::io::{self, IoSlice, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nptd_core::frame::Offloads;
use nptd_core::wire::ethernet;

use super::frame_file::received;
use super::link::Link;
use super::pieces::{Pieces, frames_in};
use super::{Device, DeviceSpec, Outgoing, Transmitted, vnet};
use crate::burst::Burst;
use crate::error::{DeviceError, Step};
use crate::sys::netlink::LinkBell;
use crate::sys::packet_ring::{PacketRing, Taken};
use crate::sys::{ifreq, packet, release};

/// The first release that takes super-packets of UDP behind virtio-net headers.
const CUTS_UDP: (u32, u32) = (6, 2);

/// A packet socket.
#[derive(Debug)]
pub struct PacketSocket {
    name: String,
    netns: Option<String>,
    socket: File,
    offloads: Offloads,
    /// Where trains of datagrams are taken in one piece: octets of the link header.
    trains: Option<usize>,
    link: Link,
    /// None at one that only sends.
    reception: Option<Reception>,
}

#[derive(Debug)]
struct Reception {
    ring: PacketRing,
    bell: LinkBell,
}

impl PacketSocket {
    /// Opens a socket on the interface, which must be there and takes packets of the configured MTU.
    pub fn open(spec: &DeviceSpec) -> Result<Self, DeviceError> {
        let at = |step: Step| move |error: io::Error| DeviceError::new(&spec.name, step, &error);
        let socket = packet::open().map_err(at(Step::OpenSocket))?;
        let index = packet::interface_index(&spec.name).map_err(at(Step::FindInterface))?;
        let mtu = ifreq::mtu(socket.as_fd(), &spec.name).map_err(at(Step::FindInterface))?;
        if mtu < u32::from(spec.mtu) {
            return Err(at(Step::CheckMtu)(io::Error::from_raw_os_error(libc::EMSGSIZE)));
        }
        packet::ask_for_headers(&socket).map_err(at(Step::Bind))?;
        let ring = packet::share_ring(&socket).map_err(at(Step::Bind))?;
        packet::bind(&socket, index).map_err(at(Step::Bind))?;
        let bell = LinkBell::open().map_err(at(Step::WatchLink))?;
        let offloads = Offloads { checksum: spec.offload, tcp: spec.offload, udp: spec.offload };
        let (name, netns, link) = (spec.name.clone(), spec.netns.clone(), Link::default());
        let reception = Some(Reception { ring, bell });
        let trains = (spec.offload && release::is_at_least(CUTS_UDP)).then_some(ethernet::HEADER_LEN);
        Ok(Self { name, netns, socket: File::from(socket), offloads, trains, link, reception })
    }

    /// What the socket itself has to say where the ring has nothing: that the interface went down, which is told once. It may come back, unless
    /// it is gone.
    fn heed_error(&self) -> io::Result<()> {
        match packet::take_error(self.socket.as_fd()) {
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => self.is_up().map(|_| ()),
            result => result,
        }
    }

    /// Sends pieces in order; one that is not taken does not keep the others back.
    fn send(&self, mut pieces: &[&[IoSlice<'_>]], result: &mut Transmitted) {
        while let Some((first, others)) = pieces.split_first() {
            pieces = match packet::send(self.socket.as_fd(), pieces) {
                Ok(sent) => {
                    let (sent, others) = pieces.split_at_checked(sent).unwrap_or((pieces, &[]));
                    result.count(sent.iter().map(|piece| frames_in(piece)).sum(), Ok(()));
                    others
                }
                Err(error) => {
                    result.count(frames_in(first), Err(error));
                    others
                }
            };
        }
    }
}

impl Device for PacketSocket {
    fn name(&self) -> &str {
        &self.name
    }

    fn netns(&self) -> Option<&str> {
        self.netns.as_deref()
    }

    fn is_up(&self) -> io::Result<bool> {
        // An error that waits here is about what was; it would be taken for one of the next frame.
        let _ = packet::take_error(self.socket.as_fd());
        ifreq::is_up(self.socket.as_fd(), &self.name).map(|is_up| self.link.heed(is_up))
    }

    fn link_bell(&self) -> Option<RawFd> {
        self.reception.as_ref().map(|reception| reception.bell.as_raw_fd())
    }

    fn clear_link_bell(&self) {
        self.reception.iter().for_each(|reception| reception.bell.clear());
    }

    fn offloads(&self) -> Offloads {
        self.offloads
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.reception.as_ref().map(|_| self.socket.as_raw_fd())
    }

    fn receive(&mut self, burst: &mut Burst) -> io::Result<()> {
        let Some(reception) = &mut self.reception else { return Ok(()) };
        let mut is_empty = true;
        while let Some(space) = burst.space(vnet::HEADER_LEN) {
            let Some(taken) = reception.ring.take(vnet::HEADER_LEN, space) else { break };
            is_empty = false;
            let octets = match taken {
                Taken::Copied(octets) => Some(octets),
                Taken::AtSocket => (&self.socket).read(space).ok(),
                Taken::Lost => None,
            };
            match octets.and_then(|octets| received(space, octets)) {
                Some(received) => burst.keep(received),
                None => burst.refuse(),
            }
        }
        if is_empty { self.heed_error() } else { Ok(()) }
    }

    fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        if let Some(result) = self.link.refuse(frames) {
            return result;
        }
        let mut result = Transmitted::default();
        Pieces::send(frames, self.trains, |pieces| self.send(pieces, &mut result));
        result
    }

    /// The same socket: the kernel takes frames from several threads at once.
    fn another(&self) -> Result<Box<dyn Device>, DeviceError> {
        let socket = self.socket.try_clone().map_err(|error| DeviceError::new(&self.name, Step::OpenSocket, &error))?;
        let (name, netns, link) = (self.name.clone(), self.netns.clone(), self.link.clone());
        let Self { offloads, trains, .. } = *self;
        Ok(Box::new(Self { name, netns, socket, offloads, trains, link, reception: None }))
    }
}
