//! Devices: whole bursts in, whole bursts out. Headers are the core's business here as well (`nptd_core::train`).

mod frame_file;
mod link;
#[cfg(test)]
pub mod loopback;
pub mod open;
pub mod packet;
mod pieces;
pub mod tap;
pub mod vnet;
pub mod xdp;
mod xdp_queue;

use std::io;
use std::os::fd::RawFd;

use nptd_core::frame::{ChecksumState, Frame, Offloads, Segmentation};
use nptd_core::output::Output;

use crate::burst::Burst;
use crate::error::DeviceError;
pub use open::{DeviceKind, DeviceSpec};

/// One frame on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The complete frame.
    pub octets: &'a [u8],
    /// What is known of its transport checksum.
    pub checksum: ChecksumState,
    /// Whether it is a super-packet.
    pub segmentation: Segmentation,
}

impl<'a> Outgoing<'a> {
    /// A frame of the pipeline.
    pub fn from_frame(frame: &'a Frame<'_>) -> Self {
        Self { octets: frame.octets(), checksum: frame.checksum, segmentation: frame.segmentation }
    }

    /// An extra output of the pipeline.
    pub fn from_output((output, octets): (&Output, &'a [u8])) -> Self {
        Self { octets, checksum: output.checksum, segmentation: output.segmentation }
    }
}

/// What became of a burst of outgoing frames.
#[derive(Debug, Default)]
pub struct Transmitted {
    /// Frames the device took.
    pub sent: u64,
    /// Frames it did not take.
    pub refused: u64,
    /// Why it failed, if it did; a device that is merely full has not failed.
    pub failure: Option<io::Error>,
}

impl Transmitted {
    /// Counts frames that were taken, or not, together.
    fn count(&mut self, frames: u64, taken: io::Result<()>) {
        match taken {
            Ok(()) => self.sent += frames,
            Err(error) => {
                self.refused += frames;
                if frame_file::is_failure(&error) {
                    self.failure = Some(error);
                }
            }
        }
    }
}

/// Something that frames come in and leave by.
pub trait Device: Send {
    /// Its name, for messages.
    fn name(&self) -> &str;

    /// The named network namespace it was made in, for messages; none: that of this process.
    fn netns(&self) -> Option<&str>;

    /// Whether it would take a frame at this moment. An error means that it never will again.
    fn is_up(&self) -> io::Result<bool>;

    /// A descriptor that is ready when the interface may have gone up or down: the one for frames does not tell. None: nothing
    /// does.
    fn link_bell(&self) -> Option<RawFd> {
        None
    }

    /// Silences that descriptor.
    fn clear_link_bell(&self) {}

    /// What it takes although it is not finished.
    fn offloads(&self) -> Offloads {
        Offloads::default()
    }

    /// Whether its frames are Ethernet frames, and not bare IP packets.
    fn has_link_header(&self) -> bool {
        true
    }

    /// The descriptor to wait for before [`Self::receive`] is worth a call. None: another worker receives its frames.
    fn descriptor(&self) -> Option<RawFd>;

    /// Adds frames to the burst until it is full or none is waiting. An error means that the device has failed.
    fn receive(&mut self, burst: &mut Burst) -> io::Result<()>;

    /// Sends frames in order; what the device does not take is lost.
    fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted;

    /// The same device for one more worker: a queue of its own, or else one that only sends. To be called in the network
    /// namespace of the device, of one that was opened for several.
    fn another(&self) -> Result<Box<dyn Device>, DeviceError>;
}
