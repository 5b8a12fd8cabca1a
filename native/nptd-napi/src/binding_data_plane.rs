//! The data plane as a class: devices, workers, and everything that may be asked of them.

use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Either, Function, Uint8Array};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use nptd_core::frame::{DeviceIndex, FRAME_LEN_MAX};
use nptd_core::pipeline::EngineConfig;
use nptd_core::plan::spec::PlanSpec;
use nptd_core::time::Duration;
use nptd_io::{CommandError, DataPlane, DataPlaneOptions, DeviceKind, DeviceSpec, WORKERS_MAX};

use crate::binding_counters::BindingCounters;
use crate::binding_error::BindingError;
use crate::binding_events::{BindingEvent, BindingPassedFrame};
use crate::binding_explain::{BindingFlowExplanation, BindingFlowQuestion, flow_question};
use crate::binding_plan::BindingPlan;
use crate::binding_probe::{BindingProbe, probe_specs};
use crate::binding_rests::{BindingPortRest, port_rests};
use crate::binding_rows::{BindingMappingRow, BindingSessionRow};
use crate::binding_stream::{
    BindingProbeRequest, BindingStreamNews, BindingStreamTarget, probe_conclusion, stream_target,
};
use crate::blocking::Blocking;
use crate::path::{Path, Refuse};

const REFUSE: Refuse = |path, problem| BindingError::argument(path, problem);

/// `DeviceOptions`.
#[napi(object, object_to_js = false)]
pub struct BindingDeviceOptions {
    /// How frames reach it.
    #[napi(ts_type = "'tap' | 'tun' | 'packet' | 'xdp'")]
    pub kind: String,
    /// Interface name.
    pub name: String,
    /// Named network namespace to make it in.
    pub netns: Option<String>,
    /// Longest IP packet, in octets.
    pub mtu: f64,
    /// Whether super-packets and unfinished checksums cross it; absent: they do.
    pub offload: Option<bool>,
}

/// `DataPlaneOptions`.
#[napi(object, object_to_js = false)]
pub struct BindingDataPlaneOptions {
    /// Devices by index.
    #[napi(ts_type = "readonly BindingDeviceOptions[]")]
    pub devices: Vec<BindingDeviceOptions>,
    /// Key of port choice, 16 octets.
    pub secret: Uint8Array,
    /// Key of the tables' hash, 16 octets.
    pub hash_key: Uint8Array,
    /// Most mappings.
    pub mappings_max: f64,
    /// Most sessions.
    pub sessions_max: f64,
    /// Most sessions of the IPv6 filter; absent: as `sessionsMax`.
    pub filter_sessions_max: Option<f64>,
    /// Most internal addresses that hold mappings or sessions.
    pub hosts_max: f64,
    /// Most neighbours.
    pub neighbours_max: f64,
    /// Threads that carry packets, 1 to 8; absent: 1.
    pub workers: Option<f64>,
    /// Microseconds for which a worker that has just had frames looks for more before it sleeps; absent: none.
    pub busy_poll_us: Option<f64>,
}

/// An open data plane.
#[napi]
pub struct BindingDataPlane {
    plane: Arc<DataPlane>,
}

#[napi]
impl BindingDataPlane {
    /// Makes the devices and starts the workers.
    #[napi(catch_unwind, ts_return_type = "Promise<BindingDataPlane | BindingError>")]
    pub fn open(options: BindingDataPlaneOptions) -> AsyncTask<Blocking<BindingDataPlane>> {
        let options = plane_options(&options);
        Blocking::start(move || Ok(Self { plane: Arc::new(DataPlane::open(&options?)?) }))
    }

    /// Resolves to null when every worker has taken the plan over.
    #[napi(catch_unwind, ts_return_type = "Promise<BindingError | null>")]
    pub fn apply_plan(&self, plan: BindingPlan) -> AsyncTask<Blocking<()>> {
        let (plane, plan) = (self.plane.clone(), PlanSpec::try_from(&plan));
        Blocking::start(move || Ok(plane.apply(plan?)?))
    }

    /// Generation that every worker has acknowledged; 0 before the first.
    #[napi(getter, catch_unwind)]
    pub fn generation(&self) -> f64 {
        self.plane.generation() as f64
    }

    /// Replaces what is probed.
    #[napi(catch_unwind)]
    pub fn set_probes(
        &self,
        #[napi(ts_arg_type = "readonly BindingProbe[]")] probes: Vec<BindingProbe>,
    ) -> Option<BindingError> {
        let set = |probes| self.plane.set_probes(probes).map_err(BindingError::from);
        probe_specs(&probes).and_then(set).err()
    }

