//! What can be typed: the one list from which parsing, help and completions derive.

pub mod check;
pub mod compare;
pub mod data;
pub mod device;
pub mod difference;
mod duration;
pub mod export;
mod left;
pub mod merge;
pub mod networks;
pub mod plan;
pub mod progress;
pub mod runs;
pub mod said;
pub mod show;
pub mod timing;
pub mod training;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use convcheck::run::WeightSource;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Checks what texts claim about convolutional networks: a built-in article, or texts of your own.
///
/// Without a command: checks every claim that this machine can decide, and writes a report.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 nothing fails; 1 a verdict differs from the recorded one, or a claim without a recorded verdict is refuted; 2 could not run; 75 try again: stopped on request (SIGINT, SIGTERM, --until), or another process is at it."
)]
pub struct Cli {
    /// Folder of a project, with its convcheck.toml; without one the nearest, from here upwards.
    #[arg(long, value_name = "DIR", global = true)]
    pub project: Option<PathBuf>,
    #[command(flatten)]
    pub job: JobOptions,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is asked of the job without a command.
#[derive(Args)]
pub struct JobOptions {
    /// Folder for the report and its records; finished runs in it count, and
    /// all of them stay. Without one `reports/latest`, in the folder of the project if there is one.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Folder of suites to check, instead of those of the project, or about the built-in article.
    #[arg(long, value_name = "DIR")]
    pub suites: Option<PathBuf>,
    /// Run the measures too that take long.
    #[arg(long)]
    pub all: bool,
    /// Leave out the training of the quick experiments.
    #[arg(long)]
    pub no_training: bool,
    /// Folder with finished runs of experiments (training.jsonl) that count too, and with timings (throughput.jsonl) that
    /// measures may ask for, in it or in folders within it; without one `reports`, if it is there, in the folder of the project if there is one.
    #[arg(long, value_name = "DIR")]
    pub runs: Vec<PathBuf>,
}

impl Cli {
    /// Reads arguments.
    ///
    /// # Errors
    /// What clap says, and options that a command would not heed: those of the job without a command in front of it, and
    /// a project where it looks at none.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
        let mut command = Cli::command();
        let matches = command.try_get_matches_from_mut(args)?;
        if let Some((name, own)) = matches.subcommand() {
            let job = JobOptions::augment_args(clap::Command::new("job"));
            let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
            let astray = job
                .get_arguments()
                .find(|option| typed(option.get_id().as_str()));
            if let Some(option) = astray.and_then(clap::Arg::get_long) {
                let what = format!(
                    "`--{option}` in front of `{name}` is for the job without a command: options of `{name}` stand behind it"
                );
                return Err(command.error(ErrorKind::ArgumentConflict, what));
            }
            let has_folder = own.try_contains_id("folder").is_ok_and(|known| known);
            let astray = match name {
                "schema" | "compare" | "merge" | "data" | "completions" => {
                    Some("looks at no project")
                }
                "init" if has_folder => Some("has its folder already"),
                _ => None,
            };
            if let Some(why) = astray.filter(|_| typed("project")) {
                let what = format!("`--project` with `{name}`, which {why}: leave it out");
                return Err(command.error(ErrorKind::ArgumentConflict, what));
            }
        }
        Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// Check claims and print each verdict.
    Check(CheckOptions),
    /// List what there is.
    List {
        /// What to list.
        #[command(subcommand)]
        what: List,
        /// Print JSON.
        #[arg(long, global = true)]
        json: bool,
    },
    /// Show a model's layers, tensors and totals.
    Show(ShowOptions),
    /// Show in what two networks differ, layer by layer: exit code 1 where they do, 0 where they compute the same.
    Diff(DiffOptions),
    /// Say which registered networks are nearest to a file of a network, or to a checkpoint, and what differs.
    Identify(IdentifyOptions),
    /// Write a network as a file that other programs run.
    Export(ExportOptions),
    /// Render the report again from its records; nothing is measured.
    Report(ReportOptions),
    /// Show what changed between two records; exit code 1 when something that held no longer does.
    Compare(CompareOptions),
    /// Bring the finished runs and timings of several folders, from several machines, into the records of one, each once;
    /// begun runs are taken over where they are further than here.
    Merge(MergeOptions),
    /// Hold every model against reference data (models.json, layers/, keys/) and print each
    /// disagreement.
    Reference {
        /// Folder of the reference data.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Run a network on one batch; safetensors in (tensor `input`) and out (tensor `output`).
    Forward(ForwardOptions),
    /// Run a network over the test images of CIFAR-10 or CIFAR-100 (binary version).
    Eval(EvalOptions),
    /// Train the arms of an experiment and answer its questions; runs are kept in the folder of the
    /// report, and go on from there when they were stopped.
    Train(TrainOptions),
    /// Measure how long steps of networks take, on the CPU or a GPU; RAYON_NUM_THREADS sets the CPU's threads.
    Time(timing::TimeOptions),
    /// Begin a project of your own: a small one that works, with a comment on each line.
    Init {
        /// Its folder; without one that of --project, or this one.
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Print the JSON Schema of suites, or of other files that you write.
    Schema {
        /// Of which files.
        #[arg(default_value = "suite")]
        of: SchemaOf,
    },
    /// Look into a data set, divide it, or download it.
    Data {
        #[command(subcommand)]
        what: data::DataCommand,
    },
    /// Print a completion script.
    Completions {
        /// Which shell it is for.
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
pub struct CheckOptions {
    /// Only claims whose id contains this.
    pub filter: Option<String>,
    /// Run the measures too that take long.
    #[arg(long)]
    pub all: bool,
    /// Folder of suites to check, instead of those of the project, or about the built-in article.
    #[arg(long, value_name = "DIR")]
    pub suites: Option<PathBuf>,
    /// Folder with finished runs of experiments (training.jsonl) and timings (throughput.jsonl), in it or in folders within
    /// it, by which claims about training and speed are judged; without one `reports`, if it is there.
    #[arg(long, value_name = "DIR")]
    pub runs: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Write JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write a summary in Markdown.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
}

#[derive(Args)]
pub struct ReportOptions {
    /// Folder with the records; without one `reports/latest`, in the folder of the project if there is one.
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Folder of suites that the records belong to, instead of those of the project, or about the built-in article.
    #[arg(long, value_name = "DIR")]
    pub suites: Option<PathBuf>,
    /// Folder for the pages, if not that of the records.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Args)]
pub struct CompareOptions {
    /// Folder of the earlier record.
    pub before: PathBuf,
    /// Folder of the later record.
    pub after: PathBuf,
    /// Write the changes in Markdown.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Write the changes as a page.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

#[derive(Args)]
pub struct MergeOptions {
    /// Folder whose records grow; it is made if it is not there.
    #[arg(value_name = "OUT")]
    pub into: PathBuf,
    /// Folders with finished runs (training.jsonl, runs) or timings (throughput.jsonl); they stay as they are.
    #[arg(value_name = "IN", required = true)]
    pub from: Vec<PathBuf>,
}

#[derive(Args)]
pub struct ShowOptions {
    /// Name of a model, as `convcheck list models` prints it; `resnet18{classes=10}` gives it arguments.
    pub model: String,
    /// Another input size, for example 3x256x256.
    #[arg(long, value_name = "CxHxW")]
    pub input: Option<String>,
    /// Draw it into a file.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Print it as a description in TOML, which a file `mynet.toml` may have: `convcheck show mynet.toml`.
    #[arg(long, conflicts_with = "json")]
    pub toml: bool,
    /// Sum up layers below so many scopes, a row a scope.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub depth: Option<u16>,
    /// Samples in the batch whose memory is counted.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: u32,
}

#[derive(Args)]
pub struct DiffOptions {
    /// A model, as `convcheck list models` prints it, with or without arguments; a file of a network (.pt2); or a checkpoint, of which
    /// tensors are compared by name and shape.
    pub a: String,
    /// The other.
    pub b: String,
    /// Layers that are the same under other names count as differences too.
    #[arg(long)]
    pub names: bool,
    /// What differs in training alone counts too: momentum of running statistics, dropout.
    #[arg(long)]
    pub training: bool,
    /// Write a page with both drawings.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct IdentifyOptions {
    /// File of a network (.pt2, .onnx, .toml), or checkpoint (safetensors or PyTorch).
    pub file: String,
    /// Print JSON: the nearest networks, and what differs from each.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct ExportOptions {
    /// Name of a model, as `convcheck list models` prints it; `resnet18{classes=10}` gives it arguments; or a file of one.
    pub model: String,
    /// File of ONNX to write: what the network predicts, in single precision, for as many samples as one likes.
    #[arg(long, value_name = "FILE", required_unless_present = "pt2")]
    pub onnx: Option<PathBuf>,
    /// The same as a file that `torch.export.load` reads.
    #[arg(long, value_name = "FILE")]
    pub pt2: Option<PathBuf>,
    /// Checkpoint (safetensors or PyTorch), or weights that depend on names alone: `fill:default`,
    /// `fill:gain1`, or untrained ones: `seed:N`. A network of a .pt2 or ONNX file has the file's own where nothing is said.
    #[arg(long, value_name = "FILE|fill:default|fill:gain1|seed:N")]
    pub weights: Option<WeightSource>,
    /// Key of the dict of tensors that is meant, where a checkpoint holds several: `model_ema`, `checkpoint.model`; `.` for all of it.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

#[derive(Args)]
pub struct ForwardOptions {
    /// Name of a model, as `convcheck list models` prints it; `resnet18{classes=10}` gives it arguments.
    pub model: String,
    /// Checkpoint (safetensors or PyTorch), or weights that depend on names alone: `fill:default`,
    /// `fill:gain1`, or untrained ones: `seed:N`. A network of a .pt2 or ONNX file has the file's own where nothing is said.
    #[arg(long, value_name = "FILE|fill:default|fill:gain1|seed:N")]
    pub weights: Option<WeightSource>,
    /// Key of the dict of tensors that is meant, where a checkpoint holds several: `model_ema`, `checkpoint.model`; `.` for all of it.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// File with the batch, or `fill` for two samples of numbers that depend on nothing.
    #[arg(long, value_name = "FILE|fill")]
    pub input: PathBuf,
    /// File for the result.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Type of number to compute with.
    #[arg(long, default_value = "f32")]
    pub dtype: Real,
    /// Compute every convolution by its definition, as f64 does anyway, and none by Winograd's filtering: slower, with smaller
    /// rounding errors.
    #[arg(long)]
    pub direct: bool,
}

#[derive(Args)]
pub struct EvalOptions {
    /// Name of a model, as `convcheck list models` prints it; `resnet18{classes=10}` gives it arguments.
    pub model: String,
    /// Checkpoint: safetensors or PyTorch. A network of a .pt2 or ONNX file has the file's own where nothing is said.
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Key of the dict of tensors that is meant, where a checkpoint holds several: `model_ema`, `checkpoint.model`; `.` for all of it.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Folder of the data set.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// How colours are normalised, as in the network's training: `imagenet` (many use it for CIFAR too),
    /// `cifar10`, `cifar100`, `none`, `cifar10-per-image` (0.2023, 0.1994, 0.2010: the mean of each image's own
    /// deviation, in wide use), or means and deviations: `0.5,0.5,0.5/0.25,0.25,0.25`.
    #[arg(long, value_name = "NAME|MEANS/DEVIATIONS", default_value = "imagenet")]
    #[arg(allow_hyphen_values = true)]
    pub normalise: String,
    /// Compute every convolution by its definition, and none by Winograd's filtering: slower, with smaller rounding errors.
    #[arg(long)]
    pub direct: bool,
    /// Print JSON: correct, total, error (percent), loss, seconds, what colours were normalised by.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct RunsOptions {
    /// Its name, as `convcheck list experiments` prints it, or a file of your own (NAME.toml).
    #[arg(required_unless_present = "plan")]
    pub experiment: Option<String>,
    /// In place of an experiment, runs of several in order of worth: `full-scale`, or a file of your own (NAME.toml); --data is a
    /// folder then with the data sets in folders that are called as they are (cifar10, mnist).
    #[arg(long, value_name = "PLAN")]
    #[arg(conflicts_with_all = ["experiment", "scale", "arms", "only_seeds", "seeds"])]
    pub plan: Option<String>,
    /// Quick: seconds to a minute, on the embedded digits; full: the experiment's own data and sizes.
    #[arg(long, default_value = "quick")]
    pub scale: ScaleOption,
    /// An arm, and no others; can be given several times.
    #[arg(long = "arm", value_name = "ARM")]
    pub arms: Vec<String>,
    /// Folder with finished runs (training.jsonl), in it or in folders within it, which are those of a plan too.
    #[arg(long, value_name = "DIR", requires = "plan")]
    pub runs: Vec<PathBuf>,
    /// A seed, and no others; can be given several times.
    #[arg(long = "seed", value_name = "K", conflicts_with = "seeds")]
    pub only_seeds: Vec<u64>,
    /// How often each arm is trained, if not as often as the experiment says.
    #[arg(long, value_name = "N")]
    pub seeds: Option<u64>,
    /// Folder of the data set; the embedded digits need none.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Folder for runs and records; without one `reports/latest`, in the folder of the project if there is one.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub on: device::DeviceOptions,
}

impl RunsOptions {
    /// The experiment, where there is no plan.
    pub fn experiment(&self) -> &str {
        self.experiment.as_deref().unwrap_or_default()
    }
}

#[derive(Args)]
pub struct TrainOptions {
    #[command(flatten)]
    pub which: RunsOptions,
    /// Go on with the runs that were stopped.
    #[arg(long)]
    pub resume: bool,
    /// How many runs go side by side on each GPU; 8 without it, fewer where its memory does not suffice.
    #[arg(long, value_name = "N")]
    pub at_once: Option<usize>,
    /// Seconds between snapshots.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub snapshot_every: f64,
    /// Stop after this time, as a signal would: 90s, 9m, 1h30m.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub until: Option<Duration>,
    /// Print JSON: the answers, or where arms or seeds are named, what became of their runs.
    #[arg(long)]
    pub json: bool,
}

/// The scales of experiments.
#[derive(Clone, Copy, ValueEnum)]
pub enum ScaleOption {
    /// On the embedded digits.
    Quick,
    /// On the experiment's own data.
    Full,
}

/// Files that have a schema.
#[derive(Clone, Copy, ValueEnum)]
pub enum SchemaOf {
    /// Suites of claims.
    Suite,
    /// Experiments.
    Experiment,
    /// Plans of runs.
    Plan,
    /// What a report shows of the text beside its claims.
    Report,
    /// The convcheck.toml of a project.
    Project,
    /// Networks in TOML.
    Network,
}

/// Numbers that networks compute with.
#[derive(Clone, Copy, ValueEnum)]
pub enum Real {
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

#[derive(Subcommand)]
pub enum List {
    /// Registered networks and units.
    Models,
    /// Claims of the project, or about the built-in article.
    Claims,
    /// Suites of the project, or about the built-in article.
    Suites,
    /// Functions that a measure may call.
    Functions,
    /// Experiments that can be run.
    Experiments,
    /// The runs of an experiment: how far each is, and about how long it takes on this machine.
    Runs(Box<RunsOptions>),
}
