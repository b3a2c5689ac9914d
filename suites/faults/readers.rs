//! Which inputs does the program read, from whom, and by which command?

use super::jobs::{Work, left, same, temporary};
use super::program::spawn;
use candle_core::{DType, Device, Tensor};
use convcheck::foreign;
use convcheck::net::{Fill, checkpoint};
use convcheck::seal;
use convcheck::zoo::Registry;
use flate2::write::GzEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// A command and the file (or argument, `{}`) that is damaged before it.
pub struct Reader {
    pub name: String,
    pub folder: TempDir,
    pub args: Vec<String>,
    pub target: Option<String>,
    pub seeds: Vec<Vec<u8>>,
    pub is_text: bool,
    /// From what is damaged to what stands in the file.
    pub pack: fn(&[u8]) -> Vec<u8>,
    /// What must hold besides, for an exit code.
    pub holds: fn(&Work, &Path, i32) -> Result<(), String>,
}

const ALWAYS: fn(&Work, &Path, i32) -> Result<(), String> = |_, _, _| Ok(());

/// A reader of a file of a folder, by a command without blanks in its arguments.
fn of(name: &str, folder: TempDir, target: &str, command: &str, is_text: bool) -> Reader {
    let bytes = fs::read(folder.path().join(target)).unwrap();
    Reader {
        name: name.into(),
        folder,
        args: command.split(' ').map(String::from).collect(),
        target: Some(target.into()),
        seeds: vec![bytes],
        is_text,
        pack: <[u8]>::to_vec,
        holds: ALWAYS,
    }
}

pub fn readers(work: &Work) -> Vec<Reader> {
    let mut all = texts(work);
    all.extend(records(work));
    all.extend(weights());
    all.extend(networks());
    all.extend(runs(work));
    all.extend(data());
    all.extend(pictures());
    all.extend(expressions(work));
    all
}

