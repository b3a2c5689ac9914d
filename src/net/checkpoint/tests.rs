//! Files of real PyTorch (`suites/fixtures/make.py` says what is in them), those with whatever else training
//! scripts save (`suites/fixtures/foreign.py`), and hostile ones by hand.

use super::*;
use crate::zoo::Registry;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("suites/fixtures")
        .join(name)
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.flatten_all().unwrap();
    tensor.to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Weights of the network that are all of one value.
fn filled(model: &str, value: f64, dtype: DType) -> BTreeMap<String, Tensor> {
    let graph = Registry::builtin().find(model).unwrap().graph().unwrap();
    (graph.tensors())
        .map(|(name, tensor)| {
            let full = Tensor::full(value, &*tensor.dims, &Device::Cpu).unwrap();
            (name, full.to_dtype(dtype).unwrap())
        })
        .collect()
}

fn fit_to(
    tensors: &BTreeMap<String, Tensor>,
    model: &str,
    head: Head,
) -> Result<Fitted, CheckpointError> {
    fit(
        tensors,
        &Registry::builtin().find(model).unwrap().graph().unwrap(),
        head,
        DType::F32,
    )
}

#[test]
fn both_of_pytorchs_formats_give_the_same_tensors() {
    for file in ["zip.pth", "legacy.pth"] {
        let tensors = read(&fixture(file)).unwrap();
        let expect = |name: &str, dtype, dims: &[usize], values: &[f64]| {
            let tensor = &tensors[name];
            assert_eq!(
                (tensor.dtype(), tensor.dims()),
                (dtype, dims),
                "{file} {name}"
            );
            assert_eq!(numbers(tensor), values, "{file} {name}");
        };
        let grid: Vec<f64> = (0..24).map(f64::from).collect();
        let transposed: Vec<f64> = (0..24).map(|i| f64::from(i % 4 * 6 + i / 4)).collect();
        let quarters = [0.0, 0.25, 0.5, 0.75];
        expect("grid", DType::F32, &[4, 6], &grid);
        expect("transposed", DType::F32, &[6, 4], &transposed);
        expect(
            "part",
            DType::F32,
            &[2, 3],
            &[8.0, 9.0, 10.0, 14.0, 15.0, 16.0],
        );
        expect(
            "double",
            DType::F64,
            &[4],
            &[0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0],
        );
        expect("half", DType::F16, &[4], &quarters);
        expect("brain", DType::BF16, &[4], &quarters);
        expect("counter", DType::I64, &[], &[7.0]);
        expect("parameter", DType::F32, &[3], &[0.0, 1.0, 2.0]);
        expect("empty", DType::F32, &[0, 3], &[]);
        assert_eq!(tensors.len(), 9);
    }
}

#[test]
fn weights_are_found_among_other_things_that_training_saves() {
    let tensors = read(&fixture("training.pth")).unwrap();
    let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "0.bias",
            "0.weight",
            "1.bias",
            "1.num_batches_tracked",
            "1.running_mean",
            "1.running_var",
            "1.weight"
        ]
    );
    assert_eq!(
        numbers(&tensors["0.weight"]),
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    );
}

#[test]
fn what_would_run_is_passed_over() {
    let checkpoint = open(&fixture("hostile.pth")).unwrap();
    let dict = checkpoint.under(".").unwrap();
    assert_eq!(numbers(&dict.tensors["weight"]), [0.0, 1.0]);
    assert_eq!(dict.foreign["evil"], "a `posix.system`");
}

