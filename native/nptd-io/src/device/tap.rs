//! `/dev/net/tun`, in TAP mode for Ethernet frames and in TUN mode for IP packets, each behind a virtio-net header where
//! offloads are on.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use nptd_core::frame::Offloads;

use super::frame_file::FrameFile;
use super::{Device, DeviceSpec, Outgoing, Transmitted, vnet};
use crate::burst::Burst;
use crate::error::{DeviceError, Step};
use crate::sys::ifreq::{self, InterfaceSocket, Layer, Unfinished};
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
    /// In the namespace of the device: what happens to it there is told nowhere else.
    bell: LinkBell,
}

impl Tap {
    /// Makes the device in the network namespace of the calling thread, sets its MTU and brings it up. Fails if the name is in
    /// use.
    pub fn create(spec: &DeviceSpec, layer: Layer) -> Result<Self, DeviceError> {
        let at = |step: Step| move |error: io::Error| DeviceError::new(&spec.name, step, &error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
        let file = options.open(DRIVER).map_err(at(Step::OpenDriver))?;
        ifreq::create(&file, &spec.name, layer, spec.offload).map_err(at(Step::Create))?;
        let offloads = set_offload(&file, spec.offload).map_err(at(Step::SetOffload))?;
        let socket = InterfaceSocket::open().map_err(at(Step::SetMtu))?;
        socket.set_mtu(&spec.name, spec.mtu).map_err(at(Step::SetMtu))?;
        socket.bring_up(&spec.name).map_err(at(Step::BringUp))?;
        let bell = LinkBell::open().map_err(at(Step::WatchLink))?;
        let frames = FrameFile { file, has_header: spec.offload };
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
        Some(self.bell.as_raw_fd())
    }

    fn clear_link_bell(&self) {
        self.bell.clear();
    }

    fn offloads(&self) -> Offloads {
        self.offloads
    }

    fn has_link_header(&self) -> bool {
        self.layer == Layer::Ethernet
    }

    fn descriptor(&self) -> RawFd {
        self.frames.descriptor()
    }

    fn receive(&mut self, burst: &mut Burst) -> io::Result<()> {
        self.frames.receive(burst)
    }

    fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        self.frames.transmit(frames)
    }
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
