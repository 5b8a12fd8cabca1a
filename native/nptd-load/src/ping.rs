//! Round trips of single datagrams.

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::ECHO_PORT;
use crate::arguments::Arguments;
use crate::sys;

/// Octets of a datagram.
const PAYLOAD: [u8; 18] = [0; 18];

/// How long an answer is waited for.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(500);

/// Round trips before the first that counts.
const WARM_UP: usize = 500;

/// `ping --to A --seconds S`
pub fn ping(arguments: &Arguments) -> Result<(), String> {
    let to: IpAddr = arguments.required("to")?;
    let time = arguments.seconds()?;
    let (mut times, lost) = round_trips(to, time).map_err(|error| format!("{to}: {error}"))?;
    times.sort_unstable();
    let percentile = |of: usize| times.get(times.len() * of / 100).copied().unwrap_or(0);
    let (p50, p99, count, cpu) = (percentile(50), percentile(99), times.len(), sys::process_cpu_ns());
    println!(r#"{{"p50Ns":{p50},"p99Ns":{p99},"count":{count},"lost":{lost},"cpuNs":{cpu}}}"#);
    Ok(())
}

fn round_trips(to: IpAddr, time: Duration) -> io::Result<(Vec<u64>, u64)> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect((to, ECHO_PORT))?;
    socket.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    let (mut times, mut lost, mut buffer) = (Vec::with_capacity(1 << 20), 0, [0; 64]);
    let end = Instant::now() + time;
    let mut sent = 0;
    while Instant::now() < end {
        let start = Instant::now();
        socket.send(&PAYLOAD)?;
        sent += 1;
        match socket.recv(&mut buffer) {
            Ok(_) if sent > WARM_UP => times.push(start.elapsed().as_nanos() as u64),
            Ok(_) => {}
            Err(_) => lost += 1,
        }
    }
    Ok((times, lost))
}