#[test]
fn weights_are_found_in_every_protocol_of_both_containers() {
    let graph = Registry::builtin()
        .find("conv3x3")
        .unwrap()
        .graph()
        .unwrap();
    let files = ["zip", "legacy"].map(|form| (0..6).map(move |n| format!("{form}{n}.pth")));
    let files = files.into_iter().flatten().chain(["deflated.pth".into()]);
    for file in files {
        let checkpoint = open(&fixture("foreign").join(&file)).unwrap();
        let dict = checkpoint.of(&graph, Head::Same).unwrap();
        assert_eq!(dict.key, "checkpoint.model", "{file}");
        assert_eq!(dict.foreign["module.version"], "a text", "{file}");
        let fitted = dict.fit(&graph, Head::Same, DType::F32).unwrap();
        let nine: Vec<f64> = (0..9).map(f64::from).collect();
        assert_eq!(numbers(&fitted.tensors["conv1.weight"]), nine, "{file}");
        assert_eq!(
            fitted.unused,
            [
                "module.bn.num_batches_tracked",
                "module.conv1.total_ops",
                "n_averaged"
            ]
        );
        let others = checkpoint.under("others").unwrap();
        assert_eq!(numbers(&others.tensors["typed"]), nine, "{file}");
        for (name, what) in [
            ("complex", "not read"),
            ("small", "not read"),
            ("sparse", "_rebuild_sparse_tensor"),
        ] {
            let found = &others.foreign[name];
            assert!(found.contains(what), "{file}: {name} is {found}");
        }
        let beside = &checkpoint.under(".").unwrap().foreign;
        for (name, what) in [
            ("args", "a `argparse.Namespace`"),
            ("best", "scalar`"),
            ("history", "a `numpy."),
            ("type", "a `numpy.dtype`"),
            ("when", "a `datetime.datetime`"),
            ("colour", "a `settings.Colour`"),
            ("settings", "a `settings.Settings`"),
            ("size", "a `torch.Size`"),
            ("dtype", "the name `torch.float32`"),
            ("counter", "a `collections.Counter`"),
            ("minus", "a whole number"),
            ("text", "a text"),
        ] {
            let found = &beside[name];
            assert!(found.contains(what), "{file}: {name} is {found}");
        }
    }
}

#[test]
fn a_name_may_have_any_length() {
    let tensors = read(&fixture("foreign/checkpoint_epoch_0010.pth")).unwrap();
    assert_eq!(tensors["conv1.weight"].dims(), [1, 1, 3, 3]);
}

#[test]
fn what_no_one_asks_for_is_read_past() {
    // every instruction that no file above has, in front of a state dict with one tensor
    let beside: [&[u8]; 18] = [
        b"(cmath\nlog\nK\x01o",        // an object with its arguments
        b"(K\x01imath\nlog\n",         // the same in protocol 0
        b"cmath\nlog\n)}\x92",         // with arguments that have names
        b"cmath\nlog\n)R)R",           // a call of what a call gave
        b"cmath\nlog\n)\x81}b",        // a state
        b"cmath\nlog\n)RK\x01a",       // an item
        b"cmath\nlog\n)R(K\x01K\x02e", // items
        b"cmath\nlog\n)R(K\x01K\x02u", // entries
        b"(K\x01K\x022l",              // a list, an item of it twice
        b"N(K\x011",                   // what is dropped with all since its mark
        b"NK\x010",                    // and alone
        b"S'text'\n",
        b"S'te\\x00xt'\n",
        b"V\\u00e9\xe9\n",
        b"L123456789012345678901234567890L\n",
        b"\x8b\x09\0\0\0\x01\x01\x01\x01\x01\x01\x01\x01\x01",
        b"\x8d\x02\0\0\0\0\0\0\0\xff\xff",
        b"\x8e\x02\0\0\0\0\0\0\0\xff\xff",
    ];
    for value in beside {
        let pickle = [b"}U\x06beside", value, b"sU\x01w", ONE, b"s."].concat();
        let found = parse(&with_storage(&pickle));
        let found = found.unwrap_or_else(|e| panic!("{}: {e}", value.escape_ascii()));
        assert_eq!(numbers(&found[0].tensors["w"]), [6.0, 7.0]);
    }
}

/// A pickle in the stream of PyTorch before 1.6, with no storages.
fn stream(pickle: &[u8]) -> Vec<u8> {
    let whole = std::fs::read(fixture("legacy.pth")).unwrap();
    // magic, protocol and machine, as they are there
    let machine = 15 + 6;
    let length = pickle::Pickle::read(&whole[machine..], whole.len()).unwrap();
    let end = machine + length.length;
    [&whole[..end], pickle, b"\x80\x02].".as_slice()].concat()
}

