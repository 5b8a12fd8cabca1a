//! The kernel's ABI, one topic a file. The only place with unsafe code outside generated bindings.

pub(crate) mod bpf;
pub(crate) mod clock;
pub(crate) mod epoll;
pub(crate) mod eventfd;
pub(crate) mod ifreq;
pub(crate) mod netlink;
pub(crate) mod netns;
pub(crate) mod packet;
pub(crate) mod packet_ring;
pub(crate) mod pages;
pub(crate) mod poll;
pub(crate) mod release;
pub(crate) mod ring;
pub(crate) mod xsk;
