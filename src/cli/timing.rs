//! The command that measures: from options to timings.

use super::device::DeviceOptions;
use super::progress::Bar;
use super::said::{Said, json_lines, lacks, wrong};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use convcheck::bench::{BenchError, Engine, NETS, OnDevice, StepKind, Timing, What, Workload};
use convcheck::bench::{WARM_UP, kernels, peaks, samples};
use convcheck::experiment::By;
use convcheck::gpu::Gpu;
use convcheck::record::{self, Lines};
use convcheck::zoo::{Model, Registry};
use convcheck::{device, report};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct TimeOptions {
    /// Names of models, as `convcheck list models` prints them, with arguments or not; without one those of `cargo bench`.
    pub models: Vec<String>,
    /// Images at once; can be given several times.
    #[arg(long = "batch", value_name = "N")]
    pub batches: Vec<usize>,
    /// Which step; without one both.
    #[arg(long = "step")]
    pub steps: Vec<StepOption>,
    #[command(flatten)]
    pub on: DeviceOptions,
    /// Samples of each step, after a warm-up.
    #[arg(long, value_name = "K", default_value_t = 10)]
    pub samples: usize,
    /// Measure layers by themselves too, and the most that this machine can do; without a model these alone.
    #[arg(long)]
    pub kernels: bool,
    /// Print JSON, a line for each thing measured.
    #[arg(long)]
    pub json: bool,
    /// Write it as Markdown too.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Add what is measured to this folder's throughput.jsonl, which `convcheck report` shows.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Measure nothing and print what this folder's throughput.jsonl holds.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["models", "batches", "steps", "device", "precision", "samples", "kernels", "output"])]
    pub from: Option<PathBuf>,
}

/// Steps of a network.
#[derive(Clone, Copy, ValueEnum)]
pub enum StepOption {
    /// Forward, in evaluation mode.
    Inference,
    /// Forward, loss, backward, update.
    Training,
}

impl From<StepOption> for StepKind {
    fn from(option: StepOption) -> StepKind {
        match option {
            StepOption::Inference => StepKind::Inference,
            StepOption::Training => StepKind::Training,
        }
    }
}

/// Measures, as long as `goes_on`, or reads what was measured, and says it.
pub fn time(
    options: &TimeOptions,
    registry: &Registry,
    by: &By,
    goes_on: &dyn Fn() -> bool,
) -> Result<Said> {
    let Lines {
        good: timings,
        damage,
    } = match &options.from {
        Some(folder) => recorded(folder)?,
        None => measure(options, registry, by, goes_on)?,
    };
    wrong(&damage);
    if let Some(file) = &options.markdown {
        record::write(file, report::speed_markdown(&timings).as_bytes())?;
    }
    let text = report::speed_text(&timings);
    let text = match options.json {
        true => json_lines(&timings)?,
        false if options.from.is_some() => text,
        false => {
            let on = match options.on.gpu()? {
                None => device::measured(),
                Some(_) => &timings[0].machine,
            };
            format!("{on}\n{text}")
        }
    };
    Ok(Said {
        text,
        outcome: lacks(&damage),
    })
}

/// The timings of a folder.
fn recorded(folder: &Path) -> Result<Lines<Timing>> {
    let timings = record::load_throughput(folder)?;
    match (timings.good.is_empty(), timings.damage.is_empty()) {
        (true, true) => bail!("{}: holds no {}", folder.display(), record::THROUGHPUT),
        // of no line that could be shown, the first says why
        (true, false) => Ok(Lines {
            good: timings.whole()?,
            damage: Vec::new(),
        }),
        (false, _) => Ok(timings),
    }
}

/// Measures what the options name. Beside it stands what is wrong with the record that it was added to.
fn measure(
    options: &TimeOptions,
    registry: &Registry,
    by: &By,
    goes_on: &dyn Fn() -> bool,
) -> Result<Lines<Timing>> {
    if options.samples == 0 {
        bail!("--samples is 0: nothing would be measured");
    }
    if options.on.gpu()?.is_some() && options.kernels {
        bail!("--kernels measures the CPU: leave out --device cuda");
    }
    if let Some(folder) = &options.output {
        // what cannot be read at all is said before anything is measured
        record::load_throughput(folder)?;
    }
    let networks = networks(options, registry)?;
    let gpu = options.on.to_time()?;
    let kernels = match options.kernels {
        true => kernels(),
        false => Vec::new(),
    };
    let progress = Bar::steps(networks.len() + kernels.len())?;
    let version = version(by);
    let mut timings = Vec::new();
    let timing = |what: What, samples| {
        let engine = (Engine::Convcheck, version.as_str());
        Timing::new(engine, (&by.machine, &by.date), what, samples)
    };
    let samples = |step: &mut dyn FnMut() -> Result<(), BenchError>| {
        samples(WARM_UP, options.samples, goes_on, step).context("nothing was written")
    };
    if options.kernels {
        for mut peak in peaks() {
            progress.at("peak");
            timings.push(timing(peak.what(), samples(&mut || peak.run())?));
        }
    }
    for kernel in kernels {
        let what = kernel.what();
        progress.at("layers by themselves");
        timings.push(timing(what, samples(&mut kernel.ready()?)?));
        progress.step(1);
    }
    for (model, batch, step) in networks {
        progress.at(&model.name);
        timings.push(match &gpu {
            None => {
                let mut workload = Workload::new(&model, batch, step)?;
                let samples = samples(&mut || workload.run())?;
                timing(workload.what().clone(), samples)
            }
            Some((precision, gpu)) => {
                let machine = |bytes, batch| gpu.machine(bytes, batch, None);
                let mut workload = OnDevice::new(&model, batch, step, *precision, machine)?;
                let samples = samples(&mut || workload.run())?;
                let timing = timing(workload.what().clone(), samples);
                let machine = workload.session().machine();
                for why in machine.not_captured() {
                    progress.note(&format!("{}: not replayed as a whole: {why}", model.name));
                }
                Timing {
                    dtype: precision.name().to_string(),
                    machine: machine.description().to_string(),
                    ..timing
                }
            }
        });
        progress.step(1);
    }
    let damage = match &options.output {
        Some(folder) => record::add_throughput(folder, &timings, goes_on)?.damage,
        None => Vec::new(),
    };
    Ok(Lines {
        good: timings,
        damage,
    })
}

/// The version, with the commit where it is known.
fn version(by: &By) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match &by.commit {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_string(),
    }
}

/// Each network with each batch and each step.
fn networks(options: &TimeOptions, registry: &Registry) -> Result<Vec<(Model, usize, StepKind)>> {
    let names: Vec<&str> = match options.models.as_slice() {
        [] if options.kernels => Vec::new(),
        [] => NETS.iter().map(|(name, _)| *name).collect(),
        names => names.iter().map(String::as_str).collect(),
    };
    let steps: Vec<StepKind> = match options.steps.as_slice() {
        [] => StepKind::ALL.to_vec(),
        steps => steps.iter().map(|&step| step.into()).collect(),
    };
    let mut all = Vec::new();
    for name in names {
        let model = registry.find(name)?;
        let usual = NETS.iter().find(|(net, _)| *net == name);
        let usual = usual.map_or([1, 8], |(_, batches)| *batches);
        let batches = match options.batches.as_slice() {
            [] => &usual[..],
            batches => batches,
        };
        for &batch in batches {
            if batch == 0 {
                bail!("--batch is 0: there would be no image");
            }
            all.extend(steps.iter().map(|&step| (model.clone(), batch, step)));
        }
    }
    Ok(all)
}
