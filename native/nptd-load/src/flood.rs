//! Datagrams of one size over a grid of flows: source ports times destination ports.

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::SINK_PORTS;
use crate::arguments::Arguments;
use crate::sys::{self, BATCH, Batch};

/// First source port; beside the ephemeral ones, so that nothing else has them.
const SOURCE_PORT: u16 = 20_000;

/// `flood --to A --seconds S [--sources N] [--destinations M] [--payload OCTETS] [--rate PACKETS_PER_SECOND]`
pub fn flood(arguments: &Arguments) -> Result<(), String> {
    let to: IpAddr = arguments.required("to")?;
    let time = arguments.seconds()?;
    let sources: u16 = arguments.or("sources", 1)?;
    let destinations: u16 = arguments.or("destinations", 1)?;
    let payload = vec![0x5a; arguments.or("payload", 18)?];
    let rate: u64 = arguments.or("rate", 0)?;
    if usize::from(destinations) > SINK_PORTS.len() {
        return Err(format!("--destinations is above {}", SINK_PORTS.len()));
    }
    let grid = Grid::open(to, sources, destinations).map_err(|error| error.to_string())?;
    let start = Instant::now();
    let sent = grid.send_until(start, time, &payload, rate);
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), sys::process_cpu_ns());
    println!(r#"{{"packets":{sent},"seconds":{seconds},"cpuNs":{cpu}}}"#);
    Ok(())
}

/// Sockets by source port, and the ports they send to in groups of one batch.
struct Grid {
    sockets: Vec<UdpSocket>,
    batches: Vec<Batch>,
}

impl Grid {
    fn open(to: IpAddr, sources: u16, destinations: u16) -> io::Result<Self> {
        let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
        let open = |number| {
            let socket = UdpSocket::bind((any, SOURCE_PORT + number))?;
            // Looked up once, as a program with one peer would have it.
            if destinations == 1 {
                socket.connect((to, SINK_PORTS.start))?;
            }
            Ok(socket)
        };
        let sockets = (0..sources).map(open).collect::<io::Result<_>>()?;
        if destinations == 1 {
            return Ok(Self { sockets, batches: vec![Batch::connected()] });
        }
        let ports: Vec<_> = SINK_PORTS.take(usize::from(destinations)).map(|port| (to, port).into()).collect();
        Ok(Self { sockets, batches: ports.chunks(BATCH).map(Batch::to).collect() })
    }

    /// Sends batch after batch, each from the next source port: a flow comes again when all others had their turn.
    fn send_until(&self, start: Instant, time: Duration, payload: &[u8], rate: u64) -> u64 {
        let mut sent = 0;
        for (batch, socket) in
            self.batches.iter().flat_map(|batch| self.sockets.iter().map(move |one| (batch, one))).cycle()
        {
            let passed = start.elapsed();
            if passed >= time {
                break;
            }
            if let Some(due) = sent_by(rate, sent)
                && let Some(early) = due.checked_sub(passed)
            {
                std::thread::sleep(early);
            }
            sent += batch.send(socket, payload);
        }
        sent
    }
}

/// When so many packets are due; none: at once.
fn sent_by(rate: u64, packets: u64) -> Option<Duration> {
    (rate > 0).then(|| Duration::from_secs_f64(packets as f64 / rate as f64))
}
