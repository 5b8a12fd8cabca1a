//! AF_XDP sockets on an interface that is ours alone: a program in its driver hands every frame to the socket of its queue
//! before the kernel makes a packet of it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::link::Link;
use super::xdp_queue::Queue;
use super::{Device, DeviceSpec, Outgoing, Transmitted};
use crate::burst::{Burst, frame_len};
use crate::error::{DeviceError, Step};
use crate::sys::bpf::{Attachment, Program, SocketMap};
use crate::sys::epoll::Epoll;
use crate::sys::netlink::LinkBell;
use crate::sys::xsk::{HEADROOM, Sizes, Xsk};
use crate::sys::{ifreq, packet, xsk};

/// Frames that wait in each direction of a queue: some milliseconds of small ones.
const FRAMES: u32 = 2_048;

/// Octets of a place: frames of an ordinary MTU fit into the smaller one, and none may be longer than the larger one.
const PLACES: [u32; 2] = [2_048, 4_096];

/// How often a queue that is taken is asked for again: for a second in all.
const BIND_RETRIES: u32 = 50;
const BIND_PAUSE: Duration = Duration::from_millis(20);

/// Most queues that are looked for.
const QUEUES_MAX: u32 = 64;

/// An interface for one worker.
///
/// The first one takes what comes by all queues. Each sends by one queue only, so that frames of one flow keep their order.
#[derive(Debug)]
pub struct XdpSockets {
    /// None at one that only sends. It goes first, so that the kernel has the interface back before the sockets are closed.
    reception: Option<Reception>,
    interface: Arc<Interface>,
    /// The queue that it sends by.
    egress: usize,
}

#[derive(Debug)]
struct Reception {
    _program: Attachment,
    /// The queue to begin with, so that a busy one does not keep the others waiting.
    first: usize,
    /// All queues behind one descriptor, where there are several.
    all: Option<Epoll>,
    first_queue: RawFd,
    bell: LinkBell,
}

/// What all workers share of an interface.
#[derive(Debug)]
struct Interface {
    name: String,
    netns: Option<String>,
    /// Has the interface take frames for our own link address.
    promiscuous: OwnedFd,
    link: Link,
    /// Locked for a burst; workers meet at a queue only where they are more than the queues, or receive and send by the same one.
    queues: Vec<Mutex<Queue>>,
}

impl XdpSockets {
    /// Takes over the interface, which must be there and takes packets of the configured MTU.
    pub fn open(spec: &DeviceSpec) -> Result<Self, DeviceError> {
        let at = |step: Step| move |error: io::Error| DeviceError::new(&spec.name, step, &error);
        let too_long = || io::Error::from_raw_os_error(libc::EMSGSIZE);
        let promiscuous = packet::open().map_err(at(Step::OpenSocket))?;
        let index = packet::interface_index(&spec.name).map_err(at(Step::FindInterface))?;
        let mtu = ifreq::mtu(promiscuous.as_fd(), &spec.name).map_err(at(Step::FindInterface))?;
        if mtu < u32::from(spec.mtu) {
            return Err(at(Step::CheckMtu)(too_long()));
        }
        let place = place_for(spec.mtu).ok_or_else(|| at(Step::FitPlaces)(too_long()))?;
        packet::hear_everything(&promiscuous, index).map_err(at(Step::Bind))?;
        let bell = LinkBell::open().map_err(at(Step::WatchLink))?;
        let index = index.cast_unsigned();
        let queues = open_queues(spec, index, Sizes { place, frames: FRAMES })?;
        let descriptors: Vec<_> = queues.iter().map(Queue::descriptor).collect();
        let program = load(&descriptors).map_err(at(Step::LoadProgram))?;
        let _program = program.attach(index).map_err(at(Step::AttachProgram))?;
        let first_queue = descriptors.first().copied().unwrap_or(-1);
        let all =
            (descriptors.len() > 1).then(|| Epoll::of(&descriptors)).transpose().map_err(at(Step::WatchQueues))?;
        let queues = queues.into_iter().map(Mutex::new).collect();
        let interface = Interface {
            name: spec.name.clone(),
            netns: spec.netns.clone(),
            promiscuous,
            link: Link::default(),
            queues,
        };
        let reception = Some(Reception { _program, first: 0, all, first_queue, bell });
        Ok(Self { reception, interface: Arc::new(interface), egress: 0 })
    }
}