#[test]
fn absurd_pickles_are_errors() {
    let deep = [
        b"(".repeat(1_000_000),
        b"t".repeat(1_000_000),
        b".".to_vec(),
    ]
    .concat();
    let cases: &[(&[u8], &str)] = &[
        (b"}K\x01h\0s.", "recalls what was not remembered"),
        (b"}X\xff\xff\xff\xffw.", "needs 4294967295 bytes more"),
        (
            b"}q\0X\x05\0\0\0modelh\0s.",
            "holds a dict under `model`, but no tensors",
        ),
        (b"}.", "holds a dict without tensors"),
        (b"ccollections\nOrderedDict\n]K\x01a\x85R.", "no pairs"),
        (
            b"cbuiltins\neval\n.",
            "holds the name `builtins.eval`, not a state dict",
        ),
        (
            b"cmodels\nNet\n)\x81}b.",
            "holds a `models.Net`, not a state dict",
        ),
        (
            b"}U\x05modelcmodels\nNet\n)\x81s.",
            "holds a `models.Net` under `model`",
        ),
        (b"N.", "holds nothing, not a state dict"),
        (b"0.", "ends what was not begun"),
        (b"\x80\x06N.", "protocol 6"),
        (b"\x82\x01.", "number of the machine that wrote it"),
        (b"\x97.", "outside of itself"),
        (b"\x7f.", "instruction 0x7f"),
        (b"Iten\n.", "a number that is none"),
        (b"px\n.", "a number that is none"),
        (b"K\x01)R.", "calls what is no function"),
        (b"K\x01)\x81.", "what is no class"),
        (b"(K\x01d.", "a key without a value"),
        (
            b"P('storage', <class 'torch.FloatStorage'>, '0')\n.",
            "no storage",
        ),
        (b"X\xff\xff\xff\xff", "it is cut or damaged"),
        (&deep, "holds a tuple"),
    ];
    for (pickle, says) in cases {
        let error = parse(&stream(pickle)).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

/// The storage of which the tensors below are part: the last two numbers of three.
const STORAGE: &str = "(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x03(U\x011K\x01K\x02ttQ";

/// A tensor of two numbers, in a pickle.
const ONE: &[u8] =
    b"ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x03(U\x011K\x01K\x02ttQK\0K\x02\x85K\x01\x85tR";

/// A file of that pickle and of that storage.
fn with_storage(pickle: &[u8]) -> Vec<u8> {
    let mut file = stream(pickle);
    file.truncate(file.len() - 4); // the empty list of storages
    file.extend(b"\x80\x02]U\x010a.\x03\0\0\0\0\0\0\0");
    file.extend([5f32, 6.0, 7.0].into_iter().flat_map(f32::to_le_bytes));
    file
}

/// One tensor `w` as Python 2 wrote it: texts of one byte a letter, entries as a list of lists.
fn part_of_a_storage(offset: &str, size: &str, strides: &str) -> Result<Tensor, String> {
    let pickle = [
        "ccollections\nOrderedDict\n](](U\x01wctorch._utils\n_rebuild_tensor\n(",
        STORAGE,
        offset,
        size,
        strides,
        "tRee\u{85}R.",
    ];
    let bytes: Vec<u8> = pickle.concat().chars().map(|c| c as u8).collect();
    parse(&with_storage(&bytes)).map(|mut dicts| dicts[0].tensors.remove("w").unwrap())
}

#[test]
fn tensors_lie_within_their_storages() {
    let two = "K\x02\u{85}";
    let good = part_of_a_storage("K\0", two, "K\x01\u{85}").unwrap();
    assert_eq!(numbers(&good), [6.0, 7.0]);
    let repeated = part_of_a_storage("K\x01", two, "K\0\u{85}").unwrap();
    assert_eq!(numbers(&repeated), [7.0, 7.0]);
    for (offset, size, strides, says) in [
        (
            "K\x01",
            two,
            "K\x01\u{85}",
            "[2] at 1 with strides [1] reaches beyond its storage of 2 numbers",
        ),
        (
            "K\0",
            two,
            "\u{8a}\x08\0\0\0\0\0\0\0\u{7f}\u{85}",
            "reaches beyond",
        ),
        ("K\0", two, ")", "0 strides for 1 dimensions"),
        ("\u{8a}\x01\u{ff}", two, two, "has -1 where a count"),
        (
            "K\0",
            "J\0\0\0\x40\u{85}",
            "K\0\u{85}",
            "more than a file of this size can share",
        ),
        (
            "K\0",
            "\u{8a}\x08\0\0\0\0\0\0\0\u{7f}K\x04\u{86}",
            "K\0K\0\u{86}",
            "can share",
        ),
        (
            "K\0",
            "(KKKKKKKKKKKKKKKKKKt",
            "K\0\u{85}",
            "9 dimensions; 8 are read",
        ),
    ] {
        let error = part_of_a_storage(offset, size, strides).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_header_whose_lengths_overflow_is_an_error() {
    let most = usize::MAX / 8;
    let entries: Vec<String> = (0..8)
        .map(|i| {
            format!(
                r#""{i}":{{"dtype":"U8","shape":[{most}],"data_offsets":[{},{}]}}"#,
                i * most,
                (i + 1) * most
            )
        })
        .collect();
    let zero = r#"{"x":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}"#;
    for header in [format!("{{{}}}", entries.join(",")), zero.to_string()] {
        let length = header.len() as u64;
        let file = [&length.to_le_bytes(), header.as_bytes()].concat();
        assert!(parse(&file).is_err(), "{header}");
    }
}

#[test]
fn what_is_written_is_read_again_and_cut_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let tensors = read(&fixture("zip.pth")).unwrap();
    let elsewhere = folder.path().join("new/lenet.safetensors");
    let error = write(&elsewhere, &tensors).unwrap_err().to_string();
    assert!(error.contains("there is no folder"), "{error}");
    assert!(!folder.path().join("new").exists(), "no folder is made");
    let path = folder.path().join("lenet.safetensors");
    write(&path, &tensors).unwrap();
    let again = read(&path).unwrap();
    assert_eq!(again.len(), tensors.len());
    for (name, tensor) in &tensors {
        assert_eq!(tensor.dtype(), again[name].dtype());
        assert_eq!(tensor.dims(), again[name].dims());
        assert_eq!(numbers(tensor), numbers(&again[name]));
    }
    let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing temporary is left");
    for whole in [
        path,
        fixture("zip.pth"),
        fixture("legacy.pth"),
        fixture("foreign/deflated.pth"),
        fixture("foreign/zip5.pth"),
        fixture("foreign/legacy0.pth"),
    ] {
        let bytes = std::fs::read(&whole).unwrap();
        for length in 0..bytes.len() {
            let error = parse(&bytes[..length]).unwrap_err();
            // a start of less than a number with its frame may be that of anything
            let says = match length {
                0 => "is empty",
                1..40 => "",
                _ => "cut",
            };
            assert!(
                error.contains(says),
                "{} cut at {length}: {error}",
                whole.display()
            );
        }
    }
    assert!(
        read(folder.path())
            .unwrap_err()
            .to_string()
            .ends_with(": is no file")
    );
}

#[test]
fn names_of_other_people_are_translated() {
    let theirs: BTreeMap<String, Tensor> = filled("densenet121", 1.5, DType::F16)
        .into_iter()
        .map(|(name, tensor)| {
            let name = if name.contains("denselayer") {
                let name = name
                    .replace("norm1.", "norm.1.")
                    .replace("norm2.", "norm.2.");
                name.replace("conv1.", "conv.1.")
                    .replace("conv2.", "conv.2.")
            } else {
                name
            };
            (format!("module.{name}"), tensor)
        })
        .chain([(
            "module.features.norm0.num_batches_tracked".to_string(),
            Tensor::new(3i64, &Device::Cpu).unwrap(),
        )])
        .collect();
    let fitted = fit_to(&theirs, "densenet121", Head::Same).unwrap();
    let conv = &fitted.tensors["features.denseblock1.denselayer1.conv1.weight"];
    assert_eq!((conv.dtype(), numbers(conv)[0]), (DType::F32, 1.5));
    assert_eq!(fitted.unused, ["module.features.norm0.num_batches_tracked"]);
    assert!(fitted.reinitialised.is_empty());
}

#[test]
fn a_head_for_other_classes_is_dropped_on_request_only() {
    let mut theirs = filled("resnet18", 1.0, DType::F32);
    theirs.insert(
        "fc.weight".into(),
        Tensor::ones((5, 512), DType::F32, &Device::Cpu).unwrap(),
    );
    theirs.insert(
        "fc.bias".into(),
        Tensor::ones(5, DType::F32, &Device::Cpu).unwrap(),
    );
    let error = fit_to(&theirs, "resnet18", Head::Same).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checkpoint does not fit the network: 2 of another shape (fc.bias [5], not [1000], fc.weight [5, 512], not [1000, 512])"
    );
    let fitted = fit_to(&theirs, "resnet18", Head::Any).unwrap();
    assert_eq!(fitted.reinitialised, ["fc.weight", "fc.bias"]);
    assert!(!fitted.tensors.contains_key("fc.weight"));
    // a head that reads other features belongs to another network
    theirs.insert(
        "fc.weight".into(),
        Tensor::ones((5, 64), DType::F32, &Device::Cpu).unwrap(),
    );
    assert!(fit_to(&theirs, "resnet18", Head::Any).is_err());
}

#[test]
fn auxiliary_heads_are_left_out_where_the_network_has_none() {
    let theirs = filled("googlenet_aux", 1.0, DType::F32);
    let fitted = fit_to(&theirs, "googlenet", Head::Same).unwrap();
    assert!(!fitted.unused.is_empty());
    assert!(fitted.unused.iter().all(|name| name.starts_with("aux")));
    assert!(
        fit_to(&theirs, "googlenet_aux", Head::Same)
            .unwrap()
            .unused
            .is_empty()
    );
    let without = filled("googlenet", 1.0, DType::F32);
    assert!(fit_to(&without, "googlenet_aux", Head::Same).is_err());
}

#[test]
fn what_differs_is_said_in_a_line() {
    let mut theirs = filled("resnet20_cifar", 1.0, DType::F32);
    theirs.remove("bn1.weight");
    theirs.insert(
        "extra".into(),
        Tensor::ones(1, DType::F32, &Device::Cpu).unwrap(),
    );
    let error = fit_to(&theirs, "resnet20_cifar", Head::Same).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checkpoint does not fit the network: 1 missing (bn1.weight); 1 unexpected (extra)"
    );
    assert_eq!(
        best_fit(&theirs, &Registry::builtin())[0],
        ("resnet20_cifar", 2)
    );
}

#[test]
fn weights_are_finite_numbers_with_fractions() {
    let fault = |value: Tensor| {
        let mut theirs = filled("resnet20_cifar", 1.0, DType::F32);
        theirs.insert("bn1.weight".into(), value);
        fit_to(&theirs, "resnet20_cifar", Head::Same)
            .unwrap_err()
            .to_string()
    };
    let mut values = vec![0.0; 16];
    values[3] = f64::NAN;
    let nan = fault(Tensor::new(&*values, &Device::Cpu).unwrap());
    assert_eq!(
        nan,
        "tensor `bn1.weight` of the checkpoint has NaN as number 3 of 16; weights are finite"
    );
    values[3] = 1e300;
    let beyond_f32 = fault(Tensor::new(&*values, &Device::Cpu).unwrap());
    assert!(beyond_f32.contains("has inf as number 3"), "{beyond_f32}");
    let whole = fault(Tensor::ones(16, DType::I64, &Device::Cpu).unwrap());
    assert!(whole.contains("whole numbers (I64)"), "{whole}");
}

#[test]
fn a_running_variance_is_not_negative() {
    let mut theirs = filled("resnet20_cifar", 1.0, DType::F32);
    let mut values = vec![0.5f32; 16];
    values[2] = -0.1;
    let variance = Tensor::new(&*values, &Device::Cpu).unwrap();
    theirs.insert("bn1.running_mean".into(), variance.clone());
    fit_to(&theirs, "resnet20_cifar", Head::Same).unwrap();
    theirs.insert("bn1.running_var".into(), variance);
    let error = fit_to(&theirs, "resnet20_cifar", Head::Same).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tensor `bn1.running_var` of the checkpoint has -0.1 as number 2 of 16; a variance is not negative"
    );
}

