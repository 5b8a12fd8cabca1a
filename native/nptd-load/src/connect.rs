//! Connections that are opened and closed at once, one after the other.

use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::TCP_PORTS;
use crate::arguments::Arguments;
use crate::sys;

/// A connection that takes longer has failed: its first SYN was lost, and another one sent after a second.
const CONNECT_TIME_MAX: Duration = Duration::from_millis(900);

/// `connect --to A --seconds S [--parallel N]`; the client closes first, from ports that the kernel chooses.
pub fn connect(arguments: &Arguments) -> Result<(), String> {
    let to: IpAddr = arguments.required("to")?;
    let time = arguments.seconds()?;
    let parallel: u16 = arguments.or("parallel", 1)?;
    let start = Instant::now();
    let threads: Vec<_> =
        (0..parallel).map(|number| std::thread::spawn(move || open_and_close(to, number, start + time))).collect();
    let (mut opened, mut failed) = (0, 0);
    for thread in threads {
        let (more, less) = thread.join().map_err(|_| "a thread has panicked".to_owned())?;
        opened += more;
        failed += less;
    }
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), sys::process_cpu_ns());
    println!(r#"{{"connections":{opened},"failed":{failed},"seconds":{seconds},"cpuNs":{cpu}}}"#);
    Ok(())
}

/// Every thread begins at another port, so that no two ask for the same one at a time.
fn open_and_close(to: IpAddr, number: u16, end: Instant) -> (u64, u64) {
    let (mut opened, mut failed) = (0, 0);
    for port in TCP_PORTS.cycle().skip(usize::from(number) * 7) {
        if Instant::now() >= end {
            break;
        }
        match TcpStream::connect_timeout(&(to, port).into(), CONNECT_TIME_MAX) {
            Ok(_closed_at_once) => opened += 1,
            Err(_) => failed += 1,
        }
    }
    (opened, failed)
}
