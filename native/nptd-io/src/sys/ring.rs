//! Rings in memory that is shared with the kernel: one side produces entries, the other consumes them, and each tells the other
//! how far it is by an index that only it writes.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

/// Mapped memory of this process, given back when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    octets: usize,
}

// SAFETY: a mapping belongs to the process, and whoever has the value may use it from any thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Fresh memory, zeroed and present at once.
    pub(crate) fn anonymous(octets: usize) -> io::Result<Self> {
        Self::new(octets, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    }

    /// What a socket shares at an offset.
    pub(crate) fn of(socket: BorrowedFd<'_>, offset: libc::off_t, octets: usize) -> io::Result<Self> {
        Self::new(octets, libc::MAP_SHARED, socket.as_raw_fd(), offset)
    }

    fn new(octets: usize, flags: libc::c_int, fd: libc::c_int, offset: libc::off_t) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = flags | libc::MAP_POPULATE;
        // SAFETY: the kernel chooses a place that nobody uses.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), octets, protection, flags, fd, offset) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, octets })
    }

    /// Where it begins, for the kernel.
    pub(crate) fn address(&self) -> u64 {
        self.start.as_ptr() as u64
    }

    /// Copies octets out of it; `false` if it does not have them.
    pub(crate) fn read(&self, from: u64, to: &mut [u8]) -> bool {
        let octets = to.len();
        let Some(from) = self.place(from, octets) else { return false };
        // SAFETY: `place` has found as many octets in the mapping, and `to` is memory of our own.
        unsafe { from.copy_to_nonoverlapping(NonNull::from(to).cast(), octets) };
        true
    }

    /// Copies octets into it; `false` if they do not fit.
    pub(crate) fn write(&mut self, to: u64, from: &[u8]) -> bool {
        let Some(to) = self.place(to, from.len()) else { return false };
        // SAFETY: `place` has found as many octets in the mapping, and `from` is memory of our own.
        unsafe { to.copy_from_nonoverlapping(NonNull::from(from).cast(), from.len()) };
        true
    }

    /// A word in it that both sides look at and change; none where there is none.
    pub(crate) fn word(&self, offset: u64) -> Option<&AtomicU32> {
        // SAFETY: the word lies in the mapping, which outlives the reference, and both sides access it atomically.
        self.at(offset).ok().map(|word| unsafe { word.as_ref() })
    }

    fn place(&self, offset: u64, octets: usize) -> Option<NonNull<u8>> {
        let offset = usize::try_from(offset).ok()?;
        let fits = offset.checked_add(octets)? <= self.octets;
        // SAFETY: the place is within the mapping.
        fits.then(|| unsafe { self.start.add(offset) })
    }

    /// A value in it that both sides may look at.
    fn at<T>(&self, offset: u64) -> io::Result<NonNull<T>> {
        let place = self.place(offset, size_of::<T>()).filter(|place| place.cast::<T>().is_aligned());
        place.map(NonNull::cast).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the region was mapped by `new`, and nothing borrows from it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.octets) };
    }
}

/// Where the parts of a ring lie in its mapping.
pub(crate) type Layout = libc::xdp_ring_offset;

/// One ring of entries of plain numbers.
#[derive(Debug)]
struct Ring<T> {
    /// Keeps all of the following valid.
    _memory: Mapping,
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    entries: NonNull<T>,
    size: u32,
    /// Our own index, which the other side learns of later.
    next: u32,
}

// SAFETY: the pointers lead into the mapping that moves along with them.
unsafe impl<T: Send> Send for Ring<T> {}

impl<T: Copy> Ring<T> {
    /// A ring of so many entries, a power of two.
    fn of(socket: BorrowedFd<'_>, offset: libc::off_t, layout: &Layout, size: u32) -> io::Result<Self> {
        let octets = layout.desc as usize + size as usize * size_of::<T>();
        let memory = Mapping::of(socket, offset, octets)?;
        let [producer, consumer, flags] = [layout.producer, layout.consumer, layout.flags];
        Ok(Self {
            producer: memory.at(producer)?,
            consumer: memory.at(consumer)?,
            flags: memory.at(flags)?,
            entries: memory.at(layout.desc)?,
            _memory: memory,
            size,
            next: 0,
        })
    }

    fn index(&self, which: NonNull<AtomicU32>) -> &AtomicU32 {
        // SAFETY: it leads into the mapping, which lives as long as `self`; both sides access it atomically.
        unsafe { which.as_ref() }
    }

    /// The place of the entry at our index.
    fn entry(&self) -> NonNull<T> {
        // SAFETY: the mapping has room for `size` entries, and `size` is a power of two.
        unsafe { self.entries.add((self.next & (self.size - 1)) as usize) }
    }
}

/// A ring whose entries we produce.
#[derive(Debug)]
pub(crate) struct Producing<T>(Ring<T>);

impl<T: Copy> Producing<T> {
    /// A ring of so many entries, a power of two, that a socket shares.
    pub(crate) fn of(socket: BorrowedFd<'_>, offset: libc::off_t, layout: &Layout, size: u32) -> io::Result<Self> {
        Ring::of(socket, offset, layout, size).map(Self)
    }

    /// Entries that the kernel has not consumed yet.
    pub(crate) fn waiting(&self) -> u32 {
        self.0.next.wrapping_sub(self.0.index(self.0.consumer).load(Ordering::Acquire))
    }

    /// Adds an entry that the kernel sees after [`Self::publish`]; `false` if the ring is full.
    pub(crate) fn push(&mut self, value: T) -> bool {
        if self.waiting() >= self.0.size {
            return false;
        }
        // SAFETY: the entry is in the mapping, and between both indices the kernel leaves it to us.
        unsafe { self.0.entry().write(value) };
        self.0.next = self.0.next.wrapping_add(1);
        true
    }

    /// Shows the kernel all entries so far.
    pub(crate) fn publish(&self) {
        self.0.index(self.0.producer).store(self.0.next, Ordering::Release);
    }

    /// Whether the kernel looks at the ring only when it is told to.
    pub(crate) fn needs_wakeup(&self) -> bool {
        // The question must not overtake what was published before it.
        fence(Ordering::SeqCst);
        self.0.index(self.0.flags).load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }
}

/// A ring whose entries the kernel produces.
#[derive(Debug)]
pub(crate) struct Consuming<T>(Ring<T>);

impl<T: Copy> Consuming<T> {
    /// A ring of so many entries, a power of two, that a socket shares.
    pub(crate) fn of(socket: BorrowedFd<'_>, offset: libc::off_t, layout: &Layout, size: u32) -> io::Result<Self> {
        Ring::of(socket, offset, layout, size).map(Self)
    }

    /// The next entry; the kernel may have its place again after [`Self::release`].
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.0.index(self.0.producer).load(Ordering::Acquire) == self.0.next {
            return None;
        }
        // SAFETY: the entry is in the mapping, and before our index is published the kernel leaves it as it is.
        let value = unsafe { self.0.entry().read() };
        self.0.next = self.0.next.wrapping_add(1);
        Some(value)
    }

    /// Gives the kernel the places of all entries so far.
    pub(crate) fn release(&self) {
        self.0.index(self.0.consumer).store(self.0.next, Ordering::Release);
    }
}
