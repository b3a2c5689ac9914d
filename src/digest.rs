//! What is a thing called by what it holds? By digits of SHA-256.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 16 hexadecimal digits: the first of SHA-256 over a value's JSON, whose keys stand in the value's own order.
///
/// # Panics
/// If the value has no JSON: a key that is no text.
pub fn of_json(value: &impl Serialize) -> String {
    of_bytes(&serde_json::to_vec(value).expect("keys are text"))
}

/// 16 hexadecimal digits: the first of SHA-256 over bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..8])
}
