//! Sessions of packets with nothing left to decide, as in `nat44`: settled once one of their packets has gone all the way under a
//! plan. What depends on more than plan, ingress device, addresses, protocol and ports is asked again for each.

use super::session::Session;
use super::{Filter, Flow, ProtocolKind};
use crate::counters::Direction;
use crate::frame::DeviceIndex;
use crate::plan::Plan;
use crate::session::settled::Ends;
use crate::session::tcp_state::TcpState;
use crate::time::Tick;

/// The settled session of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Express {
    /// Where it is.
    pub position: u32,
    /// Its uplink.
    pub slot: u8,
    /// Until when it lives after this packet.
    until: Tick,
}

impl Filter {
    /// The settled session of a packet from the site.
    #[inline]
    pub fn express_outbound(&self, flow: &Flow, ingress: DeviceIndex, ends: &Ends) -> Option<Express> {
        self.express(flow, ends, Some(ends.udp), |session| {
            session.settled.outbound == self.adoption.number() && session.ingress == ingress.0 as u8
        })
    }

    /// The settled session of a packet from an uplink, with its addresses as the site has them.
    #[inline]
    pub fn express_inbound(&self, flow: &Flow, slot: u8, ends: &Ends) -> Option<Express> {
        // 6092-R16: inbound packets of UDP do not refresh.
        let is_settled = |session: &Session| session.settled.inbound == self.adoption.number() && session.slot == slot;
        self.express(flow, ends, None, is_settled)
    }

    #[inline]
    fn express(
        &self,
        flow: &Flow,
        ends: &Ends,
        udp: Option<Tick>,
        is_settled: impl Fn(&Session) -> bool,
    ) -> Option<Express> {
        let position = self.sessions_index.find(self.hash_flow(flow), |position| {
            self.sessions.get(position).is_some_and(|session| {
                // The epoch is that of the plan, or a packet would not have settled it under it.
                is_settled(session)
                    && session.is_in_use()
                    && session.ends > ends.now
                    && session.remote_address == flow.remote.address
                    && session.remote_port == flow.remote.port
                    && session.protocol == flow.protocol
                    && self.endpoint_of(session).is_some_and(|entry| entry.internal() == flow.internal)
            })
        })?;
        let session = self.sessions.get(position)?;
        let until = match session.protocol.kind() {
            ProtocolKind::Datagram => udp.unwrap_or(session.ends),
            ProtocolKind::Tcp if session.state == Some(TcpState::Established) => ends.tcp,
            ProtocolKind::Tcp | ProtocolKind::Dccp | ProtocolKind::Sctp => return None,
            ProtocolKind::Echo | ProtocolKind::Portless => return None,
        };
        // An end that comes nearer has to be told to the wheel.
        let is_watched = self.round_trips.watches(session.slot);
        (until >= session.ends && !is_watched).then_some(Express { position, slot: session.slot, until })
    }

    /// A packet of a session that was found so has passed. `acknowledges` is what a TCP segment says of the other direction:
    /// acknowledgement and window.
    #[inline]
    pub fn express_pass(&mut self, found: &Express, from: Direction, acknowledges: Option<(u32, u16)>) {
        let Some(session) = self.sessions.get_mut(found.position) else { return };
        session.ends = found.until;
        if let (Some((acknowledgement, window)), Direction::Outbound) = (acknowledges, from) {
            session.tracking.acknowledge(acknowledgement, window);
        }
    }

    /// A packet from the site has gone all the way with nothing but plan, ingress and its own header to decide about, unless its
    /// session is one to be looked at each time.
    pub fn settle_outbound(&mut self, position: u32, ingress: DeviceIndex, plan: &Plan) {
        let number = self.adoption.number();
        if let Some(session) = self.sessions.get_mut(position).filter(|session| session.stays(plan)) {
            // At most 64 devices.
            (session.settled.outbound, session.ingress) = (number, ingress.0 as u8);
        }
    }

    /// The same for a packet from the uplink of the session.
    pub fn settle_inbound(&mut self, position: u32) {
        let number = self.adoption.number();
        if let Some(session) = self.sessions.get_mut(position) {
            session.settled.inbound = number;
        }
    }
}
