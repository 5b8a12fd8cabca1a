//! The one XDP program that nptd has, by plain calls of `bpf(2)`: every frame of a queue goes to the socket of that queue, and
//! one of a queue without a socket is dropped.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

// Commands, and kinds of things, of <linux/bpf.h>.
const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const PROG_LOAD: libc::c_int = 5;
const LINK_CREATE: libc::c_int = 28;
const MAP_TYPE_XSKMAP: u32 = 17;
const PROG_TYPE_XDP: u32 = 6;
const ATTACH_TYPE_XDP: u32 = 37;

/// Sockets by the number of their queue.
#[derive(Debug)]
pub(crate) struct SocketMap(OwnedFd);

/// A loaded program, which does nothing before it is attached.
#[derive(Debug)]
pub(crate) struct Program(OwnedFd);

/// A program on an interface. It is detached when this is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Attachment {
    _link: OwnedFd,
}

#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

#[repr(C)]
struct MapUpdate {
    map: u32,
    _padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct ProgramLoad {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
}

#[repr(C)]
struct LinkCreate {
    program: u32,
    interface: u32,
    attach_type: u32,
    flags: u32,
}

impl SocketMap {
    /// An empty map for so many queues.
    pub(crate) fn new(queues: u32) -> io::Result<Self> {
        let request = MapCreate { map_type: MAP_TYPE_XSKMAP, key_size: 4, value_size: 4, max_entries: queues };
        // SAFETY: MAP_CREATE reads four numbers, which `request` is.
        unsafe { make(MAP_CREATE, &request) }.map(Self)
    }

    /// Gives a queue its socket, which must be bound to it.
    pub(crate) fn put(&self, queue: u32, socket: RawFd) -> io::Result<()> {
        let value = socket.cast_unsigned();
        let request = MapUpdate {
            map: self.0.as_raw_fd().cast_unsigned(),
            _padding: 0,
            key: address(&queue),
            value: address(&value),
            flags: 0,
        };
        // SAFETY: MAP_UPDATE_ELEM reads its request and, of this map, four octets each of key and value; all outlive the call.
        unsafe { call(MAP_UPDATE_ELEM, &request) }.map(drop)
    }
}

/// `struct bpf_insn`.
#[repr(C)]
struct Instruction {
    code: u8,
    /// Destination in the low half, source in the high one (the other way round on machines of the other byte order).
    registers: u8,
    offset: i16,
    immediate: i32,
}

const fn instruction(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> Instruction {
    let registers = if cfg!(target_endian = "little") { source << 4 | destination } else { destination << 4 | source };
    Instruction { code, registers, offset, immediate }
}

impl Program {
    /// `return bpf_redirect_map(&sockets, context->rx_queue_index, XDP_DROP)`, where the last argument is what becomes of frames of
    /// a queue that is not in the map.
    pub(crate) fn load(sockets: &SocketMap) -> io::Result<Self> {
        const LOAD_WORD: u8 = 0x61;
        const LOAD_LONG: u8 = 0x18;
        const MOVE: u8 = 0xb7;
        const CALL: u8 = 0x85;
        const EXIT: u8 = 0x95;
        /// Says that the immediate value of `LOAD_LONG` is the descriptor of a map.
        const MAP: u8 = 1;
        /// Where `struct xdp_md` has the number of the queue.
        const RX_QUEUE_INDEX: i16 = 16;
        const XDP_DROP: i32 = 1;
        const REDIRECT_MAP: i32 = 51;
        let instructions = [
            instruction(LOAD_WORD, 2, 1, RX_QUEUE_INDEX, 0),
            instruction(LOAD_LONG, 1, MAP, 0, sockets.0.as_raw_fd()),
            instruction(0, 0, 0, 0, 0),
            instruction(MOVE, 3, 0, 0, XDP_DROP),
            instruction(CALL, 0, 0, 0, REDIRECT_MAP),
            instruction(EXIT, 0, 0, 0, 0),
        ];
        let request = ProgramLoad {
            program_type: PROG_TYPE_XDP,
            instruction_count: instructions.len() as u32,
            instructions: address(&instructions),
            license: c"MIT OR Apache-2.0".as_ptr() as u64,
        };
        // SAFETY: PROG_LOAD reads its request, as many instructions as it says, and the licence up to its zero; all outlive the call.
        unsafe { make(PROG_LOAD, &request) }.map(Self)
    }

    /// Attaches it to an interface of the calling thread's network namespace: to its driver if that can run programs, to the
    /// kernel's general receive path otherwise. `EBUSY` if there is another program.
    pub(crate) fn attach(&self, interface: u32) -> io::Result<Attachment> {
        let program = self.0.as_raw_fd().cast_unsigned();
        let request = LinkCreate { program, interface, attach_type: ATTACH_TYPE_XDP, flags: 0 };
        // SAFETY: LINK_CREATE reads four numbers, which `request` is.
        unsafe { make(LINK_CREATE, &request) }.map(|link| Attachment { _link: link })
    }
}

fn address<T>(value: &T) -> u64 {
    std::ptr::from_ref(value) as u64
}

/// # Safety
///
/// `request` is what the command reads, and every address in it leads to what the command reads there.
unsafe fn call<T>(command: libc::c_int, request: &T) -> io::Result<RawFd> {
    // SAFETY: as the caller says; the kernel takes what is beyond the given size as zero.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(request), size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as RawFd) }
}

/// A command that makes something with a descriptor.
///
/// # Safety
///
/// As for [`call`].
unsafe fn make<T>(command: libc::c_int, request: &T) -> io::Result<OwnedFd> {
    // SAFETY: as the caller says.
    let fd = unsafe { call(command, request) }?;
    // SAFETY: the descriptor was just made, closed in child processes, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
