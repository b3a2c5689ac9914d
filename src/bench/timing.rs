//! What was timed, by whom and where: a line of a record.

use super::Samples;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::fmt;

/// Samples of one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Who computed.
    pub engine: Engine,
    /// Its version.
    pub version: String,
    /// What was timed.
    pub what: What,
    /// Type of number.
    pub dtype: String,
    /// Threads that it had.
    pub threads: usize,
    /// Engines that take turns are compared round by round; from 1.
    pub round: u32,
    /// The machine.
    pub machine: String,
    /// The day, UTC.
    pub date: String,
    /// The samples, each in seconds: at least one, all positive.
    #[serde(deserialize_with = "durations")]
    pub seconds: Vec<f64>,
    /// What all samples together took of the processors, in seconds, those of all threads of the process added up, also of
    /// threads that wait for work by spinning; nothing where that was not measured.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "duration"
    )]
    pub cpu_seconds: Option<f64>,
}

/// In which numbers and where something was timed: timings are compared where all of it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform<'a> {
    /// Type of number.
    pub dtype: &'a str,
    /// Threads.
    pub threads: usize,
    /// The machine.
    pub machine: &'a str,
}

impl fmt::Display for Platform<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Platform {
            dtype,
            threads,
            machine,
        } = self;
        let s = if *threads == 1 { "" } else { "s" };
        write!(f, "{dtype}, {threads} thread{s}, {machine}")
    }
}

/// Who computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// This program.
    Convcheck,
    /// PyTorch, eager.
    Pytorch,
    /// PyTorch, eager, with the channels of a map's place beside each other.
    PytorchChannelsLast,
    /// PyTorch, after `torch.compile`.
    PytorchCompiled,
    /// ONNX Runtime, on what PyTorch exports.
    OnnxRuntime,
    /// OpenVINO, on what PyTorch exports.
    Openvino,
    /// Stock candle layers.
    Candle,
}

/// What is timed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum What {
    /// A step of a network.
    Network {
        /// Registry name.
        model: String,
        /// Images at once.
        batch: usize,
        /// Which step.
        step: StepKind,
    },
    /// One layer by itself.
    Kernel {
        /// Layer and shape.
        name: String,
        /// Which of its passes.
        pass: Pass,
        /// Operations, counted from the shape: two for each multiply-accumulate.
        flop: u64,
        /// Bytes of what it reads and of what it writes, each once.
        bytes: u64,
    },
    /// What the machine can do at most.
    Peak {
        /// Of what.
        of: Resource,
        /// Operations, or bytes, of a sample.
        work: u64,
    },
}

/// A step of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Forward, in evaluation mode.
    Inference,
    /// Forward in training mode, cross-entropy, backward, update by momentum.
    Training,
}

/// A pass of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pass {
    /// The output.
    Forward,
    /// The gradient of the input; of a layer with weights, that alone.
    InputGradient,
    /// The gradient of the weights.
    WeightGradient,
    /// All gradients.
    Backward,
}

/// What bounds a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Multiply-adds in registers.
    Arithmetic,
    /// Memory beyond the caches.
    Memory,
}

impl Timing {
    /// Samples in f32 on this machine, on all threads that there are; `machine` says which it is.
    pub fn new(
        (engine, version): (Engine, &str),
        (machine, date): (&str, &str),
        what: What,
        samples: Samples,
    ) -> Timing {
        let Samples {
            seconds,
            cpu_seconds,
        } = samples;
        Timing {
            engine,
            version: version.to_string(),
            what,
            dtype: "f32".into(),
            threads: rayon::current_num_threads(),
            round: 1,
            machine: machine.to_string(),
            date: date.to_string(),
            seconds,
            cpu_seconds,
        }
    }

    /// In which numbers and where.
    pub fn platform(&self) -> Platform<'_> {
        Platform {
            dtype: &self.dtype,
            threads: self.threads,
            machine: &self.machine,
        }
    }

    /// Whether it is what an engine took for something on a platform.
    pub fn is(&self, engine: Engine, what: &What, platform: Platform) -> bool {
        self.engine == engine && self.platform() == platform && self.what == *what
    }

    /// Whether two are rounds of the same measurement.
    pub fn is_repeated(&self, other: &Timing) -> bool {
        self.is(other.engine, &other.what, other.platform())
    }
}

impl Engine {
    /// The peers of this program.
    pub const PEERS: [Engine; 6] = [
        Engine::Pytorch,
        Engine::PytorchChannelsLast,
        Engine::PytorchCompiled,
        Engine::OnnxRuntime,
        Engine::Openvino,
        Engine::Candle,
    ];

    /// How its makers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Convcheck => "convcheck",
            Engine::Pytorch => "PyTorch",
            Engine::PytorchChannelsLast => "PyTorch channels-last",
            Engine::PytorchCompiled => "PyTorch compiled",
            Engine::OnnxRuntime => "ONNX Runtime",
            Engine::Openvino => "OpenVINO",
            Engine::Candle => "candle",
        }
    }
}

impl StepKind {
    /// Both.
    pub const ALL: [StepKind; 2] = [StepKind::Inference, StepKind::Training];

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            StepKind::Inference => "inference",
            StepKind::Training => "training",
        }
    }
}

impl Pass {
    /// All.
    pub const ALL: [Pass; 4] = [
        Pass::Forward,
        Pass::InputGradient,
        Pass::WeightGradient,
        Pass::Backward,
    ];

    /// In a word or two.
    pub const fn name(self) -> &'static str {
        match self {
            Pass::Forward => "forward",
            Pass::InputGradient => "input gradient",
            Pass::WeightGradient => "weight gradient",
            Pass::Backward => "backward",
        }
    }
}

fn durations<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let seconds = Vec::<f64>::deserialize(from)?;
    match seconds.iter().all(|&s| s > 0.0 && s.is_finite()) && !seconds.is_empty() {
        true => Ok(seconds),
        false => Err(D::Error::custom(
            "`seconds` must hold at least one sample, and only positive numbers",
        )),
    }
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    match Option::<f64>::deserialize(from)? {
        Some(seconds) if seconds < 0.0 || !seconds.is_finite() => Err(D::Error::custom(
            "`cpu_seconds` must be a time, not negative",
        )),
        seconds => Ok(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"engine":"openvino","version":"1","what":{"network":{"model":"m","batch":1,"step":"inference"}},"dtype":"f32","threads":2,"round":1,"machine":"m","date":"1970-01-01","seconds":[0.5]"#;

    /// Lines from before it was measured, and by programs that do not measure it, have no time of processors.
    #[test]
    fn time_of_processors_may_be_absent() {
        let read = |rest: &str| serde_json::from_str::<Timing>(&format!("{LINE}{rest}}}"));
        assert_eq!(read("").unwrap().cpu_seconds, None);
        assert_eq!(
            serde_json::to_string(&read("").unwrap()).unwrap(),
            format!("{LINE}}}")
        );
        let timing = read(",\"cpu_seconds\":0.75").unwrap();
        assert_eq!(
            (timing.engine, timing.cpu_seconds),
            (Engine::Openvino, Some(0.75))
        );
        assert_eq!(read(",\"cpu_seconds\":0").unwrap().cpu_seconds, Some(0.0));
        let error = read(",\"cpu_seconds\":-1").unwrap_err().to_string();
        assert!(error.contains("`cpu_seconds` must be a time"), "{error}");
    }
}
