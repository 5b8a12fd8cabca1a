//! `/dev/net/tun`, in TAP mode for Ethernet frames and in TUN mode for IP packets, each behind a virtio-net header where
//! offloads are on.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use nptd_core::frame::Offloads;
use nptd_core::wire::ethernet;

use super::frame_file::FrameFile;
use super::{Device, DeviceSpec, Outgoing, Transmitted, vnet};
use crate::burst::Burst;
use crate::error::{DeviceError, Step};
use crate::sys::ifreq::{self, InterfaceSocket, Layer, Queue, Unfinished};
use crate::sys::netlink::LinkBell;
use crate::sys::poll::is_writable;

const DRIVER: &str = "/dev/net/tun";

/// A TAP or TUN device of our own: made when opened, gone when dropped (if another thread forks at that moment, when its
/// child has called exec).
#[derive(Debug)]
pub struct Tap {
    name: String,
    netns: Option<String>,
    frames: FrameFile,
    offloads: Offloads,
    layer: Layer,
    /// In the namespace of the device: what happens to it there is told nowhere else. None at a further queue: one is enough.
    bell: Option<LinkBell>,
}

impl Tap {
    /// Makes the device in the network namespace of the calling thread, sets its MTU and brings it up. Fails if the name is in
    /// use.
    pub fn create(spec: &DeviceSpec, layer: Layer, queue: Queue) -> Result<Self, DeviceError> {
        let at = |step: Step| move |error: io::Error| DeviceError::new(&spec.name, step, &error);
        let file = attached(&spec.name, layer, spec.offload, queue)?;
        let offloads = set_offload(&file, spec.offload).map_err(at(Step::SetOffload))?;
        let socket = InterfaceSocket::open().map_err(at(Step::SetMtu))?;
        socket.set_mtu(&spec.name, spec.mtu).map_err(at(Step::SetMtu))?;
        socket.bring_up(&spec.name).map_err(at(Step::BringUp))?;
        let bell = Some(LinkBell::open().map_err(at(Step::WatchLink))?);
        let frames = FrameFile { file, has_header: spec.offload, trains: trains(layer, offloads) };
        Ok(Self { name: spec.name.clone(), netns: spec.netns.clone(), frames, offloads, layer, bell })
    }
}

impl Device for Tap {
    fn name(&self) -> &str {
        &self.name
    }

    fn netns(&self) -> Option<&str> {
        self.netns.as_deref()
    }

    /// The driver says that a device is writable only while its interface is up.
    fn is_up(&self) -> io::Result<bool> {
        is_writable(self.frames.file.as_raw_fd())
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

    fn has_link_header(&self) -> bool {
        self.layer == Layer::Ethernet
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.frames.descriptor())
    }

    fn receive(&mut self, burst: &mut Burst) -> io::Result<()> {
        self.frames.receive(burst)
    }

    fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        self.frames.transmit(frames)
    }

    /// One more queue. The kernel hands frames of one flow to the queue that last sent some of it.
    fn another(&self) -> Result<Box<dyn Device>, DeviceError> {
        let FrameFile { has_header, trains, .. } = self.frames;
        let file = attached(&self.name, self.layer, has_header, Queue::Further)?;
        let (name, netns, frames) = (self.name.clone(), self.netns.clone(), FrameFile { file, has_header, trains });
        Ok(Box::new(Self { name, netns, frames, offloads: self.offloads, layer: self.layer, bell: None }))
    }
}

/// A descriptor of the driver that is a queue of a device.
fn attached(name: &str, layer: Layer, with_header: bool, queue: Queue) -> Result<File, DeviceError> {
    let at = |step: Step| move |error: io::Error| DeviceError::new(name, step, &error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(DRIVER).map_err(at(Step::OpenDriver))?;
    ifreq::attach(&file, name, layer, with_header, queue).map_err(at(Step::Create))?;
    Ok(file)
}

/// Where packets begin in the frames of a device that takes trains of datagrams; none of another.
fn trains(layer: Layer, offloads: Offloads) -> Option<usize> {
    offloads.udp.then_some(if layer == Layer::Ethernet { ethernet::HEADER_LEN } else { 0 })
}

/// Asks for all offloads that this kernel has, or for none. The mask belongs to the device, so it is always set.
fn set_offload(file: &File, wanted: bool) -> io::Result<Offloads> {
    if !wanted {
        ifreq::set_offload(file, Unfinished::Nothing)?;
        return Ok(Offloads::default());
    }
    ifreq::set_header_len(file, vnet::HEADER_LEN)?;
    let udp = match ifreq::set_offload(file, Unfinished::TcpAndUdp) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            ifreq::set_offload(file, Unfinished::Tcp)?;
            false
        }
        result => result.map(|()| true)?,
    };
    Ok(Offloads { checksum: true, tcp: true, udp })
}

#[cfg(test)]
mod tests;
