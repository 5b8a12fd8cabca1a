//! The plan of a site with one internal device and two uplinks of IPv4, none of which has link headers.

use nptd_core::plan::spec::*;

/// Of the uplinks in order: addresses of their own, and of their pool.
const ADDRESSES: [[u8; 4]; 2] = [[203, 0, 113, 2], [203, 0, 114, 2]];

/// Whether each uplink is usable; without policies.
pub fn spec(usable: [bool; 2]) -> PlanSpec {
    let uplinks = (0..).zip(ADDRESSES).zip(usable);
    PlanSpec {
        generation: 1,
        devices: vec![
            device(RoleSpec::Internal, [10, 0, 0, 1]),
            device(RoleSpec::Uplink(0), ADDRESSES[0]),
            device(RoleSpec::Uplink(1), ADDRESSES[1]),
        ],
        uplinks: uplinks.map(|((slot, address), usable)| uplink(slot, address, usable)).collect(),
        ..PlanSpec::default()
    }
}

/// One for all, that takes the first uplink while it can.
pub fn in_order() -> PolicySpec {
    PolicySpec { prefer: vec![0, 1], ..PolicySpec::default() }
}

fn device(role: RoleSpec, address: [u8; 4]) -> DeviceSpec {
    let ipv4 = vec![(u32::from_be_bytes(address), 24)];
    DeviceSpec { link: LinkSpec::Ip, role, mtu: 1500, ipv4, ipv6: Vec::new(), advertise: None }
}

fn uplink(slot: u8, address: [u8; 4], usable: bool) -> UplinkSpec {
    let ipv4 = Uplink4Spec {
        usable,
        last_resort: false,
        gateway: None,
        pool: vec![u32::from_be_bytes(address)],
        ports: (1024, 65_535),
        nat44: true,
        mss_clamp: None,
        reserved: Vec::new(),
    };
    UplinkSpec { slot, epoch: 0, device: 1 + u16::from(slot), ipv4: Some(ipv4), ipv6: None }
}
