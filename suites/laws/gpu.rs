//! Laws over networks on a GPU.

#[cfg(feature = "cuda")]
pub mod device;

use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    #[cfg(feature = "cuda")]
    return device::trials();
    #[cfg(not(feature = "cuda"))]
    Vec::new()
}
