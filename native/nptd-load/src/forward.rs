//! The least that a user-space gateway can do: every frame of one device leaves by the other, unchanged.
//!
//! Hosts on either side have to know each other's link address. What a data plane adds on the same devices is the
//! difference between its figures and those of this loop.

use nptd_core::frame::FRAME_LEN_MAX;
use nptd_io::{Burst, Device, DeviceKind, DeviceSpec, Outgoing};

use crate::arguments::Arguments;
use crate::sys;

/// Longest IP packet of both devices.
const MTU: u16 = 1_500;

/// `forward --devices NAME@NETNS,NAME@NETNS [--kind tap|packet|xdp]`, with offloads on as nptd has them: prints `{"ready":true}` and runs until it is killed.
pub fn forward(arguments: &Arguments) -> Result<(), String> {
    let names: String = arguments.required("devices")?;
    let kind: String = arguments.or("kind", "tap".to_owned())?;
    let kind = match kind.as_str() {
        "tap" => DeviceKind::Tap,
        "packet" => DeviceKind::Packet,
        "xdp" => DeviceKind::Xdp,
        other => return Err(format!("--kind cannot be {other:?}")),
    };
    let devices = names.split(',').map(|name| open(kind, name)).collect::<Result<Vec<_>, _>>()?;
    let Ok([mut one, mut other]) = <[Box<dyn Device>; 2]>::try_from(devices) else {
        return Err("--devices names two".to_owned());
    };
    println!(r#"{{"ready":true}}"#);
    let mut burst = Burst::new(FRAME_LEN_MAX);
    let (Some(one_fd), Some(other_fd)) = (one.descriptor(), other.descriptor()) else {
        return Err("a device has nothing to wait for".to_owned());
    };
    loop {
        let [from_one, from_other] = sys::wait_readable([one_fd, other_fd]);
        if from_one {
            carry(&mut *one, &mut *other, &mut burst)?;
        }
        if from_other {
            carry(&mut *other, &mut *one, &mut burst)?;
        }
    }
}

fn open(kind: DeviceKind, name: &str) -> Result<Box<dyn Device>, String> {
    let (name, netns) = name.split_once('@').ok_or("a device is NAME@NETNS")?;
    let (name, netns) = (name.to_owned(), Some(netns.to_owned()));
    let spec = DeviceSpec { kind, name, netns, mtu: MTU, offload: true };
    spec.open().map_err(|error| error.to_string())
}

fn carry(from: &mut dyn Device, to: &mut dyn Device, burst: &mut Burst) -> Result<(), String> {
    burst.clear();
    from.receive(burst).map_err(|error| format!("{}: {error}", from.name()))?;
    let frames = burst.frames();
    let result = to.transmit(&mut frames.iter().map(Outgoing::from_frame));
    result.failure.map_or(Ok(()), |error| Err(format!("{}: {error}", to.name())))
}
