//! How a packet of the short way leaves: next hop, length, link header.

use core::mem::discriminant;

use super::inlet::little_endian;
use crate::frame::{DeviceIndex, Frame, Offloads};
use crate::host::context::Context;
use crate::host::neighbours::{Neighbours, mapped4};
use crate::plan::{NextHop, Plan, Uplink6};
use crate::wire::ethernet;
use crate::wire::octets::set_array;

/// Where the second half of a link header begins, in eights.
const TAIL: usize = ethernet::HEADER_LEN - 8;

/// What names a next hop with less work than finding it. Nothing changes which one is meant while packets go the short way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The gateway of an uplink over IPv4.
    Gateway4(u8),
    /// A station on the link of an uplink, or behind one without gateway.
    OnLink4(u8, u32),
    /// A host of the site.
    Internal4(u32),
    /// The same over IPv6.
    Gateway6(u8),
    OnLink6(u8, u128),
    Internal6(u128),
}

impl Goal {
    /// Of a packet from the site over IPv4: the remote endpoint itself, or the gateway.
    #[inline(always)]
    pub fn outbound4(slot: u8, remote: u32, is_direct: bool) -> Self {
        if is_direct { Self::OnLink4(slot, remote) } else { Self::Gateway4(slot) }
    }

    /// Of one over IPv6 to somebody who is on no link of ours.
    #[inline(always)]
    pub fn outbound6(slot: u8, uplink: &Uplink6, destination: u128) -> Self {
        if uplink.gateway.is_some() { Self::Gateway6(slot) } else { Self::OnLink6(slot, destination) }
    }

    /// What the link header of a packet that goes there says it is.
    const fn ether_type(self) -> u16 {
        match self {
            Self::Gateway4(_) | Self::OnLink4(..) | Self::Internal4(_) => ethernet::TYPE_IPV4,
            Self::Gateway6(_) | Self::OnLink6(..) | Self::Internal6(_) => ethernet::TYPE_IPV6,
        }
    }

    /// The next hop that it names.
    fn hop(self, plan: &Plan) -> Option<NextHop<u128>> {
        let beyond = |slot: u8, address: u128| Some(NextHop { device: plan.uplink(slot)?.device, address });
        match self {
            Self::Gateway4(slot) => beyond(slot, mapped4(plan.uplink(slot)?.ipv4.as_ref()?.gateway?)),
            Self::OnLink4(slot, address) => beyond(slot, mapped4(address)),
            Self::Internal4(address) => internal_hop4(address, plan),
            Self::Gateway6(slot) => beyond(slot, plan.uplink(slot)?.ipv6.as_ref()?.gateway?),
            Self::OnLink6(slot, address) => beyond(slot, address),
            Self::Internal6(address) => plan.internal_route6(address),
        }
    }
}

fn internal_hop4(host: u32, plan: &Plan) -> Option<NextHop<u128>> {
    let hop = plan.internal_route4(host)?;
    Some(NextHop { device: hop.device, address: mapped4(hop.address) })
}

/// The way to a next hop.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    device: DeviceIndex,
    mtu: u16,
    /// Whether the device finishes checksums.
    takes_partial: bool,
    /// Whether it has link headers.
    has_link: bool,
    /// The first eight octets of the link header, and the eight from the seventh on.
    head: u64,
    tail: u64,
}

/// What is known of devices and of the stations on their links.
pub struct Surroundings<'t, 'a> {
    pub context: &'t mut Context<'a>,
    pub neighbours: &'t mut Neighbours,
    pub offloads: &'t [Offloads],
}

/// The way of the packet before.
#[derive(Clone, Copy, Debug)]
pub struct LastWay {
    goal: Option<Goal>,
    way: Way,
}

impl LastWay {
    /// There is none, or something may have changed since that packet.
    pub const UNKNOWN: Self = Self { goal: None, way: Way::NOWHERE };