fn holding(files: &[(&str, &[u8])]) -> TempDir {
    let folder = temporary();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

const SUITE: &str = r#"system = "s"
title = "S"

[[claim]]
id = "s.a"
section = "1"
line = 1
says = "It has 9 weights."
stated = "9"
tolerance = { absolute = 3 }
measure = MEASURE
verdict = "confirmed"

[[claim]]
id = "s.b"
line = 2
says = "Its sizes."
stated = [1, 2.5, "3x3"]
tolerance = "about"
measure = "[1, ratio(5, 2), '3x3']"
note = "A *note* with `code`."

[[claim]]
id = "s.c"
line = 3
says = "Shown by others."
citation = { publication = "A, 2026", doi = "10.1/1" }
"#;

const PLAN: &str = r#"scale = "quick"

[[runs]]
experiment = "degradation"
arms = ["plain-20"]
seeds = [0, 1]
data = "digits"

[[left-out]]
experiment = "dropout"
why = "It can wait."
"#;

const MEASURES: [&str; 8] = [
    "params('conv3x3')",
    "params('resnet18{classes=10}') - params('vgg16@3x64x64') * 2",
    "[1, 2, 3].map(x, ratio(x, 7)).filter(y, y > 0.2)",
    "quotient(depth('lenet5'), 2) > 3 ? 'yes' : 'no' + string(1.5e3)",
    "[[1.0, 2.0], [3.0]].all(l, l.exists(x, x < 2.0)) || size('abc') == 3",
    "receptive_field('vgg16', 'pool5')",
    "first_loss('lenet5', 1, 2)",
    "{'a': 1}.a + macs('conv3x3') % 7",
];

fn suite_of(measure: &[u8]) -> Vec<u8> {
    let measure = String::from_utf8_lossy(measure);
    let quoted = toml::Value::String(measure.into_owned()).to_string();
    SUITE.replace("MEASURE", &quoted).into_bytes()
}

fn texts(work: &Work) -> Vec<Reader> {
    let suite = suite_of(MEASURES[0].as_bytes());
    let suites = || holding(&[("suites/s.toml", &suite)]);
    let mut measure = of(
        "measure",
        suites(),
        "suites/s.toml",
        "check --suites suites",
        true,
    );
    measure.seeds = MEASURES
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    measure.pack = suite_of;
    let about = "title = \"A text\"\nsource = \"nobody, 2026\"\n";
    let described = work.folder();
    fs::write(described.path().join("suites/report.toml"), about).unwrap();
    let report = "report --from done --suites suites --output pages";
    vec![
        of(
            "suite",
            suites(),
            "suites/s.toml",
            "check --suites suites --junit j.xml --markdown m.md --json",
            true,
        ),
        measure,
        of(
            "experiment",
            work.folder(),
            "experiments/two-nets.toml",
            "list experiments",
            true,
        ),
        of(
            "experiment-asked",
            work.folder(),
            "experiments/two-nets.toml",
            "check --runs done",
            true,
        ),
        of(
            "plan",
            holding(&[("plan.toml", PLAN.as_bytes())]),
            "plan.toml",
            "list runs --plan plan.toml",
            true,
        ),
        of(
            "project",
            work.folder(),
            "convcheck.toml",
            "list claims",
            true,
        ),
        of(
            "project-text",
            work.folder(),
            "text.md",
            "report --from done --output pages",
            true,
        ),
        of("report-toml", described, "suites/report.toml", report, true),
    ]
}

/// A record as it was written before its lines had checksums, which is still read: what is damaged there gets further.
fn unsealed(record: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(record);
    let line = |line: &str| seal::unsealed(line).unwrap().into_owned() + "\n";
    text.lines().map(line).collect::<String>().into_bytes()
}

fn records(work: &Work) -> Vec<Reader> {
    let timing = include_str!("../../reports/2026-11-26-epyc-2-cores/throughput.jsonl");
    let timings: String = timing
        .lines()
        .take(3)
        .map(|line| format!("{line}\n"))
        .collect();
    let with_timings = || {
        let folder = work.folder();
        fs::write(folder.path().join("done/throughput.jsonl"), &timings).unwrap();
        folder
    };
    let report = "report --from done --output pages";
    let mut all = vec![
        of(
            "evidence-report",
            work.folder(),
            "done/evidence.jsonl",
            report,
            true,
        ),
        of(
            "training-report",
            work.folder(),
            "done/training.jsonl",
            report,
            true,
        ),
        of(
            "machine-report",
            work.folder(),
            "done/machine.toml",
            report,
            true,
        ),
        of(
            "throughput-report",
            with_timings(),
            "done/throughput.jsonl",
            report,
            true,
        ),
        of(
            "throughput-time",
            with_timings(),
            "done/throughput.jsonl",
            "time --from done",
            true,
        ),
        of(
            "training-check",
            work.folder(),
            "done/training.jsonl",
            "check --runs done",
            true,
        ),
    ];
    for name in ["evidence", "training"] {
        let folder = work.folder();
        super::jobs::copy(&folder.path().join("done"), &folder.path().join("before"));
        let target = format!("before/{name}.jsonl");
        all.push(of(
            &format!("{name}-compare"),
            folder,
            &target,
            "compare before done --html pages/h.html",
            true,
        ));
    }
    for reader in &mut all {
        if reader
            .target
            .as_ref()
            .is_some_and(|target| target.ends_with(".jsonl"))
        {
            reader.seeds.push(unsealed(&reader.seeds[0]));
        }
    }
    let models = r#"{"lenet5": {"source": "own", "input_shape": [1, 1, 32, 32], "output_shape": [1, 10], "total_params": 61706,
"trainable_params": 61706, "buffers_tensors": 0, "buffers_elements": 0, "state_dict_tensors": 10, "macs": 416520,
"activation_elements_conv_linear": 6508}}"#;
    let reference = holding(&[("reference/models.json", models.as_bytes())]);
    all.push(of(
        "reference",
        reference,
        "reference/models.json",
        "reference reference",
        true,
    ));
    all
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("suites/fixtures")
            .join(name),
    )
    .unwrap()
}

