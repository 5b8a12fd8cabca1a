//! What is sent: octets that never repeat, at a steady rate, and the digest of what arrived.

use std::time::{Duration, Instant};

use quinn::{RecvStream, SendStream};
use sha2::{Digest, Sha256};

use crate::Failure;

/// 800 kB a second: far below what any path here carries, so that the transfer lasts as long as it is told to.
const CHUNK: usize = 16_000;
const PAUSE: Duration = Duration::from_millis(20);

/// Sends for so long, ends the stream, and gives the digest of what was sent.
pub async fn send(stream: &mut SendStream, seconds: u64) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let chunk: Vec<u8> = (0..CHUNK).map(|_| next(&mut state)).collect();
        hash.update(&chunk);
        stream.write_all(&chunk).await?;
        tokio::time::sleep(PAUSE).await;
    }
    stream.finish()?;
    Ok(hexadecimal(&hash.finalize()))
}

/// Takes a stream to its end and gives the digest of what arrived.
pub async fn receive(stream: &mut RecvStream) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    while let Some(chunk) = stream.read_chunk(64 * 1024, true).await? {
        hash.update(&chunk.bytes);
    }
    Ok(hexadecimal(&hash.finalize()))
}

fn next(state: &mut u64) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 32) as u8
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
