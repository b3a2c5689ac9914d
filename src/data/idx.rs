//! The idx format of MNIST: a header that says how many numbers there are, then the numbers.
//!
//! Two bytes of zero, one for the type (8: bytes), one for the count of dimensions; each dimension in
//! four bytes, the highest first. Files come compressed by gzip or not, which their first bytes tell.

use super::{DataError, foreign, read};
use flate2::bufread::GzDecoder;
use std::cmp::Ordering;
use std::io::{self, Read};
use std::path::Path;

/// Most numbers that a file may hold.
const MOST: u64 = 1 << 30;

/// How a compressed file, and each member of it, begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What is wrong with a file.
enum Fault {
    /// Its compression; the place is where the decoder stands in the file.
    Stream(io::Error),
    /// Its content, at that byte of it.
    Content(u64, String),
}

/// The numbers of a file with `N` dimensions, and these; `fits` says what is wrong with them, before
/// any number is read.
pub(super) fn idx<const N: usize>(
    path: &Path,
    fits: impl FnOnce([u32; N]) -> Result<(), String>,
) -> Result<([u32; N], Vec<u8>), DataError> {
    let file = read(path, MOST)?;
    let wrong = |offset: u64, what: String| DataError::Content {
        path: path.to_path_buf(),
        offset,
        what,
    };
    let packed = file.starts_with(&GZIP);
    let mut left = 0;
    let found = if packed {
        let mut stream = Members {
            decoder: GzDecoder::new(&file[..]),
            begun: 1,
        };
        let found = numbers(&mut stream, fits);
        // bytes that the decoder has not taken
        left = stream.decoder.get_ref().len();
        found
    } else {
        numbers(&mut &file[..], fits)
    };
    let here = (file.len() - left) as u64;
    match found {
        Ok(_) if left > 0 => {
            let what = format!("{left} bytes stand behind the end of the compressed file");
            Err(wrong(here, what))
        }
        Ok(found) => Ok(found),
        Err(Fault::Stream(error)) => {
            let what = format!("the compressed file is damaged or cut: {error}");
            Err(wrong(here, what))
        }
        Err(Fault::Content(at, what)) if packed => {
            Err(wrong(at, format!("{what} (counted decompressed)")))
        }
        Err(Fault::Content(at, what)) => Err(wrong(at, what)),
    }
}

/// Most members of a compressed file: each costs a decoder, however short it is.
const MOST_MEMBERS: usize = 1 << 16;

/// What the members of a compressed file hold, one after another; what follows them is left.
struct Members<'a> {
    decoder: GzDecoder<&'a [u8]>,
    /// How many were begun.
    begun: usize,
}

impl Read for Members<'_> {
    fn read(&mut self, place: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.decoder.read(place)?;
            let rest = *self.decoder.get_ref();
            if read > 0 || place.is_empty() || !rest.starts_with(&GZIP) {
                return Ok(read);
            }
            if self.begun == MOST_MEMBERS {
                let what = format!("it has more than {MOST_MEMBERS} members");
                return Err(io::Error::other(what));
            }
            self.decoder = GzDecoder::new(rest);
            self.begun += 1;
        }
    }
}

fn numbers<const N: usize>(
    stream: &mut impl Read,
    fits: impl FnOnce([u32; N]) -> Result<(), String>,
) -> Result<([u32; N], Vec<u8>), Fault> {
    let start = 4 * (N as u64 + 1);
    let mut header = Vec::new();
    let read = stream.take(start).read_to_end(&mut header);
    read.map_err(Fault::Stream)?;
    let magic = [0, 0, 8, N as u8];
    if !header.starts_with(&magic[..header.len().min(4)]) {
        // of what is something else, some more tells what
        let _ = (stream.take(foreign::ENOUGH as u64)).read_to_end(&mut header);
        let found = match foreign::seems(&header) {
            Some(seems) => format!("begins like {seems}"),
            None => format!("begins with {:?}", &header[..header.len().min(4)]),
        };
        let what = format!("{found}, must be {magic:?}: bytes in {N} dimensions");
        return Err(Fault::Content(0, what));
    }
    if (header.len() as u64) < start {
        let what = format!("the header is cut: it must be {start} bytes");
        return Err(Fault::Content(header.len() as u64, what));
    }
    let dims: [u32; N] = std::array::from_fn(|i| {
        let field = &header[4 * (i + 1)..][..4];
        field
            .iter()
            .fold(0, |all, &byte| (all << 8) | u32::from(byte))
    });
    let content = |at: u64, what: String| Fault::Content(at, what);
    fits(dims).map_err(|what| content(4, what))?;
    let promised = dims
        .iter()
        .try_fold(1u64, |all, &n| all.checked_mul(u64::from(n)))
        .filter(|&all| all <= MOST)
        .ok_or_else(|| content(4, format!("{dims:?} are more than 2^30 numbers")))?;
    let mut bytes = Vec::new();
    // grows with what is there, whatever the header says; one more tells whether the file goes on
    let read = stream.take(promised + 1).read_to_end(&mut bytes);
    read.map_err(Fault::Stream)?;
    let found = bytes.len() as u64;
    match found.cmp(&promised) {
        Ordering::Equal => Ok((dims, bytes)),
        Ordering::Less => Err(content(
            start + found,
            format!("the file ends; its header promises {promised} numbers, and {found} are there"),
        )),
        Ordering::Greater => Err(content(
            start + promised,
            format!("the file goes on behind the {promised} numbers that its header promises"),
        )),
    }
}
