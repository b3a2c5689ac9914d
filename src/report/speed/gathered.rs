//! Timings put side by side: engines in a row, kernels against what the machine can do.

use crate::bench::{
    Best, Engine, Pass, Platform, Resource, StepKind, Timing, What, best, median, platforms, rows,
    seconds,
};

/// A step of a network, by every engine that took it.
pub(super) struct Network<'a> {
    pub model: &'a str,
    pub batch: usize,
    pub step: StepKind,
    /// In the order of [`ENGINES`].
    pub measured: [Option<Measured>; ENGINES.len()],
    /// How many times as long the best peer takes.
    pub best: Option<Best>,
}

impl Network<'_> {
    /// Whether an engine took it.
    pub(super) fn is_by(&self, engine: Engine) -> bool {
        let mut all = ENGINES.iter().zip(&self.measured);
        all.any(|(one, measured)| *one == engine && measured.is_some())
    }
}

/// What was timed on one platform.
pub(super) struct Section<'a> {
    /// Which platform, if there are several.
    pub title: Option<String>,
    pub threads: usize,
    pub networks: Vec<Network<'a>>,
    pub kernels: Vec<Kernel<'a>>,
    pub roof: Option<Roof>,
}

impl Section<'_> {
    /// The number of a kernel, from 1; its passes have one.
    pub(super) fn number(&self, kernel: &Kernel) -> usize {
        let mut names: Vec<&str> = self.kernels.iter().map(|kernel| kernel.name).collect();
        names.dedup();
        let place = names.iter().position(|name| *name == kernel.name);
        1 + place.unwrap_or(0)
    }
}

/// This program and its peers.
pub(super) const ENGINES: [Engine; 1 + Engine::PEERS.len()] = {
    let mut engines = [Engine::Convcheck; 1 + Engine::PEERS.len()];
    let (_, peers) = engines.split_at_mut(1);
    peers.copy_from_slice(&Engine::PEERS);
    engines
};

/// The samples of a measurement, all rounds together.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    /// What a step takes of the processors on average, in seconds.
    pub cpu: Option<f64>,
}

/// A kernel, and how near it comes.
pub(super) struct Kernel<'a> {
    pub name: &'a str,
    pub pass: Pass,
    pub seconds: f64,
    /// Operations a byte.
    pub intensity: f64,
    /// Operations a second.
    pub rate: f64,
    /// Bytes a second.
    pub traffic: f64,
    /// The share of the most operations that the machine can do.
    pub of_peak: Option<f64>,
    /// The share of the most that it can do at that many operations a byte.
    pub of_roof: Option<f64>,
}

/// The most that the machine can do.
#[derive(Clone, Copy)]
pub(super) struct Roof {
    pub flop_per_second: f64,
    pub bytes_per_second: f64,
}

impl Roof {
    /// Operations a second at so many operations a byte.
    pub(super) fn at(self, intensity: f64) -> f64 {
        self.flop_per_second.min(intensity * self.bytes_per_second)
    }
}

/// What was timed, platform by platform, in the order of the record.
pub(super) fn sections(timings: &[Timing]) -> Vec<Section<'_>> {
    let platforms = platforms(timings);
    let section = |&platform: &Platform| {
        let roof = roof(timings, platform);
        Section {
            title: (platforms.len() > 1).then(|| platform.to_string()),
            threads: platform.threads,
            networks: networks(timings, platform),
            kernels: kernels(timings, platform, roof),
            roof,
        }
    };
    platforms.iter().map(section).collect()
}

fn networks<'a>(timings: &'a [Timing], platform: Platform) -> Vec<Network<'a>> {
    let network = |what: &'a What| match what {
        What::Network { model, batch, step } => Some(Network {
            model,
            batch: *batch,
            step: *step,
            measured: ENGINES.map(|engine| measured(timings, engine, what, platform)),
            best: best(timings, what, platform),
        }),
        What::Kernel { .. } | What::Peak { .. } => None,
    };
    rows(timings, platform)
        .into_iter()
        .filter_map(network)
        .collect()
}

fn measured(
    timings: &[Timing],
    engine: Engine,
    what: &What,
    platform: Platform,
) -> Option<Measured> {
    let samples = seconds(timings, engine, what, platform);
    let timings = timings
        .iter()
        .filter(|timing| timing.is(engine, what, platform));
    let cpu = timings.filter_map(|timing| Some((timing.cpu_seconds?, timing.seconds.len())));
    let (cpu, steps) = cpu.fold((0.0, 0), |(cpu, steps), (more, n)| (cpu + more, steps + n));
    Some(Measured {
        median: median(&samples),
        low: samples.iter().copied().reduce(f64::min)?,
        high: samples.iter().copied().reduce(f64::max)?,
        cpu: (steps > 0).then(|| cpu / steps as f64),
    })
}

/// The best of what was measured on a platform.
fn roof(timings: &[Timing], platform: Platform) -> Option<Roof> {
    let here = timings
        .iter()
        .filter(|timing| timing.platform() == platform);
    let best = |resource: Resource| {
        let rates = here.clone().filter_map(|timing| match timing.what {
            What::Peak { of, work } if of == resource => {
                let fastest = timing.seconds.iter().copied().reduce(f64::min)?;
                Some(work as f64 / fastest)
            }
            _ => None,
        });
        rates.reduce(f64::max)
    };
    Some(Roof {
        flop_per_second: best(Resource::Arithmetic)?,
        bytes_per_second: best(Resource::Memory)?,
    })
}

/// The kernels of this program.
fn kernels<'a>(timings: &'a [Timing], platform: Platform, roof: Option<Roof>) -> Vec<Kernel<'a>> {
    let kernel = |what: &'a What| {
        let What::Kernel {
            name,
            pass,
            flop,
            bytes,
        } = what
        else {
            return None;
        };
        let measured = measured(timings, Engine::Convcheck, what, platform)?;
        let (flop, bytes) = (*flop as f64, *bytes as f64);
        let rate = flop / measured.median;
        Some(Kernel {
            name,
            pass: *pass,
            seconds: measured.median,
            intensity: flop / bytes,
            rate,
            traffic: bytes / measured.median,
            of_peak: roof.map(|roof| rate / roof.flop_per_second),
            of_roof: roof.map(|roof| rate / roof.at(flop / bytes)),
        })
    };
    rows(timings, platform)
        .into_iter()
        .filter_map(kernel)
        .collect()
}

/// Where, when and by what was measured, a line each.
pub(super) fn machines(timings: &[Timing]) -> Vec<String> {
    let mut lines = Vec::new();
    for timing in timings {
        let (engine, platform) = (timing.engine.name(), timing.platform());
        let line = format!("{engine} {}, {}, {platform}", timing.version, timing.date);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}
