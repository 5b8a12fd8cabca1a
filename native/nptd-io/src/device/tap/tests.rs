//! TAP devices on a real kernel, in namespaces of their own. They take root (or `unshare -Urnm`).

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nptd_core::frame::{ChecksumState, Segmentation};

use crate::burst::{Burst, frame_len};
use crate::device::{Device, DeviceKind, DeviceSpec, Outgoing};
use crate::error::Step;
use crate::sys::poll::PollSet;

mod packet;
mod queues;
mod trains;
mod xdp;

/// A named network namespace for one test, removed at its end. One test at a time: between fork and exec a child
/// process holds every descriptor of this one, and a TAP dropped meanwhile stays a moment longer.
struct Namespace(String, #[allow(dead_code)] MutexGuard<'static, ()>);

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Namespace {
    /// None, with the reason printed, where this process may not make one.
    fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !Path::new("/dev/net/tun").exists() {
            println!("skipped: there is no /dev/net/tun");
            return None;
        }
        let name = format!("nptdio{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        match Command::new("ip").args(["netns", "add", &name]).output() {
            Ok(output) if output.status.success() => Some(Self(name, guard)),
            Ok(output) => {
                println!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped: the program ip does not run: {error}");
                None
            }
        }
    }

    fn ip(&self, arguments: &[&str]) -> String {
        let output = Command::new("ip").args(["-n", &self.0]).args(arguments).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    fn spec(&self, name: &str) -> DeviceSpec {
        DeviceSpec { kind: DeviceKind::Tap, name: name.into(), netns: Some(self.0.clone()), mtu: 1_400, offload: false }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn open(spec: &DeviceSpec) -> Box<dyn Device> {
    match spec.open() {
        Ok(tap) => tap,
        Err(error) => panic!("{error}"),
    }
}

fn refusal(spec: &DeviceSpec) -> (Step, i32, String) {
    match spec.open() {
        Ok(_) => panic!("{} was opened", spec.name),
        Err(error) => (error.step, error.errno, error.to_string()),
    }
}

/// Waits a short while for a condition.
fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    (0..100).any(|_| {
        let held = holds();
        if !held {
            thread::sleep(Duration::from_millis(10));
        }
        held
    })
}

#[test]
fn a_tap_is_up_in_its_namespace_and_gone_when_dropped() {
    let Some(namespace) = Namespace::new() else { return };
    let tap = open(&namespace.spec("t0"));
    let shown = namespace.ip(&["link", "show", "t0"]);
    assert!(shown.contains("mtu 1400") && shown.contains(",UP"), "{shown}");
    drop(tap);
    assert_eq!(namespace.ip(&["link", "show", "t0"]), "");
}

#[test]
fn its_bell_rings_when_its_link_goes_down_and_up_in_its_namespace() -> io::Result<()> {
    let Some(namespace) = Namespace::new() else { return Ok(()) };
    let tap = open(&namespace.spec("t0"));
    let mut set = PollSet::new(tap.link_bell().into_iter());
    let mut rings = |direction: &str| {
        tap.clear_link_bell();
        namespace.ip(&["link", "set", "t0", direction]);
        set.wait(Some(nptd_core::time::Duration::from_secs(2)))?;
        Ok::<_, io::Error>((set.is_ready(0), tap.is_up()?))
    };
    assert_eq!(rings("down")?, (true, false));
    assert_eq!(rings("up")?, (true, true));
    // Until the kernel has said all that it has to say of it.
    assert!(eventually(|| {
        tap.clear_link_bell();
        set.wait(Some(nptd_core::time::Duration::from_millis(50))).is_ok() && !set.is_ready(0)
    }));
    Ok(())
}

#[test]
fn the_thread_that_opens_a_tap_stays_in_its_own_namespace() -> io::Result<()> {
    let Some(namespace) = Namespace::new() else { return Ok(()) };
    let before = std::fs::read_link("/proc/thread-self/ns/net")?;
    let _tap = open(&namespace.spec("t0"));
    assert_eq!(std::fs::read_link("/proc/thread-self/ns/net")?, before);
    Ok(())
}

#[test]
fn no_offload_is_left_on() {
    let Some(namespace) = Namespace::new() else { return };
    let _tap = open(&namespace.spec("t0"));
    let shown = Command::new("ip").args(["netns", "exec", &namespace.0, "ethtool", "-k", "t0"]).output();
    let shown = shown.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if shown.is_empty() {
        println!("skipped: the program ethtool does not run");
        return;
    }
    for feature in ["tcp-segmentation-offload", "tx-checksumming", "tx-udp-segmentation"] {
        assert!(shown.contains(&format!("{feature}: off")), "{feature}: {shown}");
    }
}

#[test]
fn a_name_in_use_is_refused_and_its_owner_left_alone() {
    let Some(namespace) = Namespace::new() else { return };
    let _tap = open(&namespace.spec("t0"));
    let (step, errno, message) = refusal(&namespace.spec("t0"));
    assert_eq!((step, errno), (Step::Create, libc::EBUSY));
    assert!(message.contains("t0") && message.contains("exists already"), "{message}");
    assert!(namespace.ip(&["link", "show", "t0"]).contains("t0"));
}

#[test]
fn a_persistent_device_of_somebody_else_is_not_taken_over() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.ip(&["tuntap", "add", "dev", "t0", "mode", "tap"]);
    let (step, errno, _) = refusal(&namespace.spec("t0"));
    assert_eq!((step, errno), (Step::Create, libc::EBUSY));
    assert!(namespace.ip(&["link", "show", "t0"]).contains("t0"));
}

#[test]
fn an_unknown_namespace_is_named_as_the_cause() {
    let spec = DeviceSpec {
        kind: DeviceKind::Tap,
        name: "t0".into(),
        netns: Some("nptdio-no-such".into()),
        mtu: 1_500,
        offload: false,
    };
    let (step, errno, message) = refusal(&spec);
    assert_eq!((step, errno), (Step::EnterNamespace, libc::ENOENT));
    assert!(message.contains("there is no network namespace"), "{message}");
    let escaping = DeviceSpec { netns: Some("../../proc/self/ns/net".into()), ..spec };
    assert_eq!(refusal(&escaping).1, libc::EINVAL);
}

#[test]
fn bad_names_never_reach_the_kernel() {
    for name in ["", "sixteen-letters!", "a/b", "tap%d", "a b", ".", "..", "a:b", "x\u{0}y"] {
        let spec = DeviceSpec { kind: DeviceKind::Tap, name: name.into(), netns: None, mtu: 1_500, offload: false };
        assert_eq!(refusal(&spec).0, Step::CheckName, "{name:?}");
    }
}

#[test]
fn a_bad_mtu_is_refused_and_nothing_left_behind() {
    let Some(namespace) = Namespace::new() else { return };
    let (step, errno, _) = refusal(&DeviceSpec { mtu: 20, ..namespace.spec("t0") });
    assert_eq!((step, errno), (Step::SetMtu, libc::EINVAL));
    assert_eq!(namespace.ip(&["link", "show", "t0"]), "");
}

/// Answers a ping of the namespace with its own request turned round, which needs both directions.
#[test]
fn frames_pass_in_both_directions() {
    let Some(namespace) = Namespace::new() else { return };
    let mut tap = open(&namespace.spec("t0"));
    namespace.ip(&["addr", "add", "192.0.2.1/24", "dev", "t0"]);
    namespace.ip(&["neigh", "replace", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "t0"]);
    let ping = Command::new("ip")
        .args(["netns", "exec", &namespace.0, "ping", "-c", "1", "-W", "3", "-s", "1372", "192.0.2.2"])
        .stdout(std::process::Stdio::null())
        .spawn();
    let Ok(mut ping) = ping else { panic!("ping does not run") };
    let mut burst = Burst::new(frame_len(1_400));
    let answered = eventually(|| {
        burst.clear();
        assert!(tap.receive(&mut burst).is_ok());
        burst.frames().iter_mut().any(|frame| {
            let octets = frame.octets_mut();
            if octets.len() != 1_414 || octets[23] != 1 {
                return false;
            }
            turn_round(octets);
            let reply = Outgoing::from_frame(frame);
            tap.transmit(&mut std::iter::once(reply)).sent == 1
        })
    });
    assert!(answered, "no echo request of 1,400 octets came");
    assert!(ping.wait().is_ok_and(|status| status.success()), "ping saw no answer");
}

/// Makes an echo reply of an echo request: neither checksum sum changes but for the ICMP type.
fn turn_round(octets: &mut [u8]) {
    let (destination, source) = octets.split_at_mut(6);
    destination.swap_with_slice(&mut source[..6]);
    let (source, destination) = octets[26..].split_at_mut(4);
    source.swap_with_slice(&mut destination[..4]);
    octets[34] = 0;
    let sum = u32::from(u16::from_be_bytes([octets[36], octets[37]])) + 0x0800;
    let folded = (sum & 0xffff) as u16 + (sum >> 16) as u16;
    octets[36..38].copy_from_slice(&folded.to_be_bytes());
}

#[test]
fn a_frame_that_still_needs_work_is_refused() {
    let Some(namespace) = Namespace::new() else { return };
    let mut tap = open(&namespace.spec("t0"));
    let plain = Outgoing { octets: &[0; 60], checksum: ChecksumState::Complete, segmentation: Segmentation::None };
    let frames = [
        Outgoing { checksum: ChecksumState::Partial { start: 34, offset: 6 }, ..plain },
        Outgoing { segmentation: Segmentation::Tcp4(1_000), ..plain },
        Outgoing { octets: &[0; 3], ..plain },
        plain,
    ];
    let result = tap.transmit(&mut frames.into_iter());
    assert_eq!((result.sent, result.refused), (1, 3));
    assert!(result.failure.is_none(), "{:?}", result.failure);
}

fn up(tap: &dyn Device) -> Result<bool, Option<i32>> {
    tap.is_up().map_err(|error| error.raw_os_error())
}

#[test]
fn a_deleted_device_fails_and_one_that_is_down_fails_on_write() {
    let Some(namespace) = Namespace::new() else { return };
    let mut tap = open(&namespace.spec("t0"));
    let frame = Outgoing { octets: &[0; 60], checksum: ChecksumState::Complete, segmentation: Segmentation::None };
    assert_eq!(up(&*tap), Ok(true));
    namespace.ip(&["link", "set", "t0", "down"]);
    let errno = |tap: &mut dyn Device| {
        let failure = tap.transmit(&mut std::iter::once(frame)).failure;
        failure.and_then(|error| error.raw_os_error())
    };
    assert_eq!(errno(&mut *tap), Some(libc::EIO));
    assert_eq!(up(&*tap), Ok(false));
    namespace.ip(&["link", "set", "t0", "up"]);
    assert_eq!((up(&*tap), errno(&mut *tap)), (Ok(true), None));
    let mut burst = Burst::new(frame_len(1_400));
    assert!(tap.receive(&mut burst).is_ok());
    namespace.ip(&["link", "del", "t0"]);
    assert_eq!((errno(&mut *tap), up(&*tap)), (Some(libc::EBADFD), Err(Some(libc::EBADFD))));
    assert_eq!(tap.receive(&mut burst).err().and_then(|error| error.raw_os_error()), Some(libc::EBADFD));
}

#[test]
fn opening_and_closing_leaks_no_descriptor() -> io::Result<()> {
    let Some(namespace) = Namespace::new() else { return Ok(()) };
    let cycle = || drop(open(&namespace.spec("t0")));
    cycle();
    // Other tests open descriptors at the same time, so only a steady growth counts.
    let before = std::fs::read_dir("/proc/self/fd")?.count();
    (0..50).for_each(|_| cycle());
    let after = std::fs::read_dir("/proc/self/fd")?.count();
    assert!(after < before + 40, "{before} descriptors became {after}");
    Ok(())
}

#[test]
fn the_descriptor_is_closed_in_child_processes() -> io::Result<()> {
    let Some(namespace) = Namespace::new() else { return Ok(()) };
    let tap = open(&namespace.spec("t0"));
    let mut flags = String::new();
    File::open(format!("/proc/self/fdinfo/{}", tap.descriptor().unwrap_or(-1)))?.read_to_string(&mut flags)?;
    let flags = flags.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default().trim();
    let flags = i32::from_str_radix(flags, 8).unwrap_or_default();
    assert_eq!(flags & (libc::O_CLOEXEC | libc::O_NONBLOCK), libc::O_CLOEXEC | libc::O_NONBLOCK);
    Ok(())
}
