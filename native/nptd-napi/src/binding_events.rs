//! Events in the words of `src/native/data-plane.ts`.

use std::net::Ipv6Addr;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use nptd_core::host::probes::Family;
use nptd_core::wire::ethernet::MacAddress;
use nptd_io::{DeviceId, Event, PassedFrame};

use crate::binding_probe::BindingProbeSample;
use crate::binding_stream::BindingProbeRequest;

/// `DataPlaneEvent`.
#[napi(discriminant = "type", discriminant_case = "kebab-case", object_from_js = false)]
pub enum BindingEvent {
    /// A probe is finished.
    ProbeSample {
        /// Its outcome.
        sample: BindingProbeSample,
    },
    /// The control plane is to make a probe.
    ProbeRequested {
        /// Which one.
        request: BindingProbeRequest,
    },
    /// There is news of streams to be taken.
    StreamNews,
    /// Traffic of the site has gone to and fro by an uplink that is probed in bursts.
    RoundTrip {
        /// Slot of the uplink.
        slot: u8,
        /// 4 or 6.
        #[napi(ts_type = "4 | 6")]
        family: u8,
        /// When what was answered left, microseconds on the data plane's clock.
        started_at_us: f64,
        /// When the answer came.
        at_us: f64,
    },
    /// A device gave an error; the others go on.
    DeviceFailed {
        /// Its position in the plans.
        index: u16,
        /// Its interface name.
        device: String,
        /// Named network namespace it was made in; absent: that of this process.
        netns: Option<String>,
        /// The kernel's error number.
        errno: i32,
        /// The kernel's words for it, and what to do.
        message: String,
    },
    /// A device that had failed takes frames again.
    DeviceRestored {
        /// Its position in the plans.
        index: u16,
        /// Its interface name.
        device: String,
        /// Named network namespace it was made in; absent: that of this process.
        netns: Option<String>,
    },
    /// Another station of a link has, or wants, an address of the gateway.
    AddressConflict {
        /// Position of the device in the plans.
        index: u16,
        /// Its interface name.
        device: String,
        /// Named network namespace it was made in; absent: that of this process.
        netns: Option<String>,
        /// The IPv6 address.
        address: String,
        /// Link address of the other station, like `02:00:00:00:00:01`.
        mac: String,
    },
    /// A worker met a fault in our own code and has ended.
    WorkerPanicked {
        /// What it said.
        message: String,
    },
    /// Frames for the gateway itself wait to be taken.
    PassedAvailable,
}

/// `PassedFrame`.
#[napi(object, object_from_js = false)]
pub struct BindingPassedFrame {
    /// Index of the device it came in by.
    pub device: u16,
    /// The complete frame.
    pub octets: Uint8Array,
}

impl From<Event> for BindingEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::ProbeSample(sample) => Self::ProbeSample { sample: sample.into() },
            Event::ProbeRequested(request) => Self::ProbeRequested { request: request.into() },
            Event::StreamNews => Self::StreamNews,
            Event::RoundTrip { family, trip } => Self::RoundTrip {
                slot: trip.slot,
                family: match family {
                    Family::V4 => 4,
                    Family::V6 => 6,
                },
                started_at_us: trip.started_at.as_micros() as f64,
                at_us: trip.at.as_micros() as f64,
            },
            Event::DeviceFailed { device: DeviceId { index, name, netns }, errno, message } => {
                Self::DeviceFailed { index: index.0, device: name, netns, errno, message }
            }
            Event::DeviceRestored { device: DeviceId { index, name, netns } } => {
                Self::DeviceRestored { index: index.0, device: name, netns }
            }
            Event::AddressConflict { device: DeviceId { index, name, netns }, address, mac: MacAddress(octets) } => {
                let address = Ipv6Addr::from(address).to_string();
                let mac = octets.map(|octet| format!("{octet:02x}")).join(":");
                Self::AddressConflict { index: index.0, device: name, netns, address, mac }
            }
            Event::WorkerPanicked { message } => Self::WorkerPanicked { message },
            Event::PassedAvailable => Self::PassedAvailable,
        }
    }
}

impl From<PassedFrame> for BindingPassedFrame {
    fn from(frame: PassedFrame) -> Self {
        Self { device: frame.device.0, octets: frame.octets.into() }
    }
}