    /// The way to a goal, whether it is that one or has to be found; none where its next hop is not resolved.
    fn to(&mut self, goal: Goal, surroundings: &mut Surroundings<'_, '_>) -> Option<&Way> {
        let leads_there = self.goal == Some(goal) || self.turn(goal, surroundings);
        leads_there.then_some(&self.way)
    }

    /// The way to the gateway of an uplink over IPv4, or to a remote endpoint itself.
    #[inline(always)]
    pub fn out4(
        &mut self,
        slot: u8,
        remote: u32,
        is_direct: bool,
        surroundings: &mut Surroundings<'_, '_>,
    ) -> Option<&Way> {
        let leads_there = !is_direct && matches!(self.goal, Some(Goal::Gateway4(last)) if last == slot)
            || self.turn_out4(slot, remote, is_direct, surroundings);
        leads_there.then_some(&self.way)
    }

    /// The same over IPv6 to somebody who is on no link of ours.
    #[inline(always)]
    pub fn out6(
        &mut self,
        slot: u8,
        uplink: &Uplink6,
        destination: u128,
        surroundings: &mut Surroundings<'_, '_>,
    ) -> Option<&Way> {
        let leads_there = uplink.gateway.is_some() && matches!(self.goal, Some(Goal::Gateway6(last)) if last == slot)
            || self.turn_out6(slot, uplink, destination, surroundings);
        leads_there.then_some(&self.way)
    }

    #[inline(never)]
    fn turn_out6(
        &mut self,
        slot: u8,
        uplink: &Uplink6,
        destination: u128,
        surroundings: &mut Surroundings<'_, '_>,
    ) -> bool {
        self.to(Goal::outbound6(slot, uplink, destination), surroundings).is_some()
    }

    #[inline(never)]
    fn turn_out4(&mut self, slot: u8, remote: u32, is_direct: bool, surroundings: &mut Surroundings<'_, '_>) -> bool {
        self.to(Goal::outbound4(slot, remote, is_direct), surroundings).is_some()
    }

    /// The way to a host of the site over IPv4.
    #[inline(always)]
    pub fn in4(&mut self, host: u32, surroundings: &mut Surroundings<'_, '_>) -> Option<&Way> {
        let leads_there =
            matches!(self.goal, Some(Goal::Internal4(last)) if last == host) || self.turn_in4(host, surroundings);
        leads_there.then_some(&self.way)
    }

    #[inline(never)]
    fn turn_in4(&mut self, host: u32, surroundings: &mut Surroundings<'_, '_>) -> bool {
        let hop = internal_hop4(host, surroundings.context.plan);
        hop.is_some_and(|hop| self.turn_in(Goal::Internal4(host), hop, surroundings))
    }

    /// The same over IPv6.
    #[inline(always)]
    pub fn in6(&mut self, host: u128, surroundings: &mut Surroundings<'_, '_>) -> Option<&Way> {
        let leads_there =
            matches!(self.goal, Some(Goal::Internal6(last)) if last == host) || self.turn_in6(host, surroundings);
        leads_there.then_some(&self.way)
    }

    #[inline(never)]
    fn turn_in6(&mut self, host: u128, surroundings: &mut Surroundings<'_, '_>) -> bool {
        let hop = surroundings.context.plan.internal_route6(host);
        hop.is_some_and(|hop| self.turn_in(Goal::Internal6(host), hop, surroundings))
    }

    /// Turns to a host of the site, whose next hop is that: where the last goal was of the same kind mostly by its station alone.
    #[inline(always)]
    fn turn_in(&mut self, goal: Goal, hop: NextHop<u128>, surroundings: &mut Surroundings<'_, '_>) -> bool {
        let is_alike = self.goal.is_some_and(|last| discriminant(&last) == discriminant(&goal));
        if !is_alike || !self.turn_to(hop, surroundings) {
            return self.turn(goal, surroundings);
        }
        self.goal = Some(goal);
        true
    }