/// Tensors under names with that in front.
fn behind(prefix: &str, tensors: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    (tensors.iter())
        .map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone()))
        .collect()
}

#[test]
fn wrappers_and_tools_leave_weights_as_they_are() {
    let plain = filled("resnet20_cifar", 1.0, DType::F32);
    let graph = Registry::builtin().find("resnet20_cifar").unwrap();
    let graph = graph.graph().unwrap();
    let zero = Tensor::zeros(1, DType::F64, &Device::Cpu).unwrap();
    let count = Tensor::new(3i64, &Device::Cpu).unwrap();
    for wrapper in [
        "",
        "module.",
        "_orig_mod.",
        "model.",
        "module._orig_mod.",
        "a.b.c.",
    ] {
        let mut theirs = behind(wrapper, &plain);
        for counter in ["n_averaged", "num_updates", "model.steps"] {
            theirs.insert(counter.into(), count.clone());
        }
        for counter in [
            "total_ops",
            "layer1.0.total_params",
            "layer1.0.conv1.total_ops",
        ] {
            theirs.insert(format!("{wrapper}{counter}"), zero.clone());
        }
        let fitted = fit_to(&theirs, "resnet20_cifar", Head::Same).unwrap();
        assert_eq!(fitted.unused.len(), 6, "{wrapper}");
        assert_eq!(prefix(&theirs, &graph), wrapper);
        // weights of something else are no tool's
        theirs.insert("criterion.weight".into(), zero.clone());
        let error = fit_to(&theirs, "resnet20_cifar", Head::Same).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checkpoint does not fit the network: 1 unexpected (criterion.weight)"
        );
    }
}

