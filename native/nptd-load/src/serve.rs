//! The far end: takes connections, echoes datagrams, counts datagrams.

use std::io::{self, BufRead, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::sys::{self, BATCH, Readiness, Receiver};
use crate::{ECHO_PORT, SINK_PORTS, TCP_PORTS};

/// A client that has not closed its connection by then has lost it.
const CLOSE_TIME_MAX: Duration = Duration::from_millis(900);

/// A tenth of the time that the receive buffer lasts at a million datagrams a second.
const COUNT_INTERVAL: Duration = Duration::from_millis(1);

/// `serve --address A …`: prints `{"ready":true}`, and for every line of its input how many datagrams it has counted
/// and when, in nanoseconds since it began. Ends with its input.
pub fn serve(arguments: &Arguments) -> Result<(), String> {
    let addresses: Vec<IpAddr> = arguments.all("address")?;
    let start = Instant::now();
    let counted = Arc::new(AtomicU64::new(0));
    for address in addresses {
        start_services(address, &counted).map_err(|error| format!("{address}: {error}"))?;
    }
    say(r#"{"ready":true}"#);
    for line in io::stdin().lock().lines() {
        line.map_err(|error| error.to_string())?;
        let (packets, ns) = (counted.load(Ordering::Relaxed), start.elapsed().as_nanos());
        say(&format!(r#"{{"packets":{packets},"ns":{ns}}}"#));
    }
    Ok(())
}

fn say(line: &str) {
    println!("{line}");
    // Nobody is there to read it any more: the input will end as well.
    let _ = io::stdout().flush();
}

fn start_services(address: IpAddr, counted: &Arc<AtomicU64>) -> io::Result<()> {
    for port in TCP_PORTS {
        let listener = TcpListener::bind((address, port))?;
        thread::spawn(move || listener.incoming().flatten().for_each(outlast));
    }
    let echo = UdpSocket::bind((address, ECHO_PORT))?;
    thread::spawn(move || answer(&echo));
    let sockets = SINK_PORTS.map(|port| sink(address, port)).collect::<io::Result<Vec<_>>>()?;
    let readiness = Readiness::of(&sockets)?;
    let counted = counted.clone();
    thread::spawn(move || count(&sockets, &readiness, &counted));
    Ok(())
}

fn sink(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((address, port))?;
    socket.set_nonblocking(true)?;
    sys::ask_for_large_buffer(&socket);
    Ok(socket)
}

/// Closes after the client, which so keeps the waiting end of the connection.
fn outlast(mut stream: TcpStream) {
    if stream.set_read_timeout(Some(CLOSE_TIME_MAX)).is_ok() {
        // Either way the connection is over.
        let _ = stream.read(&mut [0; 8]);
    }
}

fn answer(socket: &UdpSocket) {
    let mut buffer = [0; 2_048];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            // What is lost is counted by the other side.
            let _ = socket.send_to(buffer.get(..length).unwrap_or_default(), from);
        }
    }
}

/// Takes what has come every [`COUNT_INTERVAL`]: woken by each datagram it would cost more than the gateway.
fn count(sockets: &[UdpSocket], readiness: &Readiness, counted: &AtomicU64) {
    let mut receiver = Receiver::new();
    loop {
        for socket in readiness.wait().filter_map(|index| sockets.get(index)) {
            loop {
                let count = receiver.receive(socket);
                counted.fetch_add(count, Ordering::Relaxed);
                if count < BATCH as u64 {
                    break;
                }
            }
        }
        thread::sleep(COUNT_INTERVAL);
    }
}
