//! A QUIC server and client for the end-to-end tests: what a connection goes through while the address of its client changes.
//!
//! `nptd-quic-peer server ADDRESS:PORT CERTIFICATE` writes its certificate, then one JSON line for each connection and for each
//! address that one comes from. `nptd-quic-peer client ADDRESS:PORT CERTIFICATE upload|download|idle SECONDS` opens one
//! connection and says when it is open and what came of it.

mod client;
mod content;
mod server;

use std::error::Error;

/// Whatever went wrong, for `main` to print.
pub type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["server", address, certificate] => server::serve(address.parse()?, certificate).await,
        ["client", address, certificate, task, seconds] => {
            let job = client::Job::named(task, seconds.parse()?)?;
            client::connect(address.parse()?, certificate, job).await
        }
        _ => Err("usage: server ADDRESS CERTIFICATE | client ADDRESS CERTIFICATE upload|download|idle SECONDS".into()),
    }
}
