//! The data plane: its workers from start to stop, and everything the control plane can ask of them.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use nptd_core::counters::Counters;
use nptd_core::filter::FilterRow;
use nptd_core::frame::DeviceIndex;
use nptd_core::host::probes::ProbeSpec;
use nptd_core::host::probes::conversations::ProbeConclusion;
use nptd_core::nat44::{MappingRow, PortRest, SessionRow};
use nptd_core::pipeline::explain::Explanation;
use nptd_core::pipeline::{Engine, EngineConfig};
use nptd_core::plan::spec::{LinkSpec, PlanSpec};
use nptd_core::plan::subject::Subject;
use nptd_core::plan::{DEVICES_MAX, Plan};
use nptd_core::time::Duration;

use crate::clock::{Clock, MonotonicClock};
use crate::commands::{Command, Listing, Mailbox};
use crate::counters_snapshot::{CountersSnapshot, Gauges};
use crate::data_path::DataPath;
use crate::device::Device;
use crate::device::DeviceSpec;
use crate::error::{ApplyError, CommandError, OpenError, Stopped};
use crate::events::{Event, EventQueue};
use crate::handover::Handover;
use crate::passed::PassedQueue;
use crate::ports::{Ports, healths};
use crate::streams::{StreamHub, StreamNews, StreamTarget};
use crate::sys::eventfd::EventFd;
use crate::sys::pages;
use crate::worker::{HOST, Reception, Shared, Worker, WorkerLink};

/// Echo identifiers that probes ask for, with the slot in the low bits; the engine takes another one where a mapping
/// has it already.
const PROBE_IDENTIFIER: u16 = 0x6e00;

/// Most threads that carry frames: more than that, and handing frames over costs more than they add.
pub const WORKERS_MAX: usize = 8;

/// What a data plane is made of.
#[derive(Clone, Debug)]
pub struct DataPlaneOptions {
    /// Devices in the order of the plans to come.
    pub devices: Vec<DeviceSpec>,
    /// Capacities and secrets.
    pub engine: EngineConfig,
    /// How long a worker that has just had frames looks for more before it sleeps; zero: it sleeps at once.
    pub busy_poll: Duration,
    /// Threads that carry frames, 1 to [`WORKERS_MAX`].
    pub workers: usize,
}

/// Devices and workers. Dropping it closes it.
pub struct DataPlane {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Whether each device has link headers.
    devices: Vec<bool>,
    applying: Mutex<()>,
}

/// What one worker has for itself.
pub(crate) struct Outfit<P> {
    pub(crate) path: P,
    pub(crate) counters: Arc<Counters>,
    /// By their index.
    pub(crate) devices: Vec<Box<dyn Device>>,
}

impl DataPlane {
    /// Makes the devices and starts the workers. Nothing is forwarded before the first plan.
    pub fn open(options: &DataPlaneOptions) -> Result<Self, OpenError> {
        let count = options.devices.len();
        if count > DEVICES_MAX {
            return Err(OpenError::TooManyDevices { count, max: DEVICES_MAX });
        }
        let workers = options.workers.clamp(1, WORKERS_MAX);
        let devices = options.devices.iter().map(|spec| spec.open_for(workers)).collect::<Result<Vec<_>, _>>()?;
        let frame_len_max = options.devices.iter().map(DeviceSpec::frame_len_max).max().unwrap_or(0);
        let reception = Reception { frame_len_max, busy_poll: options.busy_poll };
        let counters: Vec<_> = (0..workers).map(|_| Arc::new(Counters::new())).collect();
        let engines = Engine::group(&options.engine, &counters).into_iter().zip(counters);
        let outfits = by_worker(devices, workers).into_iter().zip(engines).map(|(devices, (mut path, counters))| {
            pages::advise_huge(&path.regions());
            for (device, index) in devices.iter().zip(0..) {
                path.set_offloads(DeviceIndex(index), device.offloads());
            }
            Outfit { path, counters, devices }
        });
        Self::start(outfits.collect(), reception, &MonotonicClock)
    }

