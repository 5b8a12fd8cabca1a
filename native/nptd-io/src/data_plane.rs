//! The data plane: its workers from start to stop, and everything the control plane can ask of them.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use nptd_core::counters::Counters;
use nptd_core::filter::FilterRow;
use nptd_core::frame::DeviceIndex;
use nptd_core::host::probes::ProbeSpec;
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
use crate::passed::PassedQueue;
use crate::plan_cell::PlanCell;
use crate::sys::eventfd::EventFd;
use crate::sys::pages;
use crate::worker::{Reception, Shared, Worker, WorkerLink};

/// Echo identifiers that probes ask for, with the slot in the low bits; the engine takes another one where a mapping
/// has it already.
const PROBE_IDENTIFIER: u16 = 0x6e00;

/// What a data plane is made of.
#[derive(Clone, Debug)]
pub struct DataPlaneOptions {
    /// Devices in the order of the plans to come.
    pub devices: Vec<DeviceSpec>,
    /// Capacities and secrets.
    pub engine: EngineConfig,
    /// How long a worker that has just had frames looks for more before it sleeps; zero: it sleeps at once.
    pub busy_poll: Duration,
}

/// Devices and workers. Dropping it closes it.
pub struct DataPlane {
    shared: Arc<Shared>,
    workers: Vec<WorkerHandle>,
    /// Whether each device has link headers.
    devices: Vec<bool>,
    applying: Mutex<()>,
}

struct WorkerHandle {
    link: Arc<WorkerLink>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl DataPlane {
    /// Makes the devices and starts a worker. Nothing is forwarded before the first plan.
    pub fn open(options: &DataPlaneOptions) -> Result<Self, OpenError> {
        let count = options.devices.len();
        if count > DEVICES_MAX {
            return Err(OpenError::TooManyDevices { count, max: DEVICES_MAX });
        }
        let devices = options.devices.iter().map(DeviceSpec::open).collect::<Result<Vec<_>, _>>()?;
        let frame_len_max = options.devices.iter().map(DeviceSpec::frame_len_max).max().unwrap_or(0);
        let reception = Reception { frame_len_max, busy_poll: options.busy_poll };
        let counters = Arc::new(Counters::new());
        let mut engine = Engine::new(options.engine, counters.clone());
        pages::advise_huge(&engine.regions());
        for (device, index) in devices.iter().zip(0..) {
            engine.set_offloads(DeviceIndex(index), device.offloads());
        }
        Self::start(devices, reception, engine, MonotonicClock, counters)
    }

    /// Starts a worker over devices that are open already.
    pub(crate) fn start(
        devices: Vec<Box<dyn Device>>,
        reception: Reception,
        path: impl DataPath + Send + 'static,
        clock: impl Clock + 'static,
        counters: Arc<Counters>,
    ) -> Result<Self, OpenError> {
        let shared =
            Arc::new(Shared { plans: PlanCell::new(1), events: EventQueue::default(), passed: PassedQueue::default() });
        let bell = EventFd::new().map_err(|error| system("make an event descriptor", &error))?;
        let bell = Arc::new(bell);
        let mailbox = Mailbox::new(bell.clone());
        let link = Arc::new(WorkerLink { number: 0, mailbox, counters, gauges: Gauges::default() });
        let has_link_headers = devices.iter().map(|device| device.has_link_header()).collect();
        let worker = Worker::new(path, clock, devices, reception, bell, shared.clone(), link.clone());
        let body = {
            let (shared, link) = (shared.clone(), link.clone());
            move || run_to_end(worker, &shared, &link)
        };
        let thread = thread::Builder::new().name("nptd-worker-0".into()).spawn(body);
        let thread = thread.map_err(|error| system("start a worker thread", &error))?;
        let workers = vec![WorkerHandle { link, thread: Mutex::new(Some(thread)) }];
        Ok(Self { shared, workers, devices: has_link_headers, applying: Mutex::new(()) })
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
        self.workers.iter().for_each(|worker| worker.link.mailbox.ring());
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
        self.first()?.mailbox.send(Command::SetProbes(specs))
    }

    /// Sends a complete frame out of a device.
    pub fn inject(&self, device: DeviceIndex, octets: Vec<u8>) -> Result<(), CommandError> {
        self.first()?.mailbox.send(Command::Inject { device, octets })
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
        self.first()?.mailbox.send(Command::Explain { flow, reply })?;
        Ok(answer.recv().map_err(|_dropped| Stopped)?)
    }

    /// The ports that have to rest over a restart; waits for the workers.
    pub fn port_rests(&self) -> Result<Vec<PortRest>, CommandError> {
        self.list(usize::MAX, Command::ListPortRests)
    }

    /// Makes resting mappings again of what a former process held: before the first packet if this comes before the
    /// first plan (6888-R8).
    pub fn restore_port_rests(&self, rests: Vec<PortRest>) -> Result<(), CommandError> {
        self.first()?.mailbox.send(Command::RestorePortRests(rests))
    }

    /// The counters of all workers: read where they are written, so that they tell even while the workers have no
    /// moment to spare (6888-R10).
    pub fn counters(&self) -> CountersSnapshot {
        CountersSnapshot::sum(self.workers.iter().map(|worker| (&*worker.link.counters, &worker.link.gauges)))
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
        self.workers.iter().for_each(|worker| worker.link.mailbox.close());
        for worker in &self.workers {
            let thread = worker.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            // The thread's body catches panics, so there is nothing to learn from the result.
            let _ = thread.map(JoinHandle::join);
        }
        self.shared.events.clear_notify();
    }

    fn first(&self) -> Result<&WorkerLink, Stopped> {
        self.workers.first().map(|worker| &*worker.link).ok_or(Stopped)
    }

    fn list<Row>(&self, limit: usize, command: impl Fn(Listing<Row>) -> Command) -> Result<Vec<Row>, CommandError> {
        let mut rows: Vec<Row> = Vec::new();
        for worker in &self.workers {
            let (reply, answer) = sync_channel(1);
            worker.link.mailbox.send(command(Listing::new(limit - rows.len(), reply)))?;
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

/// The body of a worker thread. A panic in it is our own fault and must not take the process down.
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