fn weights() -> Vec<Reader> {
    let tensors = temporary();
    let file = tensors.path().join("x.safetensors");
    let input = Tensor::zeros((1, 1, 8, 8), DType::F32, &Device::Cpu).unwrap();
    checkpoint::write(&file, &[("input".into(), input)].into()).unwrap();
    let safetensors = fs::read(file).unwrap();
    let one = |name: &str, bytes: &[u8]| {
        let folder = holding(&[("w", bytes)]);
        of(
            name,
            folder,
            "w",
            "forward conv3x3 --weights w --input fill --output o",
            false,
        )
    };
    let mut pickle = one("checkpoint-pickle", &fixture("training.pth"));
    pickle.seeds = vec![unpacked().0];
    pickle.pack = packed;
    let folder = holding(&[("i", &safetensors)]);
    let mut input = of(
        "forward-input",
        folder,
        "i",
        "forward conv3x3 --weights seed:7 --input i --output o",
        false,
    );
    input.holds = ALWAYS;
    vec![
        one("checkpoint-zip", &fixture("zip.pth")),
        one("checkpoint-training", &fixture("training.pth")),
        one("checkpoint-legacy", &fixture("legacy.pth")),
        one("checkpoint-safetensors", &safetensors),
        pickle,
        input,
    ]
}

/// Files of networks: of PyTorch, of ONNX as this program writes it, and in TOML.
fn networks() -> Vec<Reader> {
    let registry = Registry::builtin();
    let graph = |name: &str| registry.find(name).unwrap().graph().unwrap();
    let net = graph("googlenet_digits");
    let weights = Fill::Default.weights(&net, DType::F32).unwrap();
    let numbers = checkpoint::numbers(&weights).unwrap();
    let onnx = foreign::onnx(&net, &numbers).unwrap().bytes;
    let toml = foreign::written(&graph("resnet20_cifar"), "a test").unwrap();
    let pt2 = fixture("operators.pt2");
    let one = |name: &str, file: &str, bytes: &[u8], command: &str| {
        let is_text = file.ends_with("toml");
        of(
            name,
            holding(&[(file, bytes)]),
            file,
            &format!("{command} {file}"),
            is_text,
        )
    };
    vec![
        one("network-pt2", "n.pt2", &pt2, "show --depth 1"),
        one(
            "network-pt2-run",
            "n.pt2",
            &pt2,
            "forward --input fill --output o",
        ),
        one("network-onnx", "n.onnx", &onnx, "show --json"),
        one("network-onnx-identified", "n.onnx", &onnx, "identify"),
        one("network-toml", "n.toml", toml.as_bytes(), "show --toml"),
    ]
}

/// The pickle of a checkpoint, and the other files beside it.
fn unpacked() -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let mut archive = ZipArchive::new(Cursor::new(fixture("training.pth"))).unwrap();
    let (mut pickle, mut files) = (Vec::new(), Vec::new());
    for i in 0..archive.len() {
        let mut file = archive.by_index(i).unwrap();
        let (name, mut bytes) = (file.name().unwrap().into_owned(), Vec::new());
        file.read_to_end(&mut bytes).unwrap();
        match name.ends_with("data.pkl") {
            true => pickle = bytes,
            false => files.push((name, bytes)),
        }
    }
    (pickle, files)
}

