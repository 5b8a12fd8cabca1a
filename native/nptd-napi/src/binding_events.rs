//! Events in the words of `src/native/data-plane.ts`.

use std::net::Ipv6Addr;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use nptd_core::wire::ethernet::MacAddress;
use nptd_io::{DeviceId, Event, PassedFrame};

use crate::binding_probe::BindingProbeSample;

/// `DataPlaneEvent`.
#[napi(discriminant = "type", discriminant_case = "kebab-case", object_from_js = false)]
pub enum BindingEvent {
    /// A probe is finished.
    ProbeSample {
        /// Its outcome.
        sample: BindingProbeSample,
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
