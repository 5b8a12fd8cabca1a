//! Events in the words of `src/native/data-plane.ts`.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
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
