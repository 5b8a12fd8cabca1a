//! The translator as a class: the engines of one worker or several, driven batch by batch, without devices or threads.
//!
//! Devices of the plan without a MAC carry bare IP packets; that is how conformance cases and the library use it.

use std::ops::Range;
use std::sync::Arc;

use arrayvec::ArrayVec;
use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;
use nptd_core::frame::{DeviceIndex, FRAME_BATCH_MAX, Frame};
use nptd_core::output::OutputPool;
use nptd_core::pipeline::EngineConfig;
use nptd_core::pipeline::group::EngineGroup;
use nptd_core::plan::Plan;
use nptd_core::plan::spec::PlanSpec;
use nptd_core::session::leaving::Step;
use nptd_core::time::Instant;

use crate::binding_error::BindingError;
use crate::binding_explain::{BindingFlowExplanation, BindingFlowQuestion, flow_question};
use crate::binding_plan::BindingPlan;
use crate::binding_rests::{BindingPortRest, port_rests};
use crate::binding_rows::{BindingMappingRow, BindingSessionRow};
use crate::path::{Path, Refuse};

const REFUSE: Refuse = |path, problem| BindingError::argument(path, problem);

/// Neighbours of the rare Ethernet device in a translator's plan.
const NEIGHBOURS_MAX: u32 = 1_024;

/// Words of one packet's descriptor: start, length, ingress, egress.
const DESCRIPTOR_WORDS: usize = 4;

/// A `Uint8Array` of the caller, lent for one call. (An alias, since napi takes a plain `&mut` for one of its classes.)
type LentOctets<'a> = &'a mut [u8];

/// A `Uint32Array` of the caller, lent for one call.
type LentWords<'a> = &'a mut [u32];

/// `TranslatorOptions`.
#[napi(object, object_to_js = false)]
pub struct BindingTranslatorOptions {
    /// Key of port choice, 16 octets; also that of the tables' hash.
    pub secret: Uint8Array,
    /// Most mappings.
    pub mappings_max: f64,
    /// Most sessions.
    pub sessions_max: f64,
    /// Most internal addresses that hold mappings or sessions.
    pub hosts_max: f64,
    /// Most sessions of the IPv6 filter; absent: as `sessionsMax`.
    pub filter_sessions_max: Option<f64>,
    /// How many workers share the packets out, 1 to 16; absent: 1. Tables are shared out with them.
    pub workers: Option<f64>,
}

/// `OutgoingPacket`.
#[napi(object, object_from_js = false)]
pub struct BindingOutgoing {
    /// Index of the device.
    pub device: u16,
    /// The packet.
    pub octets: Uint8Array,
    /// Its output kind.
    pub kind: &'static str,
}

/// The engines and their memory.
#[napi]
pub struct BindingTranslator {
    engines: EngineGroup,
    outputs: OutputPool,
    /// Outputs of a tick that took several steps.
    gathered: Vec<BindingOutgoing>,
    now: Instant,
}

#[napi]
impl BindingTranslator {
    /// Allocates the engines.
    #[napi(catch_unwind, ts_return_type = "BindingTranslator | BindingError")]
    pub fn create(options: BindingTranslatorOptions) -> Either<BindingTranslator, BindingError> {
        match engines(&options) {
            Ok(engines) => {
                Either::A(Self { engines, outputs: OutputPool::new(), gathered: Vec::new(), now: Instant::default() })
            }
            Err(error) => Either::B(error),
        }
    }

    /// Takes over a plan; null if it can be used.
    #[napi(catch_unwind)]
    pub fn apply_plan(&mut self, plan: BindingPlan) -> Option<BindingError> {
        let compiled = PlanSpec::try_from(&plan).and_then(|spec| Ok(Plan::new(spec)?));
        compiled.map(|plan| self.engines.adopt(&Arc::new(plan))).err()
    }

