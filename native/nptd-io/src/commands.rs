//! What the control plane asks of a worker, through a bounded queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_queue::ArrayQueue;
use nptd_core::filter::FilterRow;
use nptd_core::frame::DeviceIndex;
use nptd_core::host::probes::ProbeSpec;
use nptd_core::host::probes::conversations::ProbeConclusion;
use nptd_core::nat44::{MappingRow, PortRest, SessionRow};
use nptd_core::pipeline::explain::Explanation;
use nptd_core::plan::subject::Subject;

use crate::error::{CommandError, Stopped};
use crate::sys::eventfd::EventFd;

/// Most commands that wait for one worker: a burst of injected frames fits.
pub const COMMANDS_MAX: usize = 256;

/// Places of a table that one turn of a listing looks at, so that traffic does not stall behind it.
pub const LISTING_SLICE: u32 = 1_024;

/// Something to do between two batches.
pub(crate) enum Command {
    /// Replace what is probed.
    SetProbes(Vec<ProbeSpec>),
    /// Note how a probe of the control plane's has ended.
    ConcludeProbe(ProbeConclusion),
    /// Send a complete frame.
    Inject { device: DeviceIndex, octets: Vec<u8> },
    /// Explain what becomes of a flow.
    Explain { flow: Subject, reply: SyncSender<Explanation> },
    /// List sessions.
    ListSessions(Listing<SessionRow>),
    /// List sessions of the IPv6 filter.
    ListFilterSessions(Listing<FilterRow>),
    /// List mappings.
    ListMappings(Listing<MappingRow>),
    /// List the ports that have to rest over a restart.
    ListPortRests(Listing<PortRest>),
    /// Make resting mappings again of what a former process held.
    RestorePortRests(Vec<PortRest>),
}

/// A listing on its way: continued slice by slice, then sent back.
pub(crate) struct Listing<Row> {
    cursor: u32,
    limit: usize,
    rows: Vec<Row>,
    reply: SyncSender<Vec<Row>>,
}

impl<Row> Listing<Row> {
    /// A listing of at most `limit` rows that has not begun.
    pub(crate) fn new(limit: usize, reply: SyncSender<Vec<Row>>) -> Self {
        Self { cursor: 0, limit, rows: Vec::new(), reply }
    }

    /// Adds one slice by a function from (cursor, places to look at, rows) to the next cursor. Returns the listing if
    /// it is not finished; otherwise it has been sent back.
    pub(crate) fn advance(mut self, read: impl FnOnce(u32, u32, &mut Vec<Row>) -> Option<u32>) -> Option<Self> {
        let next = read(self.cursor, LISTING_SLICE, &mut self.rows);
        if let Some(cursor) = next
            && self.rows.len() < self.limit
        {
            self.cursor = cursor;
            return Some(self);
        }
        self.rows.truncate(self.limit);
        // Whoever asked may have gone away meanwhile; then nobody misses the answer.
        let _ = self.reply.try_send(self.rows);
        None
    }
}

/// The commands for one worker, and the bell that wakes it.
pub(crate) struct Mailbox {
    commands: ArrayQueue<Command>,
    /// Given up on closing, so that nothing of a closed data plane holds a descriptor.
    bell: Mutex<Option<Arc<EventFd>>>,
    closed: AtomicBool,
}

impl Mailbox {
    /// An empty mailbox with the bell of its worker.
    pub(crate) fn new(bell: Arc<EventFd>) -> Self {
        Self { commands: ArrayQueue::new(COMMANDS_MAX), bell: Mutex::new(Some(bell)), closed: AtomicBool::new(false) }
    }

    /// Leaves a command and rings.
    pub(crate) fn send(&self, command: Command) -> Result<(), CommandError> {
        if self.is_closed() {
            return Err(Stopped.into());
        }
        self.commands.push(command).map_err(|_command| CommandError::Full)?;
        // The worker may have closed between the two steps, and then nobody else empties the mailbox.
        if self.is_closed() {
            self.close();
            return Err(Stopped.into());
        }
        self.ring();
        Ok(())
    }

    /// Takes the oldest command.
    pub(crate) fn receive(&self) -> Option<Command> {
        self.commands.pop()
    }

    /// Has the worker look at its mailbox and at the plan cell.
    pub(crate) fn ring(&self) {
        if let Some(bell) = self.bell().as_ref() {
            bell.wake();
        }
    }

    /// Takes no more commands, has the worker end, and drops the commands that wait, so that whoever waits for an
    /// answer learns of it.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        while self.commands.pop().is_some() {}
        if let Some(bell) = self.bell().take() {
            bell.wake();
        }
    }

    /// Whether the worker has ended or shall end.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn bell(&self) -> MutexGuard<'_, Option<Arc<EventFd>>> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;

    use super::{COMMANDS_MAX, Command, LISTING_SLICE, Listing, Mailbox};
    use crate::error::{CommandError, Stopped};
    use crate::sys::eventfd::EventFd;

    /// A table of `total` rows that is read like the engine's.
    fn read(total: u32) -> impl Fn(u32, u32, &mut Vec<u32>) -> Option<u32> {
        move |from, max, rows| {
            let end = total.min(from + max);
            rows.extend(from..end);
            (end < total).then_some(end)
        }
    }

    fn list(limit: usize, total: u32) -> (Vec<u32>, usize) {
        let (reply, answer) = sync_channel(1);
        let mut listing = Some(Listing::new(limit, reply));
        let mut turns = 0;
        while let Some(unfinished) = listing {
            listing = unfinished.advance(read(total));
            turns += 1;
        }
        (answer.recv().unwrap_or_default(), turns)
    }

    #[test]
    fn a_listing_is_gathered_in_slices() {
        let (rows, turns) = list(usize::MAX, 2_500);
        assert_eq!(rows, (0..2_500).collect::<Vec<_>>());
        assert_eq!(turns, 2_500_usize.div_ceil(LISTING_SLICE as usize));
    }

    #[test]
    fn a_listing_stops_at_its_limit() {
        assert_eq!(list(1_500, 10_000).0.len(), 1_500);
        assert_eq!(list(0, 10).0.len(), 0);
        assert_eq!(list(10, 0).0.len(), 0);
    }

    #[test]
    fn a_full_mailbox_refuses_and_a_closed_one_says_so() -> std::io::Result<()> {
        let mailbox = Mailbox::new(Arc::new(EventFd::new()?));
        let command = || Command::SetProbes(Vec::new());
        for _ in 0..COMMANDS_MAX {
            assert_eq!(mailbox.send(command()), Ok(()));
        }
        assert_eq!(mailbox.send(command()), Err(CommandError::Full));
        mailbox.close();
        assert_eq!(mailbox.send(command()), Err(CommandError::Stopped(Stopped)));
        assert!(mailbox.receive().is_none());
        Ok(())
    }

    #[test]
    fn closing_tells_whoever_waits_for_a_listing() -> std::io::Result<()> {
        let mailbox = Mailbox::new(Arc::new(EventFd::new()?));
        let (reply, answer) = sync_channel(1);
        assert_eq!(mailbox.send(Command::ListSessions(Listing::new(1, reply))), Ok(()));
        mailbox.close();
        assert!(answer.recv().is_err());
        Ok(())
    }
}
