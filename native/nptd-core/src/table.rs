//! Fixed-capacity keyed index over slabs.
