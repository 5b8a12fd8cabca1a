//! A descriptor that gives one frame a read and takes one a write, each behind a virtio-net header where it has one: TAP and
//! TUN. A train of datagrams is one frame there.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

use nptd_core::frame::{ChecksumState, Segmentation};

use super::pieces::{Pieces, frames_in};
use super::{Outgoing, Transmitted, vnet};
use crate::burst::{Burst, Received};

/// The descriptor, and what lies before the packets.
#[derive(Debug)]
pub struct FrameFile {
    pub file: File,
    /// Whether frames are behind virtio-net headers.
    pub has_header: bool,
    /// Where trains of datagrams are taken in one piece: octets of the link header.
    pub trains: Option<usize>,
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

    /// Sends frames in order; datagrams of one flow as super-packets, which others may overtake.
    pub fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        let mut result = Transmitted::default();
        if !self.has_header {
            frames.for_each(|frame| result.count(1, self.send_bare(frame)));
            return result;
        }
        Pieces::send(frames, self.trains, |pieces| {
            for piece in pieces {
                result.count(frames_in(piece), self.write(piece));
            }
        });
        result
    }

    /// Without a virtio-net header nothing can say that a checksum or a segmentation is still to be done.
    fn send_bare(&mut self, Outgoing { octets, checksum, segmentation }: Outgoing<'_>) -> io::Result<()> {
        if matches!(checksum, ChecksumState::Partial { .. }) || segmentation != Segmentation::None {
            return Err(ErrorKind::Unsupported.into());
        }
        self.write(&[IoSlice::new(octets)])
    }

    /// Writes one frame.
    fn write(&mut self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let octets: usize = parts.iter().map(|part| part.len()).sum();
        if self.file.write_vectored(parts)? == octets { Ok(()) } else { Err(ErrorKind::WriteZero.into()) }
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
