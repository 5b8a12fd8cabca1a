//! Whether an IPv6 packet's addresses and ICMPv6 type let it be forwarded (docs/decisions.md, "Groups and martians").

use super::own_errors::IcmpError;
use super::parse::Headers6;
use super::transit::Refusal;
use crate::host::neighbour_proxy;
use crate::plan::{Device, Plan, Role};
use crate::verdict::DropReason;
use crate::wire::ipv6::address;
use crate::wire::{icmp, ipv6};

/// Code of "destination unreachable": beyond scope of source address.
const BEYOND_SCOPE: u8 = 2;

/// Whether a packet's addresses let it be forwarded.
pub enum Scope {
    /// For the gateway, its link or a group it belongs to.
    Host,
    /// To be forwarded, if the rest agrees.
    Transit,
}

/// Groups, martians and scopes.
pub fn classify(packet: &[u8], headers: &Headers6, device: &Device, plan: &Plan) -> Result<Scope, Refusal> {
    let (source, destination) = (ipv6::source(packet), ipv6::destination(packet));
    // 6092-R3.
    let is_nowhere = |address: u128| {
        address::is_never_on_wire(address) || plan.drop_documentation && address::is_documentation(address)
    };
    // 6092-R1.
    if address::is_multicast(source) || is_nowhere(source) {
        return Err(DropReason::MartianSource.into());
    }
    if destination == address::UNSPECIFIED || is_nowhere(destination) {
        return Err(DropReason::MartianDestination.into());
    }
    if address::is_multicast(destination) {
        return match address::is_link_multicast(destination) {
            true => Ok(Scope::Host),
            // 6092-R2: of no scope, so that there is no boundary to set.
            false => Err(DropReason::MulticastNotForwarded.into()),
        };
    }
    let is_own = match device.role {
        Role::Internal if !address::is_link_local(destination) => plan.internal_owner6(destination).is_some(),
        Role::Internal | Role::Uplink(_) => device.owns6(destination),
    };
    // A neighbour that knows us as the proxy of an address confirms it by unicast (RFC 4861 section 7.3.1).
    let is_solicitation = headers.icmp_kind == Some(icmp::v6::NEIGHBOUR_SOLICITATION);
    if is_own || is_solicitation && neighbour_proxy::answers_for(plan, device, destination) {
        return Ok(Scope::Host);
    }
    if source == address::UNSPECIFIED {
        return Err(DropReason::MartianSource.into());
    }
    if address::is_link_local(destination) {
        return Err(DropReason::MartianDestination.into());
    }
    if address::is_link_local(source) {
        // 4443-DU, RFC 4007 section 9.
        return Err(Refusal::with_error(DropReason::MartianSource, IcmpError::unreachable6(BEYOND_SCOPE)));
    }
    if headers.icmp_kind.is_some_and(|kind| !is_forwarded(kind, plan.nptv6.forward_unassigned_icmp)) {
        return Err(DropReason::IcmpTypeNotForwarded.into());
    }
    Ok(Scope::Transit)
}

/// Whether an ICMPv6 message of a type passes between links. All errors and echoes do (4890-T1), and those of mobile IPv6
/// (4890-T2).
const fn is_forwarded(kind: u8, forward_unassigned: bool) -> bool {
    match kind {
        // 4890-T3, 4890-NPT: multicast listener discovery, neighbour and inverse neighbour discovery, certification paths,
        // multicast router discovery: they make sense on their link only.
        130..=137 | 141..=143 | 148 | 149 | 151..=153 => false,
        // 4890-T5: experiments, extensions that are not defined, router renumbering, node information.
        100 | 101 | 127 | 138..=140 | 200 | 201 | 255 => false,
        // 4890-T4: unassigned, and Seamoby.
        5..=99 | 102..=126 | 150 | 154..=199 | 202..=254 => forward_unassigned,
        0..=4 | 128 | 129 | 144..=147 => true,
    }
}

#[cfg(test)]
mod tests {
    use super::is_forwarded;

    #[test]
    fn icmp_types_in_transit_4890_t1_t2_t3_t4_t5() {
        let pass = |forward| (0..=255_u8).filter(|kind| is_forwarded(*kind, forward)).count();
        assert_eq!(pass(false), 5 + 2 + 4);
        assert_eq!(pass(true), 256 - (8 + 3 + 2 + 3) - (2 + 1 + 3 + 2 + 1));
        for kind in [1, 2, 3, 4, 128, 129, 144, 147] {
            assert!(is_forwarded(kind, false), "{kind}");
        }
        for kind in [127, 133, 137, 138, 140, 148, 153, 200, 255] {
            assert!(!is_forwarded(kind, true), "{kind}");
        }
    }
}
