//! One file over HTTP, from where it was cut.

use super::super::foreign;
use super::{FetchError, Published, failed};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;
use ureq::Agent;

/// How often in a row nothing may come.
const ATTEMPTS: u32 = 4;
/// How long the server may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// What a server is left alone for, after each fruitless attempt longer.
const PAUSE: Duration = Duration::from_millis(250);

/// What an attempt came to.
enum Attempt {
    /// The file is as long as it must be.
    Whole,
    /// The connection was cut.
    Cut(String),
}

/// Downloads into `part`, or goes on with it; afterwards it is as long as it must be.
pub(super) fn download(
    url: &str,
    file: &Published,
    part: &Path,
    progress: &mut impl FnMut(&str, u64, u64) -> bool,
) -> Result<(), FetchError> {
    let agent = agent(url);
    let mut fruitless = 0;
    loop {
        let before = length(part);
        match attempt(&agent, url, file, part, progress)? {
            Attempt::Whole => return Ok(()),
            Attempt::Cut(what) => {
                let at = length(part);
                fruitless = if at > before { 0 } else { fruitless + 1 };
                if fruitless == ATTEMPTS {
                    return Err(FetchError::Cut {
                        url: url.into(),
                        at,
                        bytes: file.bytes,
                        what,
                    });
                }
                std::thread::sleep(PAUSE * fruitless);
            }
        }
    }
}

fn length(part: &Path) -> u64 {
    std::fs::metadata(part).map_or(0, |found| found.len())
}

fn agent(url: &str) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        // a range is one of the bytes as they are
        .accept_encoding("identity")
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE));
    // what is on this machine needs no proxy
    if ["http://127.0.0.1", "http://localhost"]
        .iter()
        .any(|here| url.starts_with(here))
    {
        config = config.proxy(None);
    }
    config.build().new_agent()
}

fn attempt(
    agent: &Agent,
    url: &str,
    file: &Published,
    part: &Path,
    progress: &mut impl FnMut(&str, u64, u64) -> bool,
) -> Result<Attempt, FetchError> {
    let refused = |what: String| FetchError::Refused {
        url: url.into(),
        what,
    };
    let mut there = length(part);
    if there == file.bytes {
        return Ok(Attempt::Whole);
    }
    if there > file.bytes {
        there = 0;
    }
    let mut request = agent.get(url);
    if there > 0 {
        request = request.header("Range", format!("bytes={there}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_))) => {
            return Err(refused(error.to_string()));
        }
        Err(error) => return Ok(Attempt::Cut(error.to_string())),
    };
    let range = format!("bytes {there}-");
    let content_range = response.headers().get("Content-Range");
    let goes_on = content_range.is_some_and(|value| value.as_bytes().starts_with(range.as_bytes()));
    match response.status().as_u16() {
        206 if goes_on => {}
        // the whole file: the server knows no ranges
        200 => there = 0,
        // a server that knows no such range, or sends another: from the start, next time
        206 | 416 if there > 0 => {
            truncated(part, 0)?;
            return Ok(Attempt::Cut(
                "the server does not go on in the middle".into(),
            ));
        }
        status @ 500.. => return Ok(Attempt::Cut(format!("the server answers {status}"))),
        status => return Err(refused(format!("the server answers {status}, must be 200"))),
    }
    let mut to = truncated(part, there)?;
    let mut body = response.into_body().into_reader();
    let mut piece = vec![0; 1 << 16];
    loop {
        if !progress(&file.name, there, file.bytes) {
            return Err(FetchError::Stopped);
        }
        let read = match body.read(&mut piece) {
            Ok(0) if there == file.bytes => return Ok(Attempt::Whole),
            Ok(0) => return Ok(Attempt::Cut("the server sends no more".into())),
            Ok(read) => read,
            Err(error) => return Ok(Attempt::Cut(error.to_string())),
        };
        // a network that wants a login, or a mirror that has moved
        if there == 0
            && let Some(page @ ("a web page (HTML)" | "an XML document" | "a JSON document")) =
                foreign::seems(&piece[..read])
        {
            return Err(refused(format!("the server sends {page}, not the file")));
        }
        there += read as u64;
        if there > file.bytes {
            drop(to);
            truncated(part, 0)?;
            let bytes = file.bytes;
            return Err(refused(format!(
                "the server sends more than its {bytes} bytes"
            )));
        }
        to.write_all(&piece[..read])
            .map_err(|error| failed(part, error))?;
    }
}

/// The file, so long, to be gone on with.
fn truncated(part: &Path, length: u64) -> Result<File, FetchError> {
    let open = || {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(part)?;
        file.set_len(length)?;
        Ok(file)
    };
    open().map_err(|error| failed(part, error))
}
