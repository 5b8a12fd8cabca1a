//! What the benchmarks on the wire need beside iperf3: traffic, somebody to receive it, and an empty forwarder.
//!
//! ```text
//! nptd-load serve   --address A …              takes connections, echoes and counts datagrams until stdin ends
//! nptd-load flood   --to A --sources N …       datagrams, as fast as can be or at a rate
//! nptd-load connect --to A --seconds S …       opens and closes connections
//! nptd-load ping    --to A --seconds S         one datagram there and back at a time
//! nptd-load forward --devices A@NS,B@NS        carries frames between two devices, unchanged
//! ```
//!
//! Each prints one line of JSON. Addresses are literals of either family.
#![deny(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "a load generator reads the clock; the data path does not")]

mod arguments;
mod connect;
mod flood;
mod forward;
mod ping;
mod serve;
#[allow(unsafe_code)]
mod sys;

use std::process::ExitCode;

use arguments::Arguments;

/// TCP ports that connections are taken on.
const TCP_PORTS: std::ops::Range<u16> = 5_000..5_064;

/// Where datagrams are echoed.
const ECHO_PORT: u16 = 6_000;

/// UDP ports that only count.
const SINK_PORTS: std::ops::Range<u16> = 7_000..7_256;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("nptd-load: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let arguments = Arguments::parse(words)?;
    match command.as_str() {
        "serve" => serve::serve(&arguments),
        "flood" => flood::flood(&arguments),
        "connect" => connect::connect(&arguments),
        "ping" => ping::ping(&arguments),
        "forward" => forward::forward(&arguments),
        other => Err(format!("{other:?} is none of serve, flood, connect, ping, forward")),
    }
}
