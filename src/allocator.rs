//! What becomes of memory that a step frees?
//!
//! The next step takes it. The program's allocator gives memory back to the system after a moment by itself, and
//! every step then pays for pages that it had already: a training step of AlexNet, whose gradients and
//! velocities are half a gigabyte, takes twice as long.

#![allow(unsafe_code)]

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};

/// `mi_option_purge_delay`, for which the crate has no name: milliseconds until freed memory goes back.
const PURGE_DELAY: mi_option_t = 15;

/// Never, in mimalloc's words.
const NEVER: core::ffi::c_long = -1;

/// Lets mimalloc keep what is freed for the rest of the process, which then holds as much as it needed at its
/// peak. Of no effect on a process with another allocator.
pub fn keep_freed_memory() {
    // SAFETY: the option is in mimalloc's list, whose length it checks besides; options are atomic numbers
    unsafe { mi_option_set(PURGE_DELAY, NEVER) };
}

/// Whether it does.
pub fn keeps_freed_memory() -> bool {
    // SAFETY: as above
    unsafe { mi_option_get(PURGE_DELAY) == NEVER }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mimalloc 3 waits a second unless told otherwise (`purge_delay` in its options.c); its neighbours in the
    /// list have other defaults.
    #[test]
    fn the_option_is_the_delay() {
        if std::env::var_os("MIMALLOC_PURGE_DELAY").is_some() {
            return;
        }
        // SAFETY: as above
        assert_eq!(unsafe { mi_option_get(PURGE_DELAY) }, 1000);
        keep_freed_memory();
        assert!(keeps_freed_memory());
    }
}