    /// Starts workers over devices that are open already. All of it is undone if one cannot be started.
    pub(crate) fn start<P: DataPath + Send + 'static, C: Clock + Clone + 'static>(
        outfits: Vec<Outfit<P>>,
        reception: Reception,
        clock: &C,
    ) -> Result<Self, OpenError> {
        let bells = outfits.iter().map(|_| EventFd::new().map(Arc::new)).collect::<io::Result<Vec<_>>>();
        let bells = bells.map_err(|error| system("make an event descriptor", &error))?;
        let links = outfits.iter().zip(&bells).enumerate().map(|(number, (outfit, bell))| {
            let (mailbox, counters) = (Mailbox::new(bell.clone()), outfit.counters.clone());
            Arc::new(WorkerLink { number, mailbox, counters, gauges: Gauges::default() })
        });
        let shared = Arc::new(Shared::new(links.collect()));
        let devices = outfits.first().map_or(&[][..], |outfit| &outfit.devices);
        let (healths, has_link_headers) = (healths(devices), devices.iter().map(|device| device.has_link_header()));
        let devices = has_link_headers.collect();
        let plane = Self { shared, threads: Mutex::default(), devices, applying: Mutex::new(()) };
        let handovers = Handover::group(&bells);
        let each = outfits.into_iter().zip(bells).zip(handovers);
        for (((outfit, bell), handover), link) in each.zip(&plane.shared.links) {
            let ports = Ports::new(outfit.devices, &healths, bell);
            let (shared, link) = (plane.shared.clone(), link.clone());
            let (path, clock) = (outfit.path, clock.clone());
            let worker = Worker::new(path, clock, ports, reception, shared.clone(), link.clone(), handover);
            let thread = thread::Builder::new().name(format!("nptd-worker-{}", link.number));
            let thread = thread.spawn(move || run_to_end(worker, &shared, &link));
            plane.threads().push(thread.map_err(|error| system("start a worker thread", &error))?);
        }
        Ok(plane)
    }

    /// Puts a plan in force; returns when every worker has taken it over.
    pub fn apply(&self, spec: PlanSpec) -> Result<(), ApplyError> {
        let generation = spec.generation;
        self.check(&spec)?;
        let plan = Arc::new(Plan::new(spec)?);
        {
            let _one_at_a_time = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
            if generation <= self.shared.plans.published() {
                return refuse("generation", "is not above that of the plan in force");
            }
            self.shared.plans.publish(plan);
        }
        self.shared.links.iter().for_each(|link| link.mailbox.ring());
        Ok(self.shared.plans.wait_for(generation)?)
    }

    /// What only the data plane knows of a plan: its devices.
    fn check(&self, spec: &PlanSpec) -> Result<(), ApplyError> {
        if spec.devices.len() != self.devices.len() {
            return refuse("devices", "does not list exactly the open devices");
        }
        let is_ethernet = spec.devices.iter().map(|device| device.link != LinkSpec::Ip);
        let mut differing = is_ethernet.zip(&self.devices).enumerate().filter(|(_, (planned, is))| planned != *is);
        match differing.next() {
            Some((index, (false, _))) => {
                refuse(&format!("devices[{index}].mac"), "is missing, but this device carries Ethernet")
            }
            Some((index, (true, _))) => {
                refuse(&format!("devices[{index}].mac"), "is given, but this device carries IP")
            }
            None => Ok(()),
        }
    }

