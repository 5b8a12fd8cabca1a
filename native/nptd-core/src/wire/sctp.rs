//! SCTP header fields (RFC 9260 section 3); the ports lie where UDP has them. `packet` starts at the common header.

/// Octets of the common header.
pub const HEADER_LEN: usize = 12;

/// Chunk types.
pub mod chunk {
    /// Opens an association.
    pub const INIT: u8 = 1;
    /// Answers an INIT.
    pub const INIT_ACK: u8 = 2;
    /// Ends the association at once.
    pub const ABORT: u8 = 6;
    /// Ends the association.
    pub const SHUTDOWN: u8 = 7;
    /// Answers a SHUTDOWN.
    pub const SHUTDOWN_ACK: u8 = 8;
    /// Answers a SHUTDOWN ACK.
    pub const SHUTDOWN_COMPLETE: u8 = 14;
}

/// Type of the first chunk, if there is one.
pub fn first_chunk(packet: &[u8]) -> Option<u8> {
    packet.get(HEADER_LEN).copied()
}
