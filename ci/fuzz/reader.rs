//! One reader of the program on bytes that libFuzzer makes up, so that they reach as much of it as they can. `READER` says
//! which, since one program links in a twelfth of the time of twelve. `ci/fuzz/run` runs them all.
#![no_main]

use convcheck::data::{self, Fit, Part, division, fetch};
use convcheck::evidence::Evaluator;
use convcheck::experiment::{Experiment, RunPlan};
use convcheck::graph::Shape;
use convcheck::net::checkpoint;
use convcheck::project::Project;
use convcheck::zoo::Registry;
use convcheck::{analysis, claim, document, experiment, foreign, record, reference};
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);
static EXPERIMENTS: LazyLock<Vec<Experiment>> =
    LazyLock::new(|| experiment::embedded(&REGISTRY).expect("those of the program are right"));
static READER: LazyLock<String> =
    LazyLock::new(|| std::env::var("READER").expect("READER says which reader"));

fuzz_target!(|bytes: &[u8]| read(&READER, bytes));

/// What comes out does not matter, only that something does.
fn read(reader: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is within the folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    };
    let with =
        |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("a file");
    let text = String::from_utf8_lossy(bytes);
    let here = folder.path();
    let file = Path::new("file.toml");
    match reader {
        "checkpoint" => drop(checkpoint::read(&at("file"))),
        "mnist-images" => {
            at("t10k-images-idx3-ubyte");
            with(
                "t10k-labels-idx1-ubyte",
                &[0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 9],
            );
            drop(data::mnist(here, Part::Test));
        }
        "mnist-gzip" => {
            at("t10k-images-idx3-ubyte.gz");
            with(
                "t10k-labels-idx1-ubyte",
                &[0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 9],
            );
            drop(data::mnist(here, Part::Test));
        }
        "mnist-labels" => {
            at("t10k-labels-idx1-ubyte");
            let images = [
                &[0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1][..],
                &[7; 4],
            ]
            .concat();
            with("t10k-images-idx3-ubyte", &images);
            drop(data::mnist(here, Part::Test));
        }
        "cifar10" => {
            at("test_batch.bin");
            drop(data::cifar10(here, Part::Test));
        }
        "cifar100" => {
            at("test.bin");
            drop(data::cifar100(here, Part::Test));
        }
        "picture" => {
            let shape = Shape::new(&[3, 8, 8]).expect("a shape");
            drop(data::picture(&at("p"), shape, Fit::Resize));
        }
        "division" => {
            let split = at("split.csv");
            for place in ["a/0.png", "a/1.png", "b/0.png"] {
                at(place);
            }
            fs::remove_file(&split).expect("it is there");
            if let Ok(listing) = data::listing(here) {
                drop(division::divide(&listing, Some(&at("split.csv"))));
            }
        }
        "archive" => {
            let archive = at("a.tar.gz");
            drop(fetch::unpack(&archive, "cifar-10-batches-bin", here));
        }
        "suite" => drop(claim::parse(file, &text)),
        "pt2" | "onnx" | "toml" => {
            let path = at(&format!("n.{reader}"));
            if let Ok(read) = foreign::read(&path) {
                drop(analysis::summary("n", &read.graph));
                drop(read.graph.digest());
            }
            drop(checkpoint::open(&path));
        }
        "measure" => drop(Evaluator::new(&REGISTRY).evaluate(&text, false)),
        "experiment" => drop(experiment::parse(file, &text, &REGISTRY)),
        "plan" => drop(RunPlan::parse(file, &text, &EXPERIMENTS, &REGISTRY)),
        "document" => drop(document::parse(file, &text)),
        "project" => {
            at("convcheck.toml");
            drop(Project::load(here));
        }
        "expression" => drop(
            REGISTRY
                .find(&text)
                .map(|model| model.graph().map(|graph| graph.digest())),
        ),
        "evidence" => {
            at("evidence.jsonl");
            with("machine.toml", MACHINE.as_bytes());
            drop(record::load(here));
        }
        "machine" => {
            at("machine.toml");
            with("evidence.jsonl", b"");
            drop(record::load(here));
        }
        "training" => {
            at("training.jsonl");
            drop(record::load_training(here));
        }
        "throughput" => {
            at("throughput.jsonl");
            drop(record::load_throughput(here));
        }
        "reference" => {
            at("models.json");
            drop(reference::compare(here, &REGISTRY));
        }
        _ => panic!("READER is {reader}: there is no such reader"),
    }
}

const MACHINE: &str =
    "command = \"c\"\nversion = \"0\"\ncommit = \"0\"\ndate = \"1970-01-01\"\nmachine = \"m\"\n";
