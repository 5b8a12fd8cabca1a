//! A descriptor that gives one frame a read and takes one a write, each behind a virtio-net header where it has one: TAP and
//! TUN. A train of datagrams is one frame there.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

use arrayvec::ArrayVec;
use nptd_core::frame::{ChecksumState, Segmentation};
use nptd_core::train::{DATAGRAMS_MAX, Datagram, HEADERS_MAX, Train, Trains, may_overtake};

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
    pub fn transmit<'f>(&self, frames: &mut dyn Iterator<Item = Outgoing<'f>>) -> Transmitted {
        let Some(network) = self.trains else { return self.transmit_each(frames) };
        let (mut result, mut trains) = (Transmitted::default(), Trains::default());
        for frame in frames {
            match datagram(&frame, network) {
                Some(datagram) => trains.take(datagram, |train| self.send_train(train, &mut result)),
                None => {
                    if !may_overtake(frame.octets, network) {
                        trains.depart(|train| self.send_train(train, &mut result));
                    }
                    result.count(1, self.send(frame));
                }
            }
        }
        trains.depart(|train| self.send_train(train, &mut result));
        result
    }

    fn transmit_each(&self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        let mut result = Transmitted::default();
        frames.for_each(|frame| result.count(1, self.send(frame)));
        result
    }

    fn send_train(&self, train: &Train<'_>, result: &mut Transmitted) {
        match train.datagrams() {
            &[Datagram { octets, checksum, .. }] => {
                result.count(1, self.send(Outgoing { octets, checksum, segmentation: Segmentation::None }));
            }
            datagrams => result.count(datagrams.len() as u64, self.send_joined(train)),
        }
    }

    fn send_joined(&self, train: &Train<'_>) -> io::Result<()> {
        let (mut memory, payloads) = ([0; HEADERS_MAX], train.datagrams().iter().map(Datagram::payload));
        let Some((headers, checksum, segmentation)) = train.headers(&mut memory) else { return Ok(()) };
        let length = headers.len() + payloads.clone().map(<[u8]>::len).sum::<usize>();
        let header = vnet::write(checksum, segmentation, length);
        let parts: ArrayVec<_, { DATAGRAMS_MAX + 2 }> =
            [&header, headers].into_iter().chain(payloads).map(IoSlice::new).collect();
        self.write(&parts, header.len() + length)
    }

    fn send(&self, frame: Outgoing<'_>) -> io::Result<()> {
        let Outgoing { octets, checksum, segmentation } = frame;
        if self.has_header {
            let header = vnet::write(checksum, segmentation, octets.len());
            return self.write(&[IoSlice::new(&header), IoSlice::new(octets)], header.len() + octets.len());
        }
        // Without a virtio-net header nothing can say that a checksum or a segmentation is still to be done.
        if matches!(checksum, ChecksumState::Partial { .. }) || segmentation != Segmentation::None {
            return Err(ErrorKind::Unsupported.into());
        }
        self.write(&[IoSlice::new(octets)], octets.len())
    }

    /// Writes one frame of so many octets with what lies before it.
    fn write(&self, parts: &[IoSlice<'_>], octets: usize) -> io::Result<()> {
        if (&self.file).write_vectored(parts)? == octets { Ok(()) } else { Err(ErrorKind::WriteZero.into()) }
    }
}

/// A frame as one that could be in a train.
fn datagram<'f>(frame: &Outgoing<'f>, network: usize) -> Option<Datagram<'f>> {
    let is_one = frame.segmentation == Segmentation::None;
    if is_one { Datagram::of(frame.octets, frame.checksum, network) } else { None }
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