#[test]
fn of_several_dicts_that_which_fits_is_meant() {
    let dict = |key: &str, tensors: BTreeMap<String, Tensor>| StateDict {
        key: key.into(),
        ..StateDict::alone(tensors)
    };
    let graph = Registry::builtin().find("resnet20_cifar").unwrap();
    let graph = graph.graph().unwrap();
    let fits = filled("resnet20_cifar", 1.0, DType::F32);
    let larger = filled("resnet32_cifar", 1.0, DType::F32);
    let chosen = |dicts: Vec<StateDict>| {
        let checkpoint = Checkpoint::new(Path::new("file"), dicts);
        (checkpoint
            .of(&graph, Head::Same)
            .map(|dict| dict.key.clone()))
        .map_err(|e| e.to_string())
    };
    let (teacher, student) = (dict("teacher", larger), dict("student", fits.clone()));
    assert_eq!(
        chosen(vec![teacher.clone(), student.clone()]).unwrap(),
        "student"
    );
    assert_eq!(chosen(vec![teacher.clone()]).unwrap(), "teacher");
    let average = dict("average", fits.clone());
    let error = chosen(vec![student.clone(), average.clone(), teacher]).unwrap_err();
    assert!(
        error.contains("`student` (97 tensors), `average` (97 tensors); `--key`"),
        "{error}"
    );
    let usual = dict("model", fits.clone());
    assert_eq!(chosen(vec![average.clone(), usual]).unwrap(), "model");
    // if none fits, that of which most is right
    let mut nearly = fits;
    nearly.remove("bn1.weight");
    let count = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
    let loss = dict(TOP, [("loss".to_string(), count)].into());
    assert_eq!(chosen(vec![loss, dict("net", nearly)]).unwrap(), "net");
    let several = Checkpoint::new(Path::new("file"), vec![student.clone(), average]);
    let error = several.under("net").unwrap_err().to_string();
    assert!(
        error.contains("no tensors under `net`, but `student`"),
        "{error}"
    );
    assert!(several.single().is_err());
    // a value that is no tensor where the network has one
    let mut other = student;
    other.tensors.remove("bn1.weight");
    other
        .foreign
        .insert("bn1.weight".into(), "a `numpy.ndarray`".into());
    let error = other.fit(&graph, Head::Same, DType::F32).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tensor `bn1.weight` of the checkpoint is a `numpy.ndarray`, which cannot be weights"
    );
}

