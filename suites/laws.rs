//! Laws: what must hold for every model, every suite, every module and every page.
#![allow(clippy::unwrap_used, reason = "a law panics where it is broken")]

mod laws {
    pub mod arguments;
    pub mod arrays;
    pub mod bench;
    pub mod cpu;
    pub mod damage;
    pub mod digests;
    pub mod document;
    pub mod every_op;
    pub mod experiments;
    pub mod exported;
    pub mod foreign;
    pub mod gpu;
    pub mod gradients;
    pub mod graphs;
    pub mod linear;
    pub mod logits;
    pub mod memory;
    pub mod modules;
    pub mod net;
    pub mod ops;
    pub mod pages;
    pub mod plans;
    pub mod pools;
    pub mod shared;
    pub mod suites;
    pub mod training;
    pub mod written;
    pub mod zoo;
}

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut trials: Vec<Trial> = Vec::new();
    trials.extend(laws::zoo::trials());
    trials.extend(laws::written::trials());
    trials.extend(laws::arguments::trials());
    trials.extend(laws::graphs::trials());
    trials.extend(laws::digests::trials());
    trials.extend(laws::suites::trials());
    trials.extend(laws::document::trials());
    trials.extend(laws::experiments::trials());
    trials.extend(laws::plans::trials());
    trials.extend(laws::modules::trials());
    trials.extend(laws::pages::trials());
    trials.extend(laws::training::trials());
    trials.extend(laws::bench::trials());
    trials.extend(laws::gpu::trials());
    #[cfg(feature = "cuda")]
    {
        trials.push(laws::gpu::device::compiles());
        trials.extend(laws::gpu::device::trials());
    }
    trials.extend(laws::damage::trials());
    trials.extend(laws::shared::trials());
    trials.extend(laws::logits::trials());
    trials.extend(laws::ops::trials());
    trials.extend(laws::linear::trials());
    trials.extend(laws::pools::trials());
    trials.extend(laws::arrays::trials());
    trials.extend(laws::foreign::trials());
    trials.extend(laws::exported::trials());
    trials.extend(laws::gradients::trials());
    trials.extend(laws::every_op::trials());
    trials.extend(laws::net::trials());
    trials.extend(laws::cpu::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A law as a test; the law panics where it is broken.
fn law(name: impl Into<String>, holds: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        holds();
        Ok(())
    })
}

/// A folder or file of the repository.
fn repository(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
