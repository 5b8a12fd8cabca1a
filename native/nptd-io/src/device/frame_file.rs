//! A descriptor that gives one frame a read and takes one a write, each behind a virtio-net header where it has one: TAP and
//! TUN.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

use nptd_core::frame::{ChecksumState, Segmentation};

use super::{Outgoing, Transmitted, vnet};
use crate::burst::{Burst, Received};

/// The descriptor, and whether frames have the header.
#[derive(Debug)]
pub struct FrameFile {
    pub file: File,
    pub has_header: bool,
}

impl FrameFile {
    /// The descriptor to wait for.
    pub fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Adds frames to the burst until it is full or none is waiting.
    pub fn receive(&mut self, burst: &mut Burst) -> io::Result<()> {
        let header_len = if self.has_header { vnet::HEADER_LEN } else { 0 };
        while let Some(space) = burst.space(header_len) {
            match self.file.read(space) {
                Ok(octets) if self.has_header => match received(space, octets) {
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

    /// Sends frames in order.
    pub fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
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

    fn send(&mut self, frame: Outgoing<'_>) -> io::Result<()> {
        let Outgoing { octets, checksum, segmentation } = frame;
        if self.has_header {
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

/// What the header in front of a frame says of it, of so many octets in all.
pub fn received(space: &[u8], octets: usize) -> Option<Received> {
    let (checksum, segmentation) = vnet::read(*space.first_chunk()?)?;
    Some(Received { length: octets.checked_sub(vnet::HEADER_LEN)?, checksum, segmentation })
}

/// Whether an error of a write tells of the device, not of this frame (`EINVAL`, `EMSGSIZE`) or this moment (`EAGAIN`,
/// `ENOBUFS`).
pub fn is_failure(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::ENODEV | libc::EBADFD | libc::ENETDOWN | libc::ENXIO))
}