    /// Says how a probe has ended that was asked for; without a round-trip time it has missed.
    #[napi(catch_unwind)]
    pub fn conclude_probe(&self, request: BindingProbeRequest, rtt_us: Option<f64>) -> Option<BindingError> {
        let concluded = probe_conclusion(&request, rtt_us).and_then(|end| Ok(self.plane.conclude_probe(end)?));
        concluded.err()
    }

    /// Opens a TCP connection of the gateway's own by an uplink; returns its id. What becomes of it is news.
    #[napi(catch_unwind)]
    pub fn open_stream(&self, target: BindingStreamTarget) -> Either<u32, BindingError> {
        match stream_target(&target)
            .and_then(|target| Ok(self.plane.open_stream(target).map_err(CommandError::from)?))
        {
            Ok(id) => Either::A(id),
            Err(error) => Either::B(error),
        }
    }

    /// Takes octets to be sent by a stream; returns how many there was room for, and none after closing.
    #[napi(catch_unwind)]
    pub fn write_stream(&self, id: u32, octets: &[u8]) -> u32 {
        let taken = self.plane.write_stream(id, octets).unwrap_or(0);
        u32::try_from(taken).unwrap_or(u32::MAX)
    }

    /// Says that a stream is to send nothing more.
    #[napi(catch_unwind)]
    pub fn finish_stream(&self, id: u32) {
        // After closing there is nothing left to end.
        let _ = self.plane.finish_stream(id);
    }

    /// Gives a stream up.
    #[napi(catch_unwind)]
    pub fn abandon_stream(&self, id: u32) {
        // After closing there is nothing left to give up.
        let _ = self.plane.abandon_stream(id);
    }

    /// Takes the news of streams.
    #[napi(catch_unwind)]
    pub fn take_stream_news(&self) -> Vec<BindingStreamNews> {
        let news = self.plane.take_stream_news().unwrap_or_default();
        news.into_iter().map(BindingStreamNews::from).collect()
    }

    /// The counters of all workers.
    #[napi(catch_unwind)]
    pub fn counters(&self) -> BindingCounters {
        self.plane.counters().into()
    }

    /// Live sessions.
    #[napi(catch_unwind, ts_return_type = "Promise<Array<BindingSessionRow> | BindingError>")]
    pub fn sessions(&self, limit: f64) -> AsyncTask<Blocking<Vec<BindingSessionRow>>> {
        let plane = self.plane.clone();
        Blocking::start(move || {
            let limit = checked_limit(limit)?;
            let rows = plane.sessions(limit)?;
            let filtered = plane.filter_sessions(limit - rows.len().min(limit))?;
            let filtered = filtered.into_iter().map(BindingSessionRow::from);
            Ok(rows.into_iter().map(BindingSessionRow::from).chain(filtered).collect())
        })
    }

    /// Why a flow takes its uplink.
    #[napi(catch_unwind, ts_return_type = "Promise<BindingFlowExplanation | BindingError>")]
    pub fn explain(&self, flow: BindingFlowQuestion) -> AsyncTask<Blocking<BindingFlowExplanation>> {
        let (plane, question) = (self.plane.clone(), flow_question(&flow));
        Blocking::start(move || Ok(plane.explain(question?)?.into()))
    }

    /// Live mappings.
    #[napi(catch_unwind, ts_return_type = "Promise<Array<BindingMappingRow> | BindingError>")]
    pub fn mappings(&self, limit: f64) -> AsyncTask<Blocking<Vec<BindingMappingRow>>> {
        let plane = self.plane.clone();
        Blocking::start(move || {
            let rows = plane.mappings(checked_limit(limit)?)?;
            Ok(rows.into_iter().map(BindingMappingRow::from).collect())
        })
    }

    /// The ports that have to rest over a restart.
    #[napi(catch_unwind, ts_return_type = "Promise<Array<BindingPortRest> | BindingError>")]
    pub fn port_rests(&self) -> AsyncTask<Blocking<Vec<BindingPortRest>>> {
        let plane = self.plane.clone();
        Blocking::start(move || Ok(plane.port_rests()?.into_iter().map(BindingPortRest::from).collect()))
    }

    /// Makes resting mappings again of what a former process held; null if that could be asked for.
    #[napi(catch_unwind)]
    pub fn restore_port_rests(
        &self,
        #[napi(ts_arg_type = "readonly BindingPortRest[]")] rests: Vec<BindingPortRest>,
    ) -> Option<BindingError> {
        let restored = port_rests(&rests).and_then(|rests| Ok(self.plane.restore_port_rests(rests)?));
        restored.err()
    }

