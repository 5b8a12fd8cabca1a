//! The border between the data path and JavaScript: everything that crosses it is called `Binding…`.
//!
//! A customs office: it checks papers and passes goods on. No policy, no headers, no loops but for conversion.
//! Failures cross as data ([`binding_error::BindingError`]), so that their fields survive; `src/native` makes
//! exceptions of them. A panic becomes a JavaScript exception, never the end of the process.
#![deny(unsafe_code)]
// napi registers no exports in test builds, so there nothing calls them.
#![cfg_attr(test, allow(dead_code))]

mod binding_catalogue;
mod binding_counters;
mod binding_data_plane;
mod binding_error;
mod binding_events;
mod binding_explain;
mod binding_map_address;
mod binding_plan;
mod binding_probe;
mod binding_rests;
mod binding_rows;
mod binding_stream;
mod binding_translator;
mod blocking;
mod path;
