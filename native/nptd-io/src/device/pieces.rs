//! Frames on their way to the kernel, each behind a virtio-net header; where the kernel cuts super-packets of UDP, datagrams of
//! one flow go as one.

use std::io::IoSlice;

use arrayvec::ArrayVec;
use nptd_core::frame::{FRAME_BATCH_MAX, Segmentation};
use nptd_core::train::{Datagram, HEADERS_MAX, Train, Trains, may_overtake};

use super::{Outgoing, vnet};

/// Most frames that are looked at together.
const FRAMES_MAX: usize = FRAME_BATCH_MAX;

/// Octets of what lies before that which the frames themselves have: our header, and those that a train has for all.
type Before = ArrayVec<u8, { vnet::HEADER_LEN + HEADERS_MAX }>;

/// Frames as the kernel is to get them, in order.
#[derive(Default)]
pub struct Pieces<'f> {
    /// Of each piece: what lies before, and how many parts follow.
    pieces: ArrayVec<(Before, usize), FRAMES_MAX>,
    /// One a frame.
    parts: ArrayVec<&'f [u8], FRAMES_MAX>,
}

impl<'f> Pieces<'f> {
    /// Has frames sent, up to [`FRAMES_MAX`] at a time, each piece as the slices that it is made of. Datagrams of one flow are joined if it
    /// is said where IP headers begin in the frames.
    pub fn send(
        frames: &mut dyn Iterator<Item = Outgoing<'f>>,
        trains: Option<usize>,
        mut send: impl FnMut(&[&[IoSlice<'_>]]),
    ) {
        let mut frames = frames.fuse();
        loop {
            let pieces = Self::of(frames.by_ref().take(FRAMES_MAX), trains);
            if pieces.pieces.is_empty() {
                return;
            }
            send(&pieces.slices().by_piece());
        }
    }

    fn of(frames: impl Iterator<Item = Outgoing<'f>>, trains: Option<usize>) -> Self {
        let mut pieces = Self::default();
        match trains {
            Some(network) => pieces.join(frames, network),
            None => frames.for_each(|frame| pieces.push(frame)),
        }
        pieces
    }

    /// All octets in order: of each piece what lies before, then one part a frame.
    fn slices(&self) -> Slices<'_> {
        let (mut slices, mut lengths, mut parts) = (ArrayVec::new(), ArrayVec::new(), self.parts.iter());
        for (before, count) in &self.pieces {
            slices.push(IoSlice::new(before));
            slices.extend(parts.by_ref().take(*count).map(|part| IoSlice::new(part)));
            lengths.push(1 + count);
        }
        Slices { slices, lengths }
    }

    fn join(&mut self, frames: impl Iterator<Item = Outgoing<'f>>, network: usize) {
        let mut trains = Trains::default();
        for frame in frames {
            match datagram(&frame, network) {
                Some(datagram) => trains.take(datagram, |train| self.push_train(train)),
                None => {
                    if !may_overtake(frame.octets, network) {
                        trains.depart(|train| self.push_train(train));
                    }
                    self.push(frame);
                }
            }
        }
        trains.depart(|train| self.push_train(train));
    }

    fn push(&mut self, Outgoing { octets, checksum, segmentation }: Outgoing<'f>) {
        let mut before = Before::new();
        before.extend(vnet::write(checksum, segmentation, octets.len()));
        self.add(before, [octets].into_iter());
    }

    fn push_train(&mut self, train: &Train<'f>) {
        if let &[Datagram { octets, checksum, .. }] = train.datagrams() {
            return self.push(Outgoing { octets, checksum, segmentation: Segmentation::None });
        }
        let (mut memory, payloads) = ([0; HEADERS_MAX], train.datagrams().iter().map(Datagram::payload));
        let Some((headers, checksum, segmentation)) = train.headers(&mut memory) else { return };
        let length = headers.len() + payloads.clone().map(<[u8]>::len).sum::<usize>();
        let mut before = Before::new();
        before.extend(vnet::write(checksum, segmentation, length));
        before.extend(headers.iter().copied());
        self.add(before, payloads);
    }

    /// There is room for all: no more pieces, and as many parts, as frames.
    fn add(&mut self, before: Before, parts: impl ExactSizeIterator<Item = &'f [u8]>) {
        if self.pieces.try_push((before, parts.len())).is_ok() {
            self.parts.extend(parts);
        }
    }
}

/// Pieces as system calls want them.
struct Slices<'a> {
    slices: ArrayVec<IoSlice<'a>, { 2 * FRAMES_MAX }>,
    /// Slices of each piece.
    lengths: ArrayVec<usize, FRAMES_MAX>,
}

impl<'a> Slices<'a> {
    /// The slices of each piece, in order.
    fn by_piece(&self) -> ArrayVec<&[IoSlice<'a>], FRAMES_MAX> {
        let mut rest = self.slices.as_slice();
        let next = |length: &usize| {
            let (piece, others) = rest.split_at_checked(*length).unwrap_or_default();
            rest = others;
            piece
        };
        self.lengths.iter().map(next).collect()
    }
}

/// Number of frames in a piece with these slices.
pub fn frames_in(piece: &[IoSlice<'_>]) -> u64 {
    piece.len().saturating_sub(1) as u64
}

/// A frame as one that could be in a train.
fn datagram<'f>(frame: &Outgoing<'f>, network: usize) -> Option<Datagram<'f>> {
    let is_one = frame.segmentation == Segmentation::None;
    if is_one { Datagram::of(frame.octets, frame.checksum, network) } else { None }
}