impl Interface {
    /// A queue, of which a worker that has panicked has left nothing half done that matters.
    fn queue(&self, number: usize) -> Option<MutexGuard<'_, Queue>> {
        let queue = self.queues.get(number % self.queues.len().max(1))?;
        Some(queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Octets of the place of a frame; none where even the largest one is too small.
fn place_for(mtu: u16) -> Option<u32> {
    PLACES.into_iter().find(|place| frame_len(mtu) + HEADROOM <= *place as usize)
}

/// One socket for each queue that the interface has.
fn open_queues(spec: &DeviceSpec, interface: u32, sizes: Sizes) -> Result<Vec<Queue>, DeviceError> {
    let at = |step: Step| move |error: io::Error| DeviceError::new(&spec.name, step, &error);
    let mut queues = Vec::new();
    for number in 0..QUEUES_MAX {
        let socket = xsk::open().map_err(at(Step::OpenXsk))?;
        let socket = Xsk::new(socket, sizes).map_err(at(Step::MakeRings))?;
        match bind(&socket, interface, number) {
            Ok(()) => queues.push(Queue::new(socket, frame_len(spec.mtu))),
            // So many queues it has.
            Err(error) if number > 0 && error.raw_os_error() == Some(libc::EINVAL) => break,
            Err(error) => return Err(at(Step::BindQueue)(error)),
        }
    }
    Ok(queues)
}

/// The kernel gives back the queue of a closed socket only after a while, when the next process may be here already.
fn bind(socket: &Xsk, interface: u32, queue: u32) -> io::Result<()> {
    for _ in 0..BIND_RETRIES {
        match socket.bind(interface, queue) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => thread::sleep(BIND_PAUSE),
            result => return result,
        }
    }
    socket.bind(interface, queue)
}

/// The program that hands each frame to the socket of its queue.
fn load(queues: &[RawFd]) -> io::Result<Program> {
    let sockets = SocketMap::new(queues.len() as u32)?;
    for (queue, number) in queues.iter().zip(0..) {
        sockets.put(number, *queue)?;
    }
    Program::load(&sockets)
}

impl Device for XdpSockets {
    fn name(&self) -> &str {
        &self.interface.name
    }

    fn netns(&self) -> Option<&str> {
        self.interface.netns.as_deref()
    }

    /// The socket knows whether its interface is there: by now another one may have its name.
    fn is_up(&self) -> io::Result<bool> {
        let is_there = self.interface.queue(self.egress).map_or(Ok(true), |queue| queue.is_up());
        let Interface { name, promiscuous, link, .. } = &*self.interface;
        Ok(link.heed(is_there? && ifreq::is_up(promiscuous.as_fd(), name)?))
    }

    fn link_bell(&self) -> Option<RawFd> {
        self.reception.as_ref().map(|reception| reception.bell.as_raw_fd())
    }

    fn clear_link_bell(&self) {
        self.reception.iter().for_each(|reception| reception.bell.clear());
    }

    fn descriptor(&self) -> Option<RawFd> {
        let descriptor = |from: &Reception| from.all.as_ref().map_or(from.first_queue, Epoll::as_raw_fd);
        self.reception.as_ref().map(descriptor)
    }

    fn receive(&mut self, burst: &mut Burst) -> io::Result<()> {
        let Some(reception) = &mut self.reception else { return Ok(()) };
        let count = self.interface.queues.len();
        for number in reception.first..reception.first + count {
            self.interface.queue(number).iter_mut().for_each(|queue| queue.receive(burst));
        }
        reception.first = (reception.first + 1) % count.max(1);
        Ok(())
    }

    fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        if let Some(result) = self.interface.link.refuse(frames) {
            return result;
        }
        match self.interface.queue(self.egress) {
            Some(mut queue) => queue.transmit(frames),
            None => Transmitted { refused: frames.count() as u64, ..Transmitted::default() },
        }
    }

    /// One that sends by the next queue.
    fn another(&self) -> Result<Box<dyn Device>, DeviceError> {
        let egress = Arc::strong_count(&self.interface);
        Ok(Box::new(Self { reception: None, interface: self.interface.clone(), egress }))
    }
}
