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

/// Processor, cores, vectors, memory and operating system, in a line.
pub fn describe() -> String {
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
    let memory = system.as_ref().map_or(String::new(), |system| {
        format!("{} GiB, ", system.total_memory() >> 30)
    });
    format!(
        "{processor}, {cores} cores, {}{memory}{} {}",
        vectors(),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
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