/// The checkpoint with another pickle, whose checksums are sound.
fn packed(pickle: &[u8]) -> Vec<u8> {
    let (_, mut files) = unpacked();
    let folder = files[0].0.split('/').next().unwrap().to_string();
    files.insert(0, (format!("{folder}/data.pkl"), pickle.to_vec()));
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in files {
        archive.start_file(name, stored).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Runs that are half done and runs that are finished. Whatever happened to their files: who goes on comes to the same
/// numbers, or is told that he cannot.
fn runs(work: &Work) -> Vec<Reader> {
    let train = &work.jobs[0];
    let command = train.args.join(" ");
    let begun = || loop {
        let folder = work.folder();
        let mut running = spawn(&mut work.command(folder.path(), &train.args));
        let snapshot = folder
            .path()
            .join("out/runs/two-nets-quick/plain-0.snapshot");
        for _ in 0..1000 {
            if snapshot.exists() {
                break;
            }
            sleep(Duration::from_millis(1));
        }
        running.signal("KILL");
        running.end(10);
        if snapshot.exists() {
            return folder;
        }
    };
    let finished = || {
        let folder = work.folder();
        work.run(folder.path(), &train.args);
        folder
    };
    let runs = "out/runs/two-nets-quick";
    let mut all = vec![
        of(
            "snapshot",
            begun(),
            &format!("{runs}/plain-0.snapshot"),
            &command,
            false,
        ),
        of(
            "curve",
            begun(),
            &format!("{runs}/plain-0.jsonl"),
            &command,
            true,
        ),
        of(
            "finished-run",
            finished(),
            &format!("{runs}/plain-0.json"),
            &command,
            true,
        ),
        of(
            "finished-curve",
            finished(),
            &format!("{runs}/plain-0.jsonl"),
            &command,
            true,
        ),
    ];
    for reader in &mut all {
        reader.holds = |work, folder, code| match code {
            0 => same(&numbers(&work.jobs[0].leaves), &numbers(&left(folder))),
            _ => Ok(()),
        };
    }
    // as they were written before they had checksums: nobody can tell that a number is another, but all else holds
    let before = [
        ("unsealed-curve", begun(), format!("{runs}/plain-0.jsonl")),
        ("unsealed-run", finished(), format!("{runs}/plain-0.json")),
    ];
    all.extend(before.map(|(name, folder, target)| {
        let mut reader = of(name, folder, &target, &command, true);
        reader.seeds = vec![unsealed(&reader.seeds[0])];
        reader
    }));
    all
}

/// What was trained; beside it may stand what was set aside.
fn numbers(left: &super::jobs::Left) -> super::jobs::Left {
    let record = |name: &String| name == "out/training.jsonl";
    (left.iter().filter(|(name, _)| record(name)))
        .map(|(name, text)| (name.clone(), text.clone()))
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * i / 7 + i * 13) as u8).collect()
}

fn data() -> Vec<Reader> {
    let images = [
        &[0u8, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 28, 0, 0, 0, 28][..],
        &pattern(4 * 784),
    ]
    .concat();
    let labels = [0u8, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 9];
    let files = [
        "train-images-idx3",
        "train-labels-idx1",
        "t10k-images-idx3",
        "t10k-labels-idx1",
    ];
    let mnist = |ending: &str, pack: fn(&[u8]) -> Vec<u8>| {
        let folder = temporary();
        fs::create_dir(folder.path().join("d")).unwrap();
        for name in files {
            let bytes = if name.contains("images") {
                &images[..]
            } else {
                &labels
            };
            fs::write(
                folder.path().join(format!("d/{name}-ubyte{ending}")),
                pack(bytes),
            )
            .unwrap();
        }
        folder
    };
    let plain = || mnist("", <[u8]>::to_vec);
    let packed = || mnist(".gz", gzip);
    let verify = "data verify d";
    let mut sound = of(
        "mnist-in-gzip",
        packed(),
        "d/train-images-idx3-ubyte.gz",
        verify,
        false,
    );
    sound.seeds = vec![images.clone()];
    sound.pack = gzip;
    let image = [&[3u8][..], &pattern(3072)].concat();
    let names = [
        "d/data_batch_1.bin",
        "d/data_batch_2.bin",
        "d/data_batch_3.bin",
        "d/data_batch_4.bin",
        "d/data_batch_5.bin",
        "d/test_batch.bin",
    ];
    let cifar10 = holding(&names.map(|name| (name, &image[..])));
    let fine = [&[2u8][..], &image].concat();
    let cifar100 = holding(&[("d/train.bin", &fine), ("d/test.bin", &fine)]);
    vec![
        of(
            "mnist-images",
            plain(),
            "d/train-images-idx3-ubyte",
            "data audit d",
            false,
        ),
        of(
            "mnist-labels",
            plain(),
            "d/t10k-labels-idx1-ubyte",
            verify,
            false,
        ),
        of(
            "mnist-gzip",
            packed(),
            "d/train-labels-idx1-ubyte.gz",
            verify,
            false,
        ),
        sound,
        of(
            "cifar10",
            cifar10,
            "d/data_batch_3.bin",
            "data stats d",
            false,
        ),
        of("cifar100", cifar100, "d/train.bin", "data stats d", false),
    ]
}

