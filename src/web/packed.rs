//! Parameters of a pending request, compressed for a ticket that would be too long for an address.
//!
//! The length of compressed text tells an observer of the connection how much of the text repeats. Text that an
//! attacker chooses must therefore not be compressed together with a secret, which the length would reveal (CRIME). So
//! no ticket id, session or binding is compressed. Each parameter is a block of its own, without a common dictionary: a
//! hint in an attacker's link is not compressed together with an ID token or a nonce. Within one parameter the
//! application may mix both. A secret in `state` is a new one in each request, and guessing by length needs the same
//! secret many times. Parameters that fit into an address are not compressed.
//!
//! Spec: RFC 1951, RFC 9325 §3.3

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// The first byte of a parameter that is not compressed.
const PLAIN: u8 = 0;
/// The first byte of a parameter that is compressed.
const DEFLATED: u8 = 1;

/// The bytes before each parameter: the first byte, and the length.
const HEAD: usize = 5;

/// Packs form-encoded parameters.
pub fn pack(params: &str) -> Vec<u8> {
    let mut packed = vec![];
    for param in params.split('&') {
        let deflated = deflate(param.as_bytes()).filter(|deflated| deflated.len() < param.len());
        let (kind, block) =
            deflated.as_deref().map_or((PLAIN, param.as_bytes()), |deflated| (DEFLATED, deflated));
        let Ok(length) = u32::try_from(block.len()) else { continue };
        packed.push(kind);
        packed.extend_from_slice(&length.to_be_bytes());
        packed.extend_from_slice(block);
    }
    packed
}

/// The reverse of [`pack`]; none for other bytes, or where the result would have more than `most` bytes.
pub fn unpack(packed: &[u8], most: usize) -> Option<String> {
    let (mut rest, mut params) = (packed, vec![]);
    while let Some((kind, block)) = take(&mut rest) {
        if packed.len() > rest.len() + block.len() + HEAD {
            params.push(b'&');
        }
        let room = most.checked_sub(params.len())?;
        match kind {
            PLAIN if block.len() <= room => params.extend_from_slice(block),
            DEFLATED => params.extend(inflate(block, room)?),
            _ => return None,
        }
    }
    if rest.is_empty() { String::from_utf8(params).ok() } else { None }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (kind, behind) = rest.split_first()?;
    let (length, behind) = behind.split_first_chunk::<4>()?;
    let (block, behind) = behind.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = behind;
    Some((*kind, block))
}

fn deflate(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(vec![], Compression::default());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

/// Decompresses at most so many bytes. A longer result is refused before memory is taken for it.
fn inflate(deflated: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut plain = vec![];
    let bound = u64::try_from(most).ok()?.saturating_add(1);
    DeflateDecoder::new(deflated).take(bound).read_to_end(&mut plain).ok()?;
    (plain.len() <= most).then_some(plain)
}
