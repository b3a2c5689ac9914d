//! Timings put side by side: engines in a row, kernels against what the machine can do.

use crate::bench::{Engine, Pass, Ratio, Resource, Setting, Step, Timing, What, against, median};

/// A step of a network, by every engine that took it.
pub(super) struct Network<'a> {
    pub model: &'a str,
    pub batch: usize,
    pub step: Step,
    pub setting: Setting<'a>,
    /// In the order of [`ENGINES`].
    pub measured: [Option<Measured>; ENGINES.len()],
    /// How many times as long each peer takes.
    pub ratios: [Option<Ratio>; PEERS.len()],
}

/// Networks that were timed in the same numbers on the same machine.
pub(super) struct Section<'a> {
    /// In which, and where; nothing if all were.
    pub title: Option<String>,
    pub networks: Vec<Network<'a>>,
}

/// This program and its peers.
pub(super) const ENGINES: [Engine; 4] = [
    Engine::Convcheck,
    Engine::Pytorch,
    Engine::PytorchCompiled,
    Engine::Candle,
];
/// The peers.
pub(super) const PEERS: [Engine; 3] = [Engine::Pytorch, Engine::PytorchCompiled, Engine::Candle];

/// The samples of a measurement, all rounds together.
pub(super) struct Measured {
    pub median: f64,
    pub low: f64,
    pub high: f64,
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

/// Steps of networks, in the order of the record.
pub(super) fn sections(timings: &[Timing]) -> Vec<Section<'_>> {
    let place = |network: &Network| {
        let Setting { dtype, machine, .. } = network.setting;
        (
            dtype.to_string(),
            network.setting.threads,
            machine.to_string(),
        )
    };
    let mut sections: Vec<Section> = Vec::new();
    for network in networks(timings) {
        let same = |section: &&mut Section| place(&section.networks[0]) == place(&network);
        match sections.iter_mut().find(same) {
            Some(section) => section.networks.push(network),
            None => sections.push(Section {
                title: None,
                networks: vec![network],
            }),
        }
    }
    if sections.len() > 1 {
        for section in &mut sections {
            let (dtype, threads, machine) = place(&section.networks[0]);
            section.title = Some(format!("{dtype}, {}, {machine}", counted(threads)));
        }
    }
    sections
}

fn counted(threads: usize) -> String {
    match threads {
        1 => "1 thread".into(),
        threads => format!("{threads} threads"),
    }
}

fn networks(timings: &[Timing]) -> Vec<Network<'_>> {
    let mut networks: Vec<Network> = Vec::new();
    for setting in timings.iter().map(Timing::setting) {
        let What::Network { model, batch, step } = setting.what else {
            continue;
        };
        if networks.iter().any(|network| network.setting == setting) {
            continue;
        }
        networks.push(Network {
            model,
            batch: *batch,
            step: *step,
            setting,
            measured: ENGINES.map(|engine| measured(timings, engine, setting)),
            ratios: PEERS.map(|peer| against(timings, setting, peer)),
        });
    }
    networks
}

fn measured(timings: &[Timing], engine: Engine, setting: Setting) -> Option<Measured> {
    let of = |timing: &&Timing| (timing.engine, timing.setting()) == (engine, setting);
    let samples: Vec<f64> = timings
        .iter()
        .filter(of)
        .flat_map(|timing| timing.seconds.iter().copied())
        .collect();
    Some(Measured {
        median: median(&samples),
        low: samples.iter().copied().reduce(f64::min)?,
        high: samples.iter().copied().reduce(f64::max)?,
    })
}

/// Numbers of threads that kernels had, in the order of the record.
pub(super) fn kernel_threads(timings: &[Timing]) -> Vec<usize> {
    let mut threads = Vec::new();
    for timing in timings {
        if matches!(timing.what, What::Kernel { .. }) && !threads.contains(&timing.threads) {
            threads.push(timing.threads);
        }
    }
    threads
}

/// The best of what was measured on so many threads.
pub(super) fn roof(timings: &[Timing], threads: usize) -> Option<Roof> {
    let best = |resource: Resource| {
        let rates = timings.iter().filter_map(|timing| match timing.what {
            What::Peak { of, work } if of == resource && timing.threads == threads => {
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

/// Kernels on so many threads, in the order of the record.
pub(super) fn kernels(timings: &[Timing], threads: usize) -> Vec<Kernel<'_>> {
    let roof = roof(timings, threads);
    let mut seen: Vec<&What> = Vec::new();
    let mut kernels = Vec::new();
    for timing in timings.iter().filter(|timing| timing.threads == threads) {
        let What::Kernel {
            name,
            pass,
            flop,
            bytes,
        } = &timing.what
        else {
            continue;
        };
        if seen.contains(&&timing.what) {
            continue;
        }
        seen.push(&timing.what);
        let Some(measured) = measured(timings, timing.engine, timing.setting()) else {
            continue;
        };
        let (flop, bytes) = (*flop as f64, *bytes as f64);
        let rate = flop / measured.median;
        kernels.push(Kernel {
            name,
            pass: *pass,
            seconds: measured.median,
            intensity: flop / bytes,
            rate,
            traffic: bytes / measured.median,
            of_peak: roof.map(|roof| rate / roof.flop_per_second),
            of_roof: roof.map(|roof| rate / roof.at(flop / bytes)),
        });
    }
    kernels
}

/// Where, when and by what was measured, a line each.
pub(super) fn machines(timings: &[Timing]) -> Vec<String> {
    let mut lines = Vec::new();
    for timing in timings {
        let threads = counted(timing.threads);
        let line = format!(
            "{} {}, {}, {threads}, {}, {}",
            timing.engine.name(),
            timing.version,
            timing.dtype,
            timing.date,
            timing.machine
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}
