//! Which machine is this? The one place that asks.

use std::path::Path;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// What computes here, for whoever reads measurements.
pub fn measured() -> &'static str {
    // where NVIDIA's driver shows its first card
    match Path::new("/dev/nvidia0").exists() {
        true => "the CPU is measured, not the GPU",
        false => "no GPU here: the CPU is measured",
    }
}

/// A machine that does not say what it is, such as Linux without `/proc`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot tell how much memory this machine has, which records say{}",
    hint()
)]
pub struct Unknown;

/// Where the number stands.
fn hint() -> &'static str {
    match cfg!(target_os = "linux") {
        true => ": /proc/meminfo cannot be read",
        false => "",
    }
}

/// Processor, cores, vectors, memory and operating system, in a line.
///
/// # Errors
/// [`Unknown`] where the system does not say how much memory there is.
pub fn describe() -> Result<String, Unknown> {
    let system = System::new_with_specifics(
        RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram()),
    );
    // a system that does not tell leaves us with what the compiler knows
    let processor = system
        .as_ref()
        .ok()
        .and_then(|system| system.cpus().first())
        .map(|cpu| cpu.brand().trim())
        .filter(|brand| !brand.is_empty())
        .unwrap_or(std::env::consts::ARCH);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // a system of which this library knows nothing says nothing of its memory; one that it knows says how much
    let memory = system.as_ref().map_or(Ok(String::new()), |system| {
        Ok(memory(system.total_memory())? + ", ")
    })?;
    Ok(format!(
        "{processor}, {cores} cores, {}{memory}{} {}",
        vectors(),
        std::env::consts::OS,
        std::env::consts::ARCH
    ))
}

/// Whether the machine has so much memory at all: a system that lends more than it has kills who uses it. One that does not
/// say what it has is believed to have it.
pub(crate) fn has_memory(bytes: usize) -> bool {
    let memory = MemoryRefreshKind::nothing().with_ram();
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(memory));
    let total = system.map_or(0, |system| system.total_memory());
    total == 0 || bytes as u64 <= total
}

/// So many bytes in words.
fn memory(bytes: u64) -> Result<String, Unknown> {
    match (bytes >> 30, bytes >> 20) {
        (0, 0) => Err(Unknown),
        (0, mib) => Ok(format!("{mib} MiB")),
        (gib, _) => Ok(format!("{gib} GiB")),
    }
}

/// The processor's widest vectors, which its name does not tell.
#[cfg(target_arch = "x86_64")]
fn vectors() -> &'static str {
    if std::is_x86_feature_detected!("avx512f") {
        "AVX-512, "
    } else if std::is_x86_feature_detected!("avx2") {
        "AVX2, "
    } else {
        ""
    }
}

/// The processor's widest vectors: every one of its kind has the same.
#[cfg(not(target_arch = "x86_64"))]
fn vectors() -> &'static str {
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_machine_has_all_memory() {
        assert!(has_memory(1));
        assert!(!has_memory(usize::MAX));
    }

    #[test]
    fn no_machine_is_said_to_have_no_memory() {
        assert_eq!(memory(24 << 30), Ok("24 GiB".into()));
        assert_eq!(memory(512 << 20), Ok("512 MiB".into()));
        assert_eq!(memory(0), Err(Unknown));
        assert!(Unknown.to_string().contains("memory"));
    }
}