fn pictures() -> Vec<Reader> {
    let picture = RgbImage::from_fn(24, 16, |x, y| {
        image::Rgb([x as u8 * 9, y as u8 * 15, (x * y) as u8])
    });
    let formats = [
        ("png", ImageFormat::Png),
        ("jpg", ImageFormat::Jpeg),
        ("gif", ImageFormat::Gif),
        ("webp", ImageFormat::WebP),
    ];
    let encoded = formats.map(|(ending, format)| {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(picture.clone())
            .write_to(&mut bytes, format)
            .unwrap();
        (ending, bytes.into_inner())
    });
    let folder = |more: &[(&str, &[u8])]| {
        let folder = holding(more);
        for (i, (_, bytes)) in encoded.iter().enumerate() {
            for class in ["a", "b"] {
                let place = folder.path().join(format!("d/{class}"));
                fs::create_dir_all(&place).unwrap();
                // what it is says the file, not its name
                fs::write(place.join(format!("{i}.png")), bytes).unwrap();
            }
        }
        folder
    };
    let mut all: Vec<Reader> = encoded
        .iter()
        .enumerate()
        .map(|(i, (ending, _))| {
            of(
                &format!("picture-{ending}"),
                folder(&[]),
                &format!("d/a/{i}.png"),
                "data audit d --seeds 2",
                false,
            )
        })
        .collect();
    let listed: String = ["a", "b"]
        .iter()
        .flat_map(|class| (0..4).map(move |i| format!("{class}/{i}.png,{class}\n")))
        .collect();
    let division = folder(&[("split.csv", listed.as_bytes())]);
    all.push(of(
        "division",
        division,
        "split.csv",
        "data verify d --split split.csv",
        true,
    ));
    all
}

fn expressions(work: &Work) -> Vec<Reader> {
    let one = |name: &str, args: &[&str], seeds: &[&str]| Reader {
        name: name.into(),
        folder: work.folder(),
        args: args.iter().map(ToString::to_string).collect(),
        target: None,
        seeds: seeds.iter().map(|text| text.as_bytes().to_vec()).collect(),
        is_text: true,
        pack: <[u8]>::to_vec,
        holds: ALWAYS,
    };
    let models = [
        "wrn{depth=16, widen=8}",
        "resnet18{classes=10}@3x64x64",
        "vgg_paper_d{input=3x32x32, classes=100}",
        "densenet121",
    ];
    vec![
        one("expression", &["show", "{}"], &models),
        one("expression-json", &["show", "--json", "{}"], &models),
        one(
            "input-size",
            &["show", "vgg16_fully_convolutional", "--input", "{}"],
            &["3x256x256", "1x32x32"],
        ),
        one(
            "filter",
            &["check", "{}"],
            &["s.parameters", "no-such-claim"],
        ),
        one(
            "option",
            &["time", "lenet5", "--from", "done", "--batch", "{}"],
            &["8", "-1"],
        ),
    ]
}
