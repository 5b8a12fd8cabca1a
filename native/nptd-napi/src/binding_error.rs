//! Failures as data: one union, told apart by `code`.

use std::io;

use napi_derive::napi;
use nptd_core::plan::PlanError;
use nptd_io::{ApplyError, CommandError, OpenError, Stopped};

/// Why something was not done.
#[napi(discriminant = "code", object_from_js = false)]
#[derive(Clone, Debug)]
pub enum BindingError {
    /// The plan cannot be used: the fault of whoever compiled it.
    PlanRefused {
        /// Place in the plan.
        path: String,
        /// What is wrong there.
        problem: String,
    },
    /// A device could not be opened.
    DeviceFailed {
        /// Its name.
        device: String,
        /// The kernel's error number.
        errno: i32,
        /// What failed, why, and what to do about it.
        message: String,
    },
    /// An argument cannot be used: the fault of the caller.
    InvalidArgument {
        /// Place in the argument.
        path: String,
        /// What is wrong there.
        problem: String,
    },
    /// Too many commands wait for the data plane.
    Busy {
        /// The same in words.
        message: String,
    },
    /// The data plane was closed, or its worker has panicked.
    Stopped {
        /// The same in words.
        message: String,
    },
    /// The kernel refused something that is no device.
    SystemFailed {
        /// The kernel's error number.
        errno: i32,
        /// What was refused, and why.
        message: String,
    },
}

impl BindingError {
    /// A refused plan.
    pub fn plan(path: String, problem: &str) -> Self {
        Self::PlanRefused { path, problem: problem.to_owned() }
    }

    /// A refused argument.
    pub fn argument(path: String, problem: &str) -> Self {
        Self::InvalidArgument { path, problem: problem.to_owned() }
    }
}

impl From<PlanError> for BindingError {
    fn from(error: PlanError) -> Self {
        Self::plan(error.path, error.problem)
    }
}

impl From<Stopped> for BindingError {
    fn from(error: Stopped) -> Self {
        Self::Stopped { message: error.to_string() }
    }
}

impl From<ApplyError> for BindingError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Refused { path, problem } => Self::plan(path, problem),
            ApplyError::Stopped(stopped) => stopped.into(),
        }
    }
}

impl From<CommandError> for BindingError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Full => Self::Busy { message: error.to_string() },
            CommandError::Stopped(stopped) => stopped.into(),
        }
    }
}

impl From<OpenError> for BindingError {
    fn from(error: OpenError) -> Self {
        let message = error.to_string();
        match error {
            OpenError::Device(error) => Self::DeviceFailed { device: error.device, errno: error.errno, message },
            OpenError::TooManyDevices { .. } => Self::InvalidArgument { path: "devices".into(), problem: message },
            OpenError::System { errno, .. } => Self::SystemFailed { errno, message },
        }
    }
}

impl From<io::Error> for BindingError {
    fn from(error: io::Error) -> Self {
        Self::SystemFailed { errno: error.raw_os_error().unwrap_or(0), message: error.to_string() }
    }
}
