//! The near end: one connection and one job on it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::CertificateDer;
use quinn::{ClientConfig, Connection, Endpoint, TransportConfig};

use crate::{Failure, content};

/// A client that only receives says that it is there; one that says nothing cannot be heard from a new address.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// A connection that is over at once has no address for the server to look at.
const LINGER: Duration = Duration::from_millis(500);

/// What a connection is for, and for how many seconds.
pub enum Job {
    Upload(u8),
    Download(u8),
    Idle(u8),
}

impl Job {
    /// A job by its name on the command line.
    pub fn named(name: &str, seconds: u8) -> Result<Self, Failure> {
        match name {
            "upload" => Ok(Self::Upload(seconds)),
            "download" => Ok(Self::Download(seconds)),
            "idle" => Ok(Self::Idle(seconds)),
            _ => Err(format!("unknown job {name}").into()),
        }
    }
}

/// Opens a connection, does the job and says whether it succeeded.
pub async fn connect(server: SocketAddr, certificate: &str, job: Job) -> Result<(), Failure> {
    let mut endpoint = Endpoint::client(SocketAddr::new(any_address(server), 0))?;
    endpoint.set_default_client_config(config(certificate, &job).await?);
    let connection = endpoint.connect(server, "quic.example")?.await?;
    println!(r#"{{"event":"open"}}"#);
    let (title, detail) = match job {
        Job::Upload(seconds) => ("upload", upload(&connection, seconds).await?),
        Job::Download(seconds) => ("download", download(&connection, seconds).await?),
        Job::Idle(seconds) => ("idle", idle(&connection, seconds).await?),
    };
    println!(r#"{{"event":"done","job":"{title}","detail":"{detail}"}}"#);
    connection.close(0_u8.into(), b"done");
    endpoint.wait_idle().await;
    Ok(())
}

fn any_address(server: SocketAddr) -> IpAddr {
    if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    }
}

async fn config(certificate: &str, job: &Job) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(tokio::fs::read(certificate).await?))?;
    let mut config = ClientConfig::with_root_certificates(Arc::new(roots))?;
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(60).try_into()?));
    transport.keep_alive_interval(match job {
        Job::Idle(_) => None,
        Job::Upload(_) | Job::Download(_) => Some(KEEP_ALIVE),
    });
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// The digest of what was sent, which must be what the server says of what arrived.
async fn upload(connection: &Connection, seconds: u8) -> Result<String, Failure> {
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(&[b'U', seconds]).await?;
    let sent = content::send(&mut send, seconds.into()).await?;
    let arrived = String::from_utf8(receive.read_to_end(64).await?)?;
    if sent == arrived {
        Ok(sent)
    } else {
        Err(format!("sent {sent}, arrived {arrived}").into())
    }
}

/// The digest of what arrived; the server says what it sent.
async fn download(connection: &Connection, seconds: u8) -> Result<String, Failure> {
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(&[b'D', seconds]).await?;
    send.finish()?;
    content::receive(&mut receive).await
}

/// An exchange, silence, and another exchange.
async fn idle(connection: &Connection, seconds: u8) -> Result<String, Failure> {
    exchange(connection).await?;
    println!(r#"{{"event":"idle"}}"#);
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    exchange(connection).await?;
    tokio::time::sleep(LINGER).await;
    Ok("answered".to_owned())
}

async fn exchange(connection: &Connection) -> Result<(), Failure> {
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(&[b'E', 0]).await?;
    send.finish()?;
    let answer = receive.read_to_end(1).await?;
    if answer == b"E" {
        Ok(())
    } else {
        Err("wrong answer".into())
    }
}
