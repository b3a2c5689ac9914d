//! Which machine is this? The one place that asks.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// Processor, cores, memory and operating system, in a line.
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
        "{processor}, {cores} cores, {memory}{} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}