    /// Processes a batch of at most 64 packets in place, in memory of the caller.
    ///
    /// Packet `i` lies in the slot of `slotOctets` octets from `i * slotOctets` on, all of which it may use. Its
    /// descriptor is the four words from `4 * i` on: where it starts in its slot (at least 64 octets of headroom let
    /// link headers grow), its length, the device it came in by, and the device it leaves by. Start, length and the
    /// last word are written back, and its verdict, as a position in `verdictCatalogue().verdicts`, to `verdicts[i]`.
    /// The last word counts only for `Forward` and `Reply`. The three arrays must not overlap.
    ///
    /// Returns the number of extra outputs; take them before the next call, which forgets them.
    #[napi(catch_unwind)]
    pub fn process_batch(
        &mut self,
        #[napi(ts_arg_type = "Uint8Array")] memory: LentOctets<'_>,
        slot_octets: u32,
        #[napi(ts_arg_type = "Uint32Array")] descriptors: LentWords<'_>,
        #[napi(ts_arg_type = "Uint8Array")] verdicts: LentOctets<'_>,
        count: u32,
        now_us: f64,
    ) -> Either<u32, BindingError> {
        let batch = Batch { memory, slot_octets: slot_octets as usize, descriptors, verdicts, count: count as usize };
        if let Err(error) = batch.check() {
            return Either::B(error);
        }
        let now = self.advance(now_us);
        let Batch { memory, slot_octets, descriptors, verdicts, count } = batch;
        let (words, _) = descriptors.as_chunks_mut::<DESCRIPTOR_WORDS>();
        let slots = memory.chunks_exact_mut(slot_octets);
        let mut frames: ArrayVec<Frame<'_>, FRAME_BATCH_MAX> = slots
            .zip(words.iter())
            .take(count)
            .map(|(slot, [start, length, ingress, _])| {
                Frame::new(slot, *start as usize, *length as usize, DeviceIndex(*ingress as u16))
            })
            .collect();
        self.engines.process(&mut frames, now, &mut self.outputs);
        for ((frame, words), verdict) in frames.iter().zip(words).zip(verdicts) {
            words[0] = frame.start() as u32;
            words[1] = frame.len() as u32;
            words[3] = u32::from(frame.egress.0);
            *verdict = frame.verdict.index() as u8;
        }
        Either::A(self.outputs.len() as u32)
    }

    /// Does what time alone calls for, held packets first of all and every reset of a connection whose uplink is to be left, and returns the number of extra outputs as
    /// `processBatch` does.
    #[napi(catch_unwind)]
    pub fn tick(&mut self, now_us: f64) -> u32 {
        let now = self.advance(now_us);
        let mut goes_on = self.engines.tick(now, &mut self.outputs);
        self.gather();
        while goes_on {
            goes_on = self.engines.sweep_left(Step::SMALL, now, &mut self.outputs);
            self.gather();
        }
        self.gathered.len() as u32
    }

    /// Takes the extra outputs of the last call.
    #[napi(catch_unwind)]
    pub fn take_outputs(&mut self) -> Vec<BindingOutgoing> {
        self.gather();
        std::mem::take(&mut self.gathered)
    }

    /// Ports that have to rest over a restart.
    #[napi(catch_unwind)]
    pub fn port_rests(&mut self, now_us: f64) -> Vec<BindingPortRest> {
        let now = self.advance(now_us);
        self.engines.port_rests(now).into_iter().map(BindingPortRest::from).collect()
    }

    /// Makes resting mappings again of what a former process held; null if the arguments can be used.
    #[napi(catch_unwind)]
    pub fn restore_port_rests(
        &mut self,
        #[napi(ts_arg_type = "readonly BindingPortRest[]")] rests: Vec<BindingPortRest>,
        now_us: f64,
    ) -> Option<BindingError> {
        let now = self.advance(now_us);
        let restored = port_rests(&rests).map(|rests| self.engines.restore_port_rests(&rests, now));
        restored.err()
    }

    /// Live sessions at an instant.
    #[napi(catch_unwind)]
    pub fn sessions(&mut self, now_us: f64) -> Vec<BindingSessionRow> {
        let now = self.advance(now_us);
        let (rows, filtered) = self.engines.sessions(now);
        let filtered = filtered.into_iter().map(BindingSessionRow::from);
        rows.into_iter().map(BindingSessionRow::from).chain(filtered).collect()
    }

