//! How does a file of a record grow, whoever else adds to it at the same time?

use super::lines::{self, Lines};
use super::{RecordError, write};
use crate::file;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// The file that is locked while a record of its folder is read and written again; it holds nothing and stays.
const LOCK: &str = "lock";
/// Others hold it for seconds at most.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Adds to what a file holds now, under a lock, and returns what it holds then. A file with damage is kept beside under a
/// name that nobody reads, and its good lines go on. `goes_on` is asked while another process holds the lock.
///
/// # Errors
/// [`RecordError`]; then nothing was written.
pub(super) fn grow<T: Serialize + DeserializeOwned>(
    path: &Path,
    what: &str,
    goes_on: &dyn Fn() -> bool,
    add: impl FnOnce(Vec<T>) -> Vec<T>,
) -> Result<Lines<T>, RecordError> {
    let _lock = lock(path, goes_on)?;
    let Lines { good, mut damage } = lines::read_if_there(path, what)?;
    if !damage.is_empty() {
        let aside = file::aside(path);
        write(&aside, &lines::bytes(path)?)?;
        let name = aside.file_name().unwrap_or_default().display();
        damage.push(RecordError::new(
            path,
            format!("as it was it is kept as {name}; its other lines stay"),
        ));
    }
    let good = add(good);
    write(path, &lines::written(path, &good)?)?;
    Ok(Lines { good, damage })
}

/// Waits for the lock of a file's folder, which is made if there is none.
fn lock(path: &Path, goes_on: &dyn Fn() -> bool) -> Result<File, RecordError> {
    let place = path.with_file_name(LOCK);
    let fault = |what: String| RecordError::new(&place, what);
    let busy = |what: String| RecordError::busy(&place, what);
    if let Some(folder) = path.parent() {
        file::make_folder(folder).map_err(|e| fault(format!("cannot make it: {e}")))?;
    }
    let lock = file::open_lock(&place).map_err(|e| fault(format!("cannot open it: {e}")))?;
    let since = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::Error(error)) => {
                return Err(fault(format!("cannot lock it: {error}")));
            }
            Err(TryLockError::WouldBlock) if !goes_on() => {
                return Err(busy(
                    "another process writes in this folder; stopped while waiting for it".into(),
                ));
            }
            Err(TryLockError::WouldBlock) if since.elapsed() > LONGEST_WAIT => {
                return Err(busy(format!(
                    "another process has been writing in this folder for {} seconds: see what it does, and try again",
                    LONGEST_WAIT.as_secs()
                )));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
        }
    }
}
