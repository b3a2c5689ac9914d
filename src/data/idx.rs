//! The idx format of MNIST: a header that says how many numbers there are, then the numbers.
//!
//! Two bytes of zero, one for the type (8: bytes), one for the count of dimensions; each dimension in
//! four bytes, the highest first. Files come compressed by gzip or not, which their first bytes tell.

use super::{DataError, read};
use flate2::bufread::GzDecoder;
use std::io::{self, Read};
use std::path::Path;

/// Most numbers that a file may hold.
const MOST: u64 = 1 << 30;

/// The numbers of a file with `N` dimensions, and these; `fits` says what is wrong with them, before
/// any number is read.
pub(super) fn idx<const N: usize>(
    path: &Path,
    fits: impl FnOnce([u32; N]) -> Result<(), String>,
) -> Result<([u32; N], Vec<u8>), DataError> {
    let file = read(path, MOST)?;
    let fault = |(offset, what): (u64, String)| DataError::Content {
        path: path.to_path_buf(),
        offset,
        what,
    };
    if !file.starts_with(&[0x1f, 0x8b]) {
        return numbers(&mut &file[..], fits).map_err(fault);
    }
    let mut stream = GzDecoder::new(&file[..]);
    let found = numbers(&mut stream, fits);
    // bytes that the decoder has not taken yet
    let left = stream.get_ref().len() as u64;
    match found {
        Ok(_) if left > 0 => {
            let what = format!("{left} bytes stand behind the end of the compressed file");
            Err(fault((file.len() as u64 - left, what)))
        }
        Ok(found) => Ok(found),
        Err((offset, what)) if what.starts_with(BROKEN) => {
            let _ = offset;
            Err(fault((file.len() as u64 - left, what)))
        }
        Err((offset, what)) => Err(fault((offset, format!("{what} (counted decompressed)")))),
    }
}

/// How errors of the stream itself begin, whose place is one of the compressed file.
const BROKEN: &str = "the compressed file is damaged or cut";

fn numbers<const N: usize>(
    stream: &mut impl Read,
    fits: impl FnOnce([u32; N]) -> Result<(), String>,
) -> Result<([u32; N], Vec<u8>), (u64, String)> {
    let magic = [0, 0, 8, N as u8];
    let mut header = [[0; 4]; 8];
    for (i, field) in header[..=N].iter_mut().enumerate() {
        let offset = 4 * i as u64;
        stream
            .read_exact(field)
            .map_err(|error| match error.kind() {
                // the end of a compressed stream is one only if its checksum is
                io::ErrorKind::UnexpectedEof => (offset, "the header is cut".to_string()),
                _ => (offset, format!("{BROKEN}: {error}")),
            })?;
        if i == 0 && *field != magic {
            let what = format!("begins with {field:?}, must be {magic:?}: bytes in {N} dimensions");
            return Err((0, what));
        }
    }
    let dims: [u32; N] = std::array::from_fn(|i| u32::from_be_bytes(header[i + 1]));
    fits(dims).map_err(|what| (4, what))?;
    let most = dims
        .iter()
        .try_fold(1u64, |all, &n| all.checked_mul(u64::from(n)))
        .filter(|&all| all <= MOST)
        .ok_or_else(|| (4, format!("{dims:?} are more than 2^30 numbers")))?;
    let start = 4 * (N as u64 + 1);
    let mut bytes = Vec::new();
    // grows with what is there, whatever the header says; one more tells whether the file goes on
    stream
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| (start, format!("{BROKEN}: {error}")))?;
    let found = bytes.len() as u64;
    match found.cmp(&most) {
        std::cmp::Ordering::Equal => Ok((dims, bytes)),
        std::cmp::Ordering::Less => Err((
            start + found,
            format!("the file ends; its header promises {most} numbers, and {found} are there"),
        )),
        std::cmp::Ordering::Greater => Err((
            start + most,
            format!("the file goes on behind the {most} numbers that its header promises"),
        )),
    }
}