    /// Why a flow takes its uplink at an instant.
    #[napi(catch_unwind)]
    pub fn explain(&mut self, flow: BindingFlowQuestion, now_us: f64) -> Either<BindingFlowExplanation, BindingError> {
        let now = self.advance(now_us);
        match flow_question(&flow) {
            Ok(question) => Either::A(self.engines.explain(&question, now).into()),
            Err(error) => Either::B(error),
        }
    }

    /// Live mappings at an instant.
    #[napi(catch_unwind)]
    pub fn mappings(&mut self, now_us: f64) -> Vec<BindingMappingRow> {
        let now = self.advance(now_us);
        self.engines.mappings(now).into_iter().map(BindingMappingRow::from).collect()
    }
}

impl BindingTranslator {
    /// Keeps what the pool holds, and empties it for the next step.
    fn gather(&mut self) {
        self.gathered.extend(self.outputs.iter().map(|(output, octets)| BindingOutgoing {
            device: output.egress.0,
            octets: octets.to_vec().into(),
            kind: output.kind.name(),
        }));
        self.outputs.clear();
    }

    /// Moves the clock, which never goes back, and does what time demands before anything else happens.
    fn advance(&mut self, now_us: f64) -> Instant {
        self.now = self.now.max(Instant::from_micros(now_us as u64));
        self.outputs.clear();
        self.gathered.clear();
        self.engines.settle(self.now, &mut self.outputs);
        self.now
    }
}

/// The arguments of one batch.
struct Batch<'a> {
    memory: &'a mut [u8],
    slot_octets: usize,
    descriptors: &'a mut [u32],
    verdicts: &'a mut [u8],
    count: usize,
}

impl Batch<'_> {
    fn check(&self) -> Result<(), BindingError> {
        let refuse = |name: &str, problem| Err(REFUSE(name.to_owned(), problem));
        if self.count > FRAME_BATCH_MAX {
            return refuse("count", "is above 64");
        }
        if self.slot_octets == 0 || self.memory.len() / self.slot_octets < self.count {
            return refuse("memory", "has no room for that many slots");
        }
        if self.descriptors.len() / DESCRIPTOR_WORDS < self.count {
            return refuse("descriptors", "has fewer than four words a packet");
        }
        if self.verdicts.len() < self.count {
            return refuse("verdicts", "has less than one octet a packet");
        }
        let arrays = [octets_of(self.memory), octets_of(self.descriptors), octets_of(self.verdicts)];
        let overlap = |one: &Range<usize>, other: &Range<usize>| one.start < other.end && other.start < one.end;
        if overlap(&arrays[0], &arrays[1]) || overlap(&arrays[0], &arrays[2]) || overlap(&arrays[1], &arrays[2]) {
            return refuse("memory", "overlaps another array");
        }
        if self.descriptors.iter().skip(2).step_by(DESCRIPTOR_WORDS).take(self.count).any(|word| *word > 0xffff) {
            return refuse("descriptors", "names a device that cannot be");
        }
        Ok(())
    }
}

/// Where an array lies in memory.
fn octets_of<T>(array: &[T]) -> Range<usize> {
    let range = array.as_ptr_range();
    range.start.addr()..range.end.addr()
}

fn engines(options: &BindingTranslatorOptions) -> Result<EngineGroup, BindingError> {
    let config = engine_config(options)?;
    let path = Path::Root.field("workers");
    let workers = path.integer(options.workers.unwrap_or(1.0), REFUSE)?;
    EngineGroup::new(&config, workers).ok_or_else(|| REFUSE(path.to_string(), "is not between 1 and 16"))
}

fn engine_config(options: &BindingTranslatorOptions) -> Result<EngineConfig, BindingError> {
    let root = Path::Root;
    let secret = root.field("secret").octets(&options.secret, REFUSE)?;
    Ok(EngineConfig {
        mappings_max: root.field("mappingsMax").integer(options.mappings_max, REFUSE)?,
        sessions_max: root.field("sessionsMax").integer(options.sessions_max, REFUSE)?,
        filter_sessions_max: root
            .field("filterSessionsMax")
            .integer(options.filter_sessions_max.unwrap_or(options.sessions_max), REFUSE)?,
        hosts_max: root.field("hostsMax").integer(options.hosts_max, REFUSE)?,
        neighbours_max: NEIGHBOURS_MAX,
        secret,
        hash_key: secret,
    })
}