    /// Takes the frames for the gateway itself that wait.
    #[napi(catch_unwind)]
    pub fn take_passed(&self) -> Vec<BindingPassedFrame> {
        self.plane.passed().take().into_iter().map(BindingPassedFrame::from).collect()
    }

    /// Sends a complete frame out of a device; false when too much waits already.
    #[napi(catch_unwind)]
    pub fn inject(&self, device: f64, octets: &[u8]) -> Either<bool, BindingError> {
        if octets.len() > FRAME_LEN_MAX {
            return Either::B(BindingError::argument("octets".into(), "is longer than any frame"));
        }
        let device = match Path::Field(&Path::Root, "device").integer(device, REFUSE) {
            Ok(device) => DeviceIndex(device),
            Err(error) => return Either::B(error),
        };
        match self.plane.inject(device, octets.to_vec()) {
            Ok(()) => Either::A(true),
            Err(CommandError::Full) => Either::A(false),
            Err(error @ CommandError::Stopped(_)) => Either::B(error.into()),
        }
    }

    /// Takes the events that wait.
    #[napi(catch_unwind)]
    pub fn take_events(&self) -> Vec<BindingEvent> {
        self.plane.events().take().into_iter().map(BindingEvent::from).collect()
    }

    /// Calls back when events begin to wait, not for each of them. It does not keep the process alive; `close` ends it.
    #[napi(catch_unwind)]
    pub fn on_events(&self, callback: Function<'_, (), ()>) -> napi::Result<()> {
        let builder = callback.build_threadsafe_function::<()>().weak::<true>().max_queue_size::<1>();
        let notify = builder.build()?;
        self.plane.events().set_notify(move || {
            // A full queue means that a call is on its way already, and it will find these events too.
            notify.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        Ok(())
    }

    /// Stops the workers and removes the devices.
    #[napi(catch_unwind, ts_return_type = "Promise<null>")]
    pub fn close(&self) -> AsyncTask<Blocking<()>> {
        let plane = self.plane.clone();
        Blocking::start(move || {
            plane.close();
            Ok(())
        })
    }
}

fn plane_options(options: &BindingDataPlaneOptions) -> Result<DataPlaneOptions, BindingError> {
    let root = Path::Root;
    let integer = |name, value| root.field(name).integer(value, REFUSE);
    Ok(DataPlaneOptions {
        devices: root.field("devices").each(&options.devices, |path, device| {
            let mtu = path.field("mtu").integer(device.mtu, REFUSE)?;
            let offload = device.offload.unwrap_or(true);
            let kind = match device.kind.as_str() {
                "tap" => DeviceKind::Tap,
                "tun" => DeviceKind::Tun,
                "packet" => DeviceKind::Packet,
                "xdp" => DeviceKind::Xdp,
                _ => return Err(REFUSE(path.field("kind").to_string(), "is none of tap, tun, packet and xdp")),
            };
            Ok(DeviceSpec { kind, name: device.name.clone(), netns: device.netns.clone(), mtu, offload })
        })?,
        busy_poll: Duration::from_micros(u64::from(
            root.field("busyPollUs").integer::<u32>(options.busy_poll_us.unwrap_or(0.0), REFUSE)?,
        )),
        workers: worker_count(options.workers)?,
        engine: EngineConfig {
            mappings_max: integer("mappingsMax", options.mappings_max)?,
            sessions_max: integer("sessionsMax", options.sessions_max)?,
            filter_sessions_max: integer(
                "filterSessionsMax",
                options.filter_sessions_max.unwrap_or(options.sessions_max),
            )?,
            hosts_max: integer("hostsMax", options.hosts_max)?,
            neighbours_max: integer("neighboursMax", options.neighbours_max)?,
            secret: root.field("secret").octets(&options.secret, REFUSE)?,
            hash_key: root.field("hashKey").octets(&options.hash_key, REFUSE)?,
        },
    })
}

fn worker_count(workers: Option<f64>) -> Result<usize, BindingError> {
    let path = Path::Field(&Path::Root, "workers");
    let count = path.integer(workers.unwrap_or(1.0), REFUSE)?;
    if (1..=WORKERS_MAX).contains(&count) { Ok(count) } else { Err(REFUSE(path.to_string(), "is not 1 to 8")) }
}

fn checked_limit(limit: f64) -> Result<usize, BindingError> {
    Path::Field(&Path::Root, "limit").integer(limit, REFUSE)
}
