//! The engine against a hostile uplink, a hostile host and a careless caller: any octets, damaged packets, long
//! sequences, tiny tables. Seeds are fixed, so that a failure is seen again.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod property {
    mod any_octets;
    mod checks;
    mod held;
    mod lagging;
    mod model;
    mod packets;
    mod published;
    mod repaired;
    mod round_trips;
    mod sequences;
    mod short_way;
    mod site;
    mod super_packets;
    mod tables;
    mod unresolved;
}