#[test]
fn numbers_that_are_not_read_are_passed_over_in_safetensors() {
    let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[4,8]}}"#;
    let length = header.len() as u64;
    let file = [&length.to_le_bytes(), header.as_bytes(), &[0; 8]].concat();
    let found = &parse(&file).unwrap()[0];
    assert_eq!(found.tensors.keys().collect::<Vec<_>>(), ["a"]);
    assert!(found.foreign["b"].contains("F8_E4M3"));
}

#[test]
fn absurd_names_are_compared_quickly() {
    let long = "a.".repeat(1_000_000) + "w";
    let one = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
    let theirs = [(long, one)].into();
    let start = std::time::Instant::now();
    assert!(fit_to(&theirs, "conv3x3", Head::Same).is_err());
    best_fit(&theirs, &Registry::builtin());
    assert!(start.elapsed().as_secs() < 60);
}

/// An archive of those files, compressed.
fn deflated(files: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let options = zip::write::SimpleFileOptions::default();
    let options = options.compression_method(zip::CompressionMethod::Deflated);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn an_archive_is_not_unpacked_beyond_measure() {
    for pickle in [b"}".repeat(4 << 20), b"N0".repeat(1 << 11)] {
        let error = parse(&deflated(&[("a/data.pkl", &pickle)])).unwrap_err();
        assert!(
            error.contains("once it is unpacked") || error.contains("more instructions"),
            "{error}"
        );
    }
    let program = deflated(&[("a/data.pkl", b"N."), ("a/constants.pkl", b"N.")]);
    assert!(parse(&program).unwrap_err().contains("TorchScript"));
    let arrays = deflated(&[("weight.npy", b"\x93NUMPY")]);
    assert!(parse(&arrays).unwrap_err().contains("npz"));
}
