//! Opening devices of every kind, in the network namespace that each shall be in.

use std::io;
use std::thread;

use nptd_core::frame::FRAME_LEN_MAX;

use super::Device;
use super::packet::PacketSocket;
use super::tap::Tap;
use super::xdp::XdpSockets;
use crate::burst::frame_len;
use crate::error::{DeviceError, Step};
use crate::sys::ifreq::{Layer, NAME_LEN_MAX, Queue};
use crate::sys::netns;

/// How frames reach an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A TAP device that we make: Ethernet frames.
    Tap,
    /// A TUN device that we make: IP packets.
    Tun,
    /// A packet socket on an interface that is there: Ethernet frames.
    Packet,
    /// AF_XDP sockets on an interface that is there, which is then ours alone: Ethernet frames.
    Xdp,
}

/// What a device shall be.
#[derive(Clone, Debug)]
pub struct DeviceSpec {
    /// How frames reach it.
    pub kind: DeviceKind,
    /// Interface name.
    pub name: String,
    /// Named network namespace that it is, or shall be, in; none: that of this process.
    pub netns: Option<String>,
    /// Longest IP packet, in octets.
    pub mtu: u16,
    /// Whether super-packets and unfinished checksums cross it; none do by AF_XDP.
    pub offload: bool,
}

impl DeviceSpec {
    /// Octets of the longest frame that it hands over.
    pub fn frame_len_max(&self) -> usize {
        match self.kind {
            // The kernel may have joined several, whoever has sent them.
            DeviceKind::Packet => FRAME_LEN_MAX,
            DeviceKind::Tap | DeviceKind::Tun if self.offload => FRAME_LEN_MAX,
            DeviceKind::Tap | DeviceKind::Tun | DeviceKind::Xdp => frame_len(self.mtu),
        }
    }

    /// Opens it for one worker.
    pub fn open(&self) -> Result<Box<dyn Device>, DeviceError> {
        self.in_its_namespace(|| self.open_here(Queue::Sole))
    }

    /// Opens it for several workers, for each by its number. All is done before anybody can move the device elsewhere.
    pub fn open_for(&self, workers: usize) -> Result<Vec<Box<dyn Device>>, DeviceError> {
        self.in_its_namespace(|| {
            let first = self.open_here(if workers > 1 { Queue::First } else { Queue::Sole })?;
            let others = (1..workers).map(|_| first.another()).collect::<Result<Vec<_>, _>>()?;
            Ok(std::iter::once(first).chain(others).collect())
        })
    }

    /// Opens it in the namespace of the calling thread.
    fn open_here(&self, queue: Queue) -> Result<Box<dyn Device>, DeviceError> {
        Ok(match self.kind {
            DeviceKind::Tap => Box::new(Tap::create(self, Layer::Ethernet, queue)?),
            DeviceKind::Tun => Box::new(Tap::create(self, Layer::Ip, queue)?),
            DeviceKind::Packet => Box::new(PacketSocket::open(self)?),
            DeviceKind::Xdp => Box::new(XdpSockets::open(self)?),
        })
    }

    fn in_its_namespace<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, DeviceError> + Send,
    ) -> Result<T, DeviceError> {
        check_name(&self.name).map_err(|error| DeviceError::new(&self.name, Step::CheckName, &error))?;
        match &self.netns {
            None => work(),
            Some(netns) => self.within(netns, work),
        }
    }

    /// Works inside a namespace: a thread of its own enters it and ends there, and descriptors keep working from every
    /// other thread.
    fn within<T: Send>(
        &self,
        netns: &str,
        work: impl FnOnce() -> Result<T, DeviceError> + Send,
    ) -> Result<T, DeviceError> {
        let entering = |error: io::Error| DeviceError::new(&self.name, Step::EnterNamespace, &error);
        let work = move || {
            netns::enter(netns).map_err(entering)?;
            work()
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
