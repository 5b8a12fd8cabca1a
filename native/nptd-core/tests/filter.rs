//! IPv6 through the engine: the stateful filter of RFC 6092, identity pairs, the border.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod filter {
    mod border;
    mod connections;
    mod errors;
    mod flows;
    mod fragments;
    mod model;
    mod site;
    mod uplinks;
}
