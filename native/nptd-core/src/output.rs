//! The bounded pool of extra outputs of one call of the pipeline.

use alloc::vec::Vec;

use crate::frame::{ChecksumState, DeviceIndex, FRAME_LEN_MAX, Segmentation};
use crate::verdict::OutputKind;

/// Most extra outputs of one call.
pub const OUTPUTS_MAX: usize = 512;

/// Octets that all extra outputs of one call share: 512 errors of 1,280 octets and six super-packets.
pub const OUTPUT_OCTETS_MAX: usize = 1 << 20;

const _: () = assert!(OUTPUT_OCTETS_MAX >= 512 * 1_294 + 5 * FRAME_LEN_MAX);

/// One extra output: a complete frame for a device.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    start: usize,
    length: usize,
    /// Position in the batch of the frame that it leaves after; frames and outputs so keep their order.
    pub follows: usize,
    /// Device it leaves by.
    pub egress: DeviceIndex,
    /// What it is.
    pub kind: OutputKind,
    /// What is known of its transport checksum.
    pub checksum: ChecksumState,
    /// Whether it is a super-packet.
    pub segmentation: Segmentation,
}

/// Outputs of one call; cleared by the caller before the next.
pub struct OutputPool {
    octets: Vec<u8>,
    used: usize,
    follows: usize,
    outputs: Vec<Output>,
}

impl Default for OutputPool {
    fn default() -> Self {
        Self::new()
    }
}

impl OutputPool {
    /// An empty pool with all its memory.
    pub fn new() -> Self {
        Self {
            octets: alloc::vec![0; OUTPUT_OCTETS_MAX],
            used: 0,
            follows: 0,
            outputs: Vec::with_capacity(OUTPUTS_MAX),
        }
    }

    /// Forgets all outputs.
    pub fn clear(&mut self) {
        self.used = 0;
        self.follows = 0;
        self.outputs.clear();
    }

    /// The outputs made from now on leave after the frame at this position of the batch.
    pub fn follow(&mut self, position: usize) {
        self.follows = position;
    }

    /// Takes `length` octets for a new output and lends them, zeroed; none when the pool is full.
    pub fn allocate(&mut self, length: usize, egress: DeviceIndex, kind: OutputKind) -> Option<&mut [u8]> {
        if self.outputs.len() == OUTPUTS_MAX {
            return None;
        }
        let start = self.used;
        let space = self.octets.get_mut(start..start.checked_add(length)?)?;
        self.used += length;
        self.outputs.push(Output {
            start,
            length,
            follows: self.follows,
            egress,
            kind,
            checksum: ChecksumState::Complete,
            segmentation: Segmentation::None,
        });
        space.fill(0);
        Some(space)
    }

    /// Moves the output made last before those made since there were `count`.
    pub fn move_last_to(&mut self, count: usize) {
        if let Some(since) = self.outputs.get_mut(count..) {
            since.rotate_right(1.min(since.len()));
        }
    }

    /// The output made last, to set what is known of its checksum and segmentation.
    pub fn last_mut(&mut self) -> Option<&mut Output> {
        self.outputs.last_mut()
    }

    /// All outputs with their octets, in the order they were made.
    pub fn iter(&self) -> impl Iterator<Item = (&Output, &[u8])> {
        self.outputs.iter().map(|output| self.with_octets(output))
    }

    /// The outputs that leave after the frame at a position of the batch, in order.
    pub fn following(&self, position: usize) -> impl Iterator<Item = (&Output, &[u8])> {
        let start = self.outputs.partition_point(|output| output.follows < position);
        let rest = self.outputs.get(start..).unwrap_or(&[]).iter();
        rest.take_while(move |output| output.follows == position).map(|output| self.with_octets(output))
    }

    fn with_octets<'a>(&'a self, output: &'a Output) -> (&'a Output, &'a [u8]) {
        let octets = self.octets.get(output.start..output.start + output.length);
        (output, octets.unwrap_or(&[]))
    }

    /// How many more outputs there is room for.
    pub fn room(&self) -> u32 {
        (OUTPUTS_MAX - self.outputs.len().min(OUTPUTS_MAX)) as u32
    }

    /// Number of outputs.
    pub fn len(&self) -> usize {
        self.outputs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }
}
