//! What can go wrong outside the core, with what to do about it.

use std::io;

use nptd_core::plan::PlanError;

/// What was being done to a device when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Step {
    /// Looking at the name it shall have.
    #[error("check its name")]
    CheckName,
    /// Entering the network namespace it shall be in.
    #[error("enter its network namespace")]
    EnterNamespace,
    /// Opening the kernel's TUN/TAP driver.
    #[error("open /dev/net/tun")]
    OpenDriver,
    /// Making the interface.
    #[error("create it")]
    Create,
    /// Switching its offloads on or off.
    #[error("set its offloads")]
    SetOffload,
    /// Opening a packet socket.
    #[error("open a packet socket")]
    OpenSocket,
    /// Looking for an interface that is to be there.
    #[error("find it")]
    FindInterface,
    /// Comparing its MTU with the configured one.
    #[error("take packets of the configured MTU")]
    CheckMtu,
    /// Attaching a packet socket to it.
    #[error("attach a packet socket to it")]
    Bind,
    /// Finding a place for its longest frame in a page.
    #[error("fit its frames into the places of AF_XDP")]
    FitPlaces,
    /// Opening an AF_XDP socket.
    #[error("open an AF_XDP socket")]
    OpenXsk,
    /// Giving an AF_XDP socket memory and rings.
    #[error("set up the rings of an AF_XDP socket")]
    MakeRings,
    /// Binding an AF_XDP socket to a queue of it.
    #[error("bind an AF_XDP socket to a queue of it")]
    BindQueue,
    /// Waiting for all queues of it at once.
    #[error("wait for its queues")]
    WatchQueues,
    /// Loading the program that hands frames to the sockets.
    #[error("load an XDP program")]
    LoadProgram,
    /// Attaching that program to it.
    #[error("attach an XDP program to it")]
    AttachProgram,
    /// Setting its MTU.
    #[error("set its MTU")]
    SetMtu,
    /// Bringing it up.
    #[error("bring it up")]
    BringUp,
    /// Asking the kernel to tell when its interface goes up or down.
    #[error("watch its link")]
    WatchLink,
}

/// A device that could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot open device {device}: failed to {step}: {}{hint}", io::Error::from_raw_os_error(*.errno))]
pub struct DeviceError {
    /// Its name.
    pub device: String,
    /// What failed.
    pub step: Step,
    /// The kernel's error number.
    pub errno: i32,
    /// What to do about it, starting with `; `; empty if we do not know.
    pub hint: &'static str,
}

impl DeviceError {
    pub(crate) fn new(device: &str, step: Step, error: &io::Error) -> Self {
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        Self { device: device.to_owned(), step, errno, hint: hint(step, errno) }
    }
}

fn hint(step: Step, errno: i32) -> &'static str {
    match (step, errno) {
        (Step::CheckName, libc::ENAMETOOLONG) => "; an interface name has at most 15 octets",
        (Step::CheckName, _) => "; an interface name has 1 to 15 printable octets without '/', ':' and '%'",
        (Step::EnterNamespace, libc::ENOENT) => "; there is no network namespace of this name (ip netns add NAME)",
        (Step::EnterNamespace, libc::EPERM) => "; entering a network namespace takes CAP_SYS_ADMIN",
        (Step::EnterNamespace, libc::EINVAL) => "; this is not a name of a network namespace",
        (Step::OpenDriver, libc::ENOENT | libc::ENODEV | libc::ENXIO) => {
            "; the TUN/TAP driver is missing (modprobe tun, or give the container the device /dev/net/tun)"
        }
        (Step::OpenDriver, libc::EACCES | libc::EPERM) => "; /dev/net/tun is not open to this user (run as root)",
        (Step::Create, libc::EPERM) => "; making a device takes CAP_NET_ADMIN",
        (Step::OpenSocket, libc::EPERM) => "; packet sockets take CAP_NET_RAW",
        (Step::FindInterface, libc::ENODEV) => "; there is no interface of this name (ip link show)",
        (Step::CheckMtu, _) => {
            "; its own MTU is smaller (ip link set dev NAME mtu OCTETS, or a smaller mtu in the configuration)"
        }
        (Step::FitPlaces | Step::OpenXsk | Step::MakeRings | Step::BindQueue, _) => socket_hint(step, errno),
        (Step::LoadProgram | Step::AttachProgram, _) => program_hint(errno),
        (Step::Create, libc::EBUSY) => {
            "; an interface of this name exists already (is nptd running twice? ip link show)"
        }
        (Step::SetMtu, libc::EINVAL) => "; the MTU is out of range",
        _ => "",
    }
}

