//! The far end: logs who speaks, and serves what the first octet of a stream asks for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{Connection, Endpoint, RecvStream, SendStream, ServerConfig, TransportConfig};

use crate::{Failure, content};

/// How often the client's address is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Serves until it is stopped.
pub async fn serve(address: SocketAddr, certificate: &str) -> Result<(), Failure> {
    let signed = rcgen::generate_simple_self_signed(["quic.example".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let mut config = ServerConfig::with_single_cert(vec![signed.cert.der().clone()], key.into())?;
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(60).try_into()?));
    config.transport_config(Arc::new(transport));
    let endpoint = Endpoint::server(config, address)?;
    tokio::fs::write(certificate, signed.cert.der()).await?;
    println!(r#"{{"event":"listening"}}"#);
    let mut count = 0;
    while let Some(incoming) = endpoint.accept().await {
        count += 1;
        tokio::spawn(async move {
            match incoming.await {
                Ok(connection) => attend(count, connection).await,
                Err(error) => println!(r#"{{"event":"refused","detail":"{error}"}}"#),
            }
        });
    }
    Ok(())
}

async fn attend(number: u32, connection: Connection) {
    tokio::spawn(watch(number, connection.clone()));
    while let Ok((send, receive)) = connection.accept_bi().await {
        tokio::spawn(async move {
            if let Err(error) = answer(send, receive).await {
                println!(r#"{{"event":"stream-failed","connection":{number},"detail":"{error}"}}"#);
            }
        });
    }
}

/// One line for the first address of a connection and for each that follows.
async fn watch(number: u32, connection: Connection) {
    let mut known = None;
    while connection.close_reason().is_none() {
        let remote = connection.remote_address();
        if known != Some(remote) {
            let (address, port) = (remote.ip(), remote.port());
            println!(
                r#"{{"event":"address","connection":{number},"address":"{address}","port":{port}}}"#
            );
        }
        known = Some(remote);
        tokio::time::sleep(LOOK).await;
    }
}

/// `U`: what follows is digested. `D` and a number of seconds: so much is sent. `E`: one octet comes back.
async fn answer(mut send: SendStream, mut receive: RecvStream) -> Result<(), Failure> {
    let mut head = [0; 2];
    receive.read_exact(&mut head).await?;
    let [task, seconds] = head;
    match task {
        b'U' => {
            let digest = content::receive(&mut receive).await?;
            send.write_all(digest.as_bytes()).await?;
        }
        b'D' => {
            let digest = content::send(&mut send, u64::from(seconds)).await?;
            println!(r#"{{"event":"sent","digest":"{digest}"}}"#);
        }
        _ => send.write_all(&[task]).await?,
    }
    // A stream that was ended by its content is ended.
    let _ = send.finish();
    Ok(())
}
