//! A packet socket on an interface that the kernel owns: frames behind virtio-net headers, under a link address of our own, so
//! that the kernel's own use of the interface goes on beside us.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nptd_core::frame::Offloads;

use super::frame_file::FrameFile;
use super::link::Link;
use super::{Device, DeviceSpec, Outgoing, Transmitted};
use crate::burst::Burst;
use crate::error::{DeviceError, Step};
use crate::sys::netlink::LinkBell;
use crate::sys::{ifreq, packet};

/// A packet socket.
#[derive(Debug)]
pub struct PacketSocket {
    name: String,
    netns: Option<String>,
    frames: FrameFile,
    offloads: Offloads,
    link: Link,
    /// None at one that only sends.
    bell: Option<LinkBell>,
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
        packet::bind(&socket, index).map_err(at(Step::Bind))?;
        let bell = Some(LinkBell::open().map_err(at(Step::WatchLink))?);
        let offloads = Offloads { checksum: spec.offload, tcp: spec.offload, udp: spec.offload };
        let frames = FrameFile { file: File::from(socket), has_header: true };
        Ok(Self { name: spec.name.clone(), netns: spec.netns.clone(), frames, offloads, link: Link::default(), bell })
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
        ifreq::is_up(self.frames.file.as_fd(), &self.name).map(|is_up| self.link.heed(is_up))
    }

    fn link_bell(&self) -> Option<RawFd> {
        self.bell.as_ref().map(AsRawFd::as_raw_fd)
    }

    fn clear_link_bell(&self) {
        self.bell.iter().for_each(LinkBell::clear);
    }

    fn offloads(&self) -> Offloads {
        self.offloads
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.bell.as_ref().map(|_| self.frames.descriptor())
    }

    fn receive(&mut self, burst: &mut Burst) -> io::Result<()> {
        match self.frames.receive(burst) {
            // Told once when the interface goes down: it may come back, unless it is gone.
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => self.is_up().map(|_| ()),
            result => result,
        }
    }

    fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        self.link.refuse(frames).unwrap_or_else(|| self.frames.transmit(frames))
    }

    /// The same socket: the kernel takes frames from several threads at once.
    fn another(&self) -> Result<Box<dyn Device>, DeviceError> {
        let file =
            self.frames.file.try_clone().map_err(|error| DeviceError::new(&self.name, Step::OpenSocket, &error))?;
        let frames = FrameFile { file, has_header: self.frames.has_header };
        let (name, netns) = (self.name.clone(), self.netns.clone());
        Ok(Box::new(Self { name, netns, frames, offloads: self.offloads, link: self.link.clone(), bell: None }))
    }
}