/// About sockets of AF_XDP.
fn socket_hint(step: Step, errno: i32) -> &'static str {
    match (step, errno) {
        (Step::FitPlaces, _) => "; AF_XDP takes an mtu of at most 3822 (a smaller mtu, or packet instead of xdp)",
        (Step::OpenXsk, libc::EPERM) => "; AF_XDP sockets take CAP_NET_RAW",
        (_, libc::EAFNOSUPPORT) => "; this kernel has no AF_XDP (packet instead of xdp)",
        (Step::MakeRings, libc::ENOBUFS) => "; they lock memory, which takes CAP_IPC_LOCK or a higher ulimit -l",
        (Step::BindQueue, libc::EBUSY) => "; another program has it (is nptd running twice?)",
        (Step::BindQueue, libc::ENETDOWN) => "; it is down (ip link set dev NAME up)",
        _ => "",
    }
}

/// About the XDP program.
fn program_hint(errno: i32) -> &'static str {
    match errno {
        libc::EPERM | libc::EACCES => "; XDP programs take CAP_BPF and CAP_NET_ADMIN outside of user namespaces",
        libc::EBUSY | libc::EEXIST => "; it has an XDP program already (ip link set dev NAME xdp off)",
        libc::ENOSYS => "; this kernel is too old for it or built without bpf(2) (packet instead of xdp)",
        libc::EOPNOTSUPP | libc::EINVAL | libc::ERANGE | libc::ENOSPC | libc::ENOMEM => {
            "; its driver runs no XDP program as it is set up (a smaller MTU, fewer queues by ethtool -L, LRO off by ethtool -K, \
             or packet instead of xdp)"
        }
        _ => "",
    }
}

/// Whether an error of an open device says that there is no such device any more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBADFD | libc::ENODEV))
}

/// What to do about a device that was open and failed, starting with `; `; empty if we do not know.
pub(crate) fn remedy(errno: i32, device: &str, netns: Option<&str>) -> String {
    let namespace = netns.map_or(String::new(), |name| format!("-n {name} "));
    match errno {
        libc::EBADFD | libc::ENODEV => {
            "; it was deleted, or its network namespace was: restart nptd to make it again".to_owned()
        }
        libc::EIO | libc::ENETDOWN => {
            format!("; it is used again when it is up and has a carrier (ip {namespace}link set dev {device} up)")
        }
        _ => String::new(),
    }
}

/// A data plane that could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// One of its devices failed; the others are gone again.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// There are more devices than a plan can name.
    #[error("{count} devices, but at most {max} are supported")]
    TooManyDevices {
        /// How many were asked for.
        count: usize,
        /// How many are supported.
        max: usize,
    },
    /// The kernel refused something else.
    #[error("cannot start: {step}: {}", io::Error::from_raw_os_error(*.errno))]
    System {
        /// What was refused.
        step: &'static str,
        /// The kernel's error number.
        errno: i32,
    },
}

/// A plan that was not taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The plan cannot be used.
    #[error("{path}: {problem}")]
    Refused {
        /// Place in the plan, like `uplinks[1].ipv4.pool`.
        path: String,
        /// What is wrong there.
        problem: &'static str,
    },
    /// No worker is left to take it over.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<PlanError> for ApplyError {
    fn from(error: PlanError) -> Self {
        Self::Refused { path: error.path, problem: error.problem }
    }
}

/// The workers have ended: the data plane was closed, or a worker panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data plane has stopped")]
pub struct Stopped;

/// A command that no worker will carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Too many commands wait already.
    #[error("too many commands wait for the data plane")]
    Full,
    /// No worker is left.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
