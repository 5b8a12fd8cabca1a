//! Frames as a device hands them over: in the order in which they lie in its ring, a batch at a time.

use std::hint::black_box;

use nptd_core::frame::{DeviceIndex, FRAME_BATCH_MAX, Frame, HEADROOM};
use nptd_core::time::Instant;
use nptd_core::verdict::Verdict;

use crate::site::{Site, Template};

/// Octets between two batch buffers: not a power of two, or frames would fight for the same cache sets.
const STRIDE: usize = HEADROOM + 2_048 + 64;

/// When the packets of a case come, after the sessions have been opened.
pub const NOW: Instant = Instant::from_micros(20_000_000);

/// Frames to be received, one after the other in the order in which they come, as in the ring of a device.
pub struct Arrivals {
    octets: Vec<[u8; 64]>,
    ingress: DeviceIndex,
    next: usize,
}

impl Arrivals {
    /// The same in a random order.
    pub fn shuffled(mut templates: Vec<Template>) -> Self {
        shuffle(&mut templates);
        Self::in_order(templates)
    }

    /// All of 64 octets, by one device.
    pub fn in_order(templates: Vec<Template>) -> Self {
        let ingress = templates[0].ingress;
        let octets = templates.iter().map(|template| *template.octets.first_chunk().expect("64 octets")).collect();
        Self { octets, ingress, next: 0 }
    }

    /// Frames until they come again.
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// The next frame.
    #[inline]
    pub fn next(&mut self) -> &[u8; 64] {
        let at = self.next;
        self.next = if at + 1 == self.octets.len() { 0 } else { at + 1 };
        &self.octets[at]
    }
}

/// Buffers of one batch.
pub struct Buffers(Vec<u8>);

impl Buffers {
    pub fn new() -> Self {
        Self(vec![0; STRIDE * FRAME_BATCH_MAX])
    }

    /// Copies the next frames into the buffers, as a receive would, all of them before any is looked at.
    #[inline]
    pub fn receive(&mut self, arrivals: &mut Arrivals) -> [Frame<'_>; FRAME_BATCH_MAX] {
        let ingress = arrivals.ingress;
        let mut chunks = self.0.chunks_exact_mut(STRIDE);
        std::array::from_fn(|_| {
            let buffer = chunks.next().expect("one buffer a frame");
            buffer[HEADROOM..HEADROOM + 64].copy_from_slice(arrivals.next());
            Frame::new(buffer, HEADROOM, 64, ingress)
        })
    }

    /// The same for frames of any length.
    pub fn receive_any(&mut self, templates: &[Template]) -> Vec<Frame<'_>> {
        let chunks = self.0.chunks_exact_mut(STRIDE);
        let received = templates.iter().zip(chunks).map(|(template, buffer)| {
            let length = template.octets.len();
            buffer[HEADROOM..HEADROOM + length].copy_from_slice(&template.octets);
            Frame::new(buffer, HEADROOM, length, template.ingress)
        });
        received.collect()
    }
}

/// Sends so many packets through the engine, all of which are forwarded.
pub fn pass(site: &mut Site, buffers: &mut Buffers, arrivals: &mut Arrivals, packets: usize) {
    (0..packets / FRAME_BATCH_MAX).for_each(|_| batch(site, buffers, arrivals));
}

/// The same with one full batch.
#[inline]
pub fn batch(site: &mut Site, buffers: &mut Buffers, arrivals: &mut Arrivals) {
    let mut frames = buffers.receive(arrivals);
    site.engine.process(&mut frames, NOW, &mut site.outputs);
    assert!(frames.iter().all(|frame| frame.verdict == Verdict::Forward), "{:?}", frames[0].verdict);
    black_box(&mut frames);
}

/// A fixed shuffle: the same order in every run, random to the cache.
pub fn shuffle<T>(items: &mut [T]) {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for index in (1..items.len()).rev() {
        items.swap(index, random(&mut seed) as usize % (index + 1));
    }
}

pub fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}
