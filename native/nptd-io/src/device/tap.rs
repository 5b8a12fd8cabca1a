//! `/dev/net/tun` in TAP mode: Ethernet frames, one a call, each behind a virtio-net header where offloads are on.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::thread;

use nptd_core::frame::{ChecksumState, FRAME_LEN_MAX, Offloads, Segmentation};

use super::{Device, Outgoing, Transmitted, vnet};
use crate::burst::{Burst, Received, frame_len};
use crate::error::{DeviceError, Step};
use crate::sys::ifreq::{self, InterfaceSocket, NAME_LEN_MAX, Unfinished};
use crate::sys::netlink::LinkBell;
use crate::sys::netns;
use crate::sys::poll::is_writable;

const DRIVER: &str = "/dev/net/tun";

/// What a TAP device shall be.
#[derive(Clone, Debug)]
pub struct TapSpec {
    /// Interface name.
    pub name: String,
    /// Named network namespace to make it in; none: that of this process.
    pub netns: Option<String>,
    /// Longest IP packet, in octets.
    pub mtu: u16,
    /// Whether super-packets and unfinished checksums cross it.
    pub offload: bool,
}

impl TapSpec {
    /// Octets of the longest frame that it hands over.
    pub fn frame_len_max(&self) -> usize {
        if self.offload { FRAME_LEN_MAX } else { frame_len(self.mtu) }
    }
}

/// A TAP device of our own: made when opened, gone when dropped (if another thread forks at that moment, when its
/// child has called exec).
#[derive(Debug)]
pub struct Tap {
    name: String,
    netns: Option<String>,
    file: File,
    /// What it takes unfinished; none: frames have no virtio-net header.
    offloads: Option<Offloads>,
    /// In the namespace of the device: what happens to it there is told nowhere else.
    bell: LinkBell,
}

impl Tap {
    /// Makes the device, sets its MTU and brings it up. Fails if the name is in use.
    pub fn open(spec: &TapSpec) -> Result<Self, DeviceError> {
        check_name(&spec.name).map_err(|error| DeviceError::new(&spec.name, Step::CheckName, &error))?;
        let (file, offloads, bell) = match &spec.netns {
            None => create(spec)?,
            Some(netns) => create_in(netns, spec)?,
        };
        Ok(Self { name: spec.name.clone(), netns: spec.netns.clone(), file, offloads, bell })
    }
}

impl Tap {
    fn send(&mut self, frame: Outgoing<'_>) -> io::Result<()> {
        let Outgoing { octets, checksum, segmentation } = frame;
        if self.offloads.is_some() {
            let header = vnet::write(checksum, segmentation, octets.len());
            let taken = self.file.write_vectored(&[IoSlice::new(&header), IoSlice::new(octets)])?;
            return if taken == header.len() + octets.len() { Ok(()) } else { Err(ErrorKind::WriteZero.into()) };
        }
        // Without a virtio-net header nothing can say that a checksum or a segmentation is still to be done.
        if matches!(checksum, ChecksumState::Partial { .. }) || segmentation != Segmentation::None {
            return Err(ErrorKind::Unsupported.into());
        }
        let taken = self.file.write(octets)?;
        if taken == octets.len() { Ok(()) } else { Err(ErrorKind::WriteZero.into()) }
    }
}

impl Device for Tap {
    fn name(&self) -> &str {
        &self.name
    }

    fn netns(&self) -> Option<&str> {
        self.netns.as_deref()
    }

    /// The driver says that a TAP is writable only while its interface is up.
    fn is_up(&self) -> io::Result<bool> {
        is_writable(self.file.as_raw_fd())
    }

    fn link_bell(&self) -> Option<RawFd> {
        Some(self.bell.as_raw_fd())
    }

    fn clear_link_bell(&self) {
        self.bell.clear();
    }

    fn offloads(&self) -> Offloads {
        self.offloads.unwrap_or_default()
    }

    fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    fn receive(&mut self, burst: &mut Burst) -> io::Result<()> {
        let header_len = if self.offloads.is_some() { vnet::HEADER_LEN } else { 0 };
        while let Some(space) = burst.space(header_len) {
            match self.file.read(space) {
                Ok(octets) if header_len > 0 => match received(space, octets) {
                    Some(received) => burst.keep(received),
                    None => burst.refuse(),
                },
                Ok(length) => burst.keep(Received { length, ..Received::default() }),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        let mut result = Transmitted::default();
        for frame in frames {
            match self.send(frame) {
                Ok(()) => result.sent += 1,
                Err(error) => {
                    result.refused += 1;
                    if is_failure(&error) {
                        result.failure = Some(error);
                    }
                }
            }
        }
        result
    }
}

/// What the header in front of a frame says of it, of so many octets in all.
fn received(space: &[u8], octets: usize) -> Option<Received> {
    let (checksum, segmentation) = vnet::read(*space.first_chunk()?)?;
    Some(Received { length: octets.checked_sub(vnet::HEADER_LEN)?, checksum, segmentation })
}

/// Whether an error of a write tells of the device, not of this frame (`EINVAL`) or this moment (`EAGAIN`, `ENOBUFS`).
fn is_failure(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::ENODEV | libc::EBADFD))
}

/// The kernel's own rules for interface names, checked here because it reports them as a bare `EINVAL`, and because
/// it would read `%d` as a wish for a number.
fn check_name(name: &str) -> io::Result<()> {
    if name.len() > NAME_LEN_MAX {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    let good = |octet: u8| octet.is_ascii_graphic() && !b"/:%".contains(&octet);
    if name.is_empty() || name == "." || name == ".." || !name.bytes().all(good) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    Ok(())
}

/// A new device: what it is read and written by, what it takes unfinished, and what tells of its interface.
type Made = (File, Option<Offloads>, LinkBell);

/// Makes the device inside a namespace: a thread of its own enters it and ends there, and the descriptor keeps
/// working from every other thread.
fn create_in(netns: &str, spec: &TapSpec) -> Result<Made, DeviceError> {
    let entering = |error: io::Error| DeviceError::new(&spec.name, Step::EnterNamespace, &error);
    let work = || {
        netns::enter(netns).map_err(entering)?;
        create(spec)
    };
    let joined = thread::scope(|scope| {
        let thread = thread::Builder::new().name("nptd-netns".into()).spawn_scoped(scope, work);
        thread.map(thread::ScopedJoinHandle::join)
    });
    match joined {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(entering(io::Error::from_raw_os_error(libc::EIO))),
        Err(error) => Err(entering(error)),
    }
}

/// Makes the device in the namespace of the calling thread.
fn create(spec: &TapSpec) -> Result<Made, DeviceError> {
    let at = |step: Step| move |error: io::Error| DeviceError::new(&spec.name, step, &error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(DRIVER).map_err(at(Step::OpenDriver))?;
    ifreq::create_tap(&file, &spec.name, spec.offload).map_err(at(Step::Create))?;
    let offloads = set_offload(&file, spec.offload).map_err(at(Step::SetOffload))?;
    let socket = InterfaceSocket::open().map_err(at(Step::SetMtu))?;
    socket.set_mtu(&spec.name, spec.mtu).map_err(at(Step::SetMtu))?;
    socket.bring_up(&spec.name).map_err(at(Step::BringUp))?;
    let bell = LinkBell::open().map_err(at(Step::WatchLink))?;
    Ok((file, offloads, bell))
}

/// Asks for all offloads that this kernel has, or for none. The mask belongs to the device, so it is always set.
fn set_offload(file: &File, wanted: bool) -> io::Result<Option<Offloads>> {
    if !wanted {
        ifreq::set_offload(file, Unfinished::Nothing)?;
        return Ok(None);
    }
    ifreq::set_header_len(file, vnet::HEADER_LEN)?;
    let udp = match ifreq::set_offload(file, Unfinished::TcpAndUdp) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            ifreq::set_offload(file, Unfinished::Tcp)?;
            false
        }
        result => result.map(|()| true)?,
    };
    Ok(Some(Offloads { checksum: true, tcp: true, udp }))
}

#[cfg(test)]
mod tests;