    /// Turns to another station on the link of the last one, where nothing else changes; false, and unchanged, if it is none, or not one
    /// of those that are found at once.
    #[inline(always)]
    fn turn_to(&mut self, hop: NextHop<u128>, surroundings: &mut Surroundings<'_, '_>) -> bool {
        if self.way.device != hop.device || !self.way.has_link {
            return false;
        }
        match surroundings.neighbours.noted_address(hop, surroundings.context.now) {
            Some(station) => {
                self.way.head = little_endian(station) | self.way.tail << 48;
                true
            }
            None => false,
        }
    }

    #[inline(never)]
    fn turn(&mut self, goal: Goal, surroundings: &mut Surroundings<'_, '_>) -> bool {
        let way = Way::find(goal, surroundings);
        self.goal = way.map(|_| goal);
        self.way = way.unwrap_or(Way::NOWHERE);
        way.is_some()
    }
}

impl Way {
    const NOWHERE: Self =
        Self { device: DeviceIndex(u16::MAX), mtu: 0, takes_partial: false, has_link: false, head: 0, tail: 0 };

    fn find(goal: Goal, surroundings: &mut Surroundings<'_, '_>) -> Option<Self> {
        let Surroundings { context, neighbours, offloads } = surroundings;
        let hop = goal.hop(context.plan)?;
        let device = context.plan.device(hop.device)?;
        let (mut head, mut tail) = (0, 0);
        if let Some(own) = device.mac {
            let station = little_endian(neighbours.link_address(context, hop)?);
            let own = little_endian(own);
            (head, tail) = (station | own << 48, own | u64::from(goal.ether_type().swap_bytes()) << 48);
        }
        let takes_partial = offloads.get(usize::from(hop.device.0)).is_some_and(|offloads| offloads.checksum);
        Some(Self { device: hop.device, mtu: device.mtu, takes_partial, has_link: device.mac.is_some(), head, tail })
    }

    /// Whether a packet of `length` octets may take it as it is.
    #[inline(always)]
    pub fn takes(&self, length: usize, is_partial: bool) -> bool {
        length <= usize::from(self.mtu) && (!is_partial || self.takes_partial)
    }

    /// Whether there is room for its link header.
    #[inline(always)]
    pub fn has_room<const LINK_LEN: usize>(&self, frame: &Frame<'_>) -> bool {
        LINK_LEN >= ethernet::HEADER_LEN || !self.has_link || frame.start() >= ethernet::HEADER_LEN
    }

    /// Whether its link header takes the place of one of `LINK_LEN` octets (nearly always).
    #[inline(always)]
    fn replaces<const LINK_LEN: usize>(&self) -> bool {
        LINK_LEN == ethernet::HEADER_LEN && self.has_link
    }

    /// In two pieces that overlap: as the processor likes it.
    #[inline(always)]
    fn write(&self, header: &mut [u8; ethernet::HEADER_LEN]) {
        set_array(header, 0, self.head.to_le_bytes());
        set_array(header, TAIL, self.tail.to_le_bytes());
    }

    /// Puts its link header in the place of the one that a packet came with, if it has the same length.
    #[inline(always)]
    pub fn link<const LINK_LEN: usize>(&self, header: &mut [u8]) {
        if let (true, Some(header)) = (self.replaces::<LINK_LEN>(), header.first_chunk_mut()) {
            self.write(header);
        }
    }

    /// Sends a rewritten packet of `length` octets, after [`Self::link`].
    #[inline(always)]
    pub fn depart<const LINK_LEN: usize>(&self, frame: &mut Frame<'_>, length: usize) {
        frame.egress = self.device;
        frame.truncate(LINK_LEN + length);
        if !self.replaces::<LINK_LEN>() {
            self.exchange_link(frame, LINK_LEN);
        }
    }

    /// A link header is to be added or taken off.
    #[inline(never)]
    fn exchange_link(&self, frame: &mut Frame<'_>, link_len: usize) {
        if !self.has_link {
            frame.strip_front(link_len);
        // There is room for it: `has_room`.
        } else if frame.grow_front(ethernet::HEADER_LEN)
            && let Some(header) = frame.octets_mut().first_chunk_mut()
        {
            self.write(header);
        }
    }
}