    /// Generation that every worker has acknowledged; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.shared.plans.generation()
    }

    /// Replaces what is probed. Probes are the work of the first worker.
    pub fn set_probes(&self, mut specs: Vec<ProbeSpec>) -> Result<(), CommandError> {
        for spec in &mut specs {
            spec.identifier = PROBE_IDENTIFIER | u16::from(spec.slot);
        }
        self.host()?.mailbox.send(Command::SetProbes(specs))
    }

    /// Says how a probe has ended that was asked for.
    pub fn conclude_probe(&self, conclusion: ProbeConclusion) -> Result<(), CommandError> {
        self.host()?.mailbox.send(Command::ConcludeProbe(conclusion))
    }

    /// Opens a TCP connection of the gateway's own by an uplink; returns its id. What becomes of it is news.
    pub fn open_stream(&self, target: StreamTarget) -> Result<u32, Stopped> {
        self.with_streams(|streams| streams.open(target))?
    }

    /// Takes octets to be sent by a stream; returns how many there was room for. When there is more is news.
    pub fn write_stream(&self, id: u32, octets: &[u8]) -> Result<usize, Stopped> {
        self.with_streams(|streams| streams.write(id, octets))
    }

    /// Says that a stream is to send nothing more.
    pub fn finish_stream(&self, id: u32) -> Result<(), Stopped> {
        self.with_streams(|streams| streams.finish(id))
    }

    /// Gives a stream up, of which there is no more news then: one that is not over in both directions is reset.
    pub fn abandon_stream(&self, id: u32) -> Result<(), Stopped> {
        self.with_streams(|streams| streams.abandon(id))
    }

    /// Takes all news of streams, which makes room for more.
    pub fn take_stream_news(&self) -> Result<Vec<StreamNews>, Stopped> {
        self.with_streams(StreamHub::take_news)
    }

    /// Sends a complete frame out of a device.
    pub fn inject(&self, device: DeviceIndex, octets: Vec<u8>) -> Result<(), CommandError> {
        self.host()?.mailbox.send(Command::Inject { device, octets })
    }

    /// At most `limit` live sessions; waits for the workers.
    pub fn sessions(&self, limit: usize) -> Result<Vec<SessionRow>, CommandError> {
        self.list(limit, Command::ListSessions)
    }

    /// At most `limit` live sessions of the IPv6 filter; waits for the workers.
    pub fn filter_sessions(&self, limit: usize) -> Result<Vec<FilterRow>, CommandError> {
        self.list(limit, Command::ListFilterSessions)
    }

    /// At most `limit` live mappings; waits for the workers.
    pub fn mappings(&self, limit: usize) -> Result<Vec<MappingRow>, CommandError> {
        self.list(limit, Command::ListMappings)
    }

    /// Why a flow takes its uplink; waits for the worker.
    pub fn explain(&self, flow: Subject) -> Result<Explanation, CommandError> {
        let (reply, answer) = sync_channel(1);
        self.host()?.mailbox.send(Command::Explain { flow, reply })?;
        Ok(answer.recv().map_err(|_dropped| Stopped)?)
    }

    /// The ports that have to rest over a restart; waits for the workers.
    pub fn port_rests(&self) -> Result<Vec<PortRest>, CommandError> {
        self.list(usize::MAX, Command::ListPortRests)
    }

    /// Makes resting mappings again of what a former process held: before the first packet if this comes before the
    /// first plan (6888-R8). Each worker takes those that are its own.
    pub fn restore_port_rests(&self, rests: Vec<PortRest>) -> Result<(), CommandError> {
        let mut links = self.shared.links.iter();
        links.try_for_each(|link| link.mailbox.send(Command::RestorePortRests(rests.clone())))
    }

    /// The counters of all workers: read where they are written, so that they tell even while the workers have no
    /// moment to spare (6888-R10).
    pub fn counters(&self) -> CountersSnapshot {
        CountersSnapshot::sum(self.shared.links.iter().map(|link| (&*link.counters, &link.gauges)))
    }

    /// Events for the control plane.
    pub fn events(&self) -> &EventQueue {
        &self.shared.events
    }

    /// Frames for the control plane.
    pub fn passed(&self) -> &PassedQueue {
        &self.shared.passed
    }

    /// Stops the workers and removes the devices; returns when that is done. Calling it again does nothing.
    pub fn close(&self) {
        self.shared.close();
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            // The thread's body catches panics, so there is nothing to learn from the result.
            let _ = thread.join();
        }
        self.shared.events.clear_notify();
        self.shared.streams.close();
    }

    /// Does something about streams, and has their worker look at them.
    fn with_streams<T>(&self, act: impl FnOnce(&StreamHub) -> T) -> Result<T, Stopped> {
        let host = self.host()?;
        let result = act(&self.shared.streams);
        host.mailbox.ring();
        Ok(result)
    }

    fn host(&self) -> Result<&WorkerLink, Stopped> {
        self.shared.links.get(HOST).map(|link| &**link).ok_or(Stopped)
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list<Row>(&self, limit: usize, command: impl Fn(Listing<Row>) -> Command) -> Result<Vec<Row>, CommandError> {
        let mut rows: Vec<Row> = Vec::new();
        for link in &self.shared.links {
            let (reply, answer) = sync_channel(1);
            link.mailbox.send(command(Listing::new(limit - rows.len(), reply)))?;
            rows.extend(answer.recv().map_err(|_dropped| Stopped)?);
        }
        Ok(rows)
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        self.close();
    }
}

/// The devices of each worker, from the workers' handles of each device.
fn by_worker(devices: Vec<Vec<Box<dyn Device>>>, workers: usize) -> Vec<Vec<Box<dyn Device>>> {
    let mut handles: Vec<_> = devices.into_iter().map(Vec::into_iter).collect();
    (0..workers).map(|_| handles.iter_mut().filter_map(Iterator::next).collect()).collect()
}

/// The body of a worker thread. A panic in it is our own fault and must not take the process down; without this worker the
/// others end as well.
fn run_to_end(mut worker: Worker<impl DataPath, impl Clock>, shared: &Shared, link: &WorkerLink) {
    let outcome = catch_unwind(AssertUnwindSafe(|| worker.run()));
    // Closes the devices and answers unfinished listings, before anybody is told that the worker has ended.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(worker)));
    link.mailbox.close();
    link.gauges.sessions.store(0, Ordering::Relaxed);
    link.gauges.mappings.store(0, Ordering::Relaxed);
    shared.plans.end(link.number);
    let message = match (outcome, dropped) {
        (Ok(Ok(())), Ok(())) => return,
        (Ok(Err(error)), _) => format!("waiting for devices failed: {error}"),
        (Err(panic), _) | (_, Err(panic)) => panic_message(panic.as_ref()),
    };
    shared.close();
    shared.events.push(Event::WorkerPanicked { message });
}

/// The text of a panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

fn refuse<T>(path: &str, problem: &'static str) -> Result<T, ApplyError> {
    Err(ApplyError::Refused { path: path.to_owned(), problem })
}

fn system(step: &'static str, error: &io::Error) -> OpenError {
    OpenError::System { step, errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

#[cfg(test)]
mod tests;
