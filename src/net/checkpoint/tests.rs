//! Files of real PyTorch (`suites/fixtures/make.py` says what is in them), and hostile ones by hand.

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
fn nothing_in_a_checkpoint_runs() {
    let error = read(&fixture("hostile.pth")).unwrap_err().to_string();
    assert!(error.contains("asks for `posix.system`"), "{error}");
}

/// A pickle in the stream of PyTorch before 1.6, with no storages.
fn stream(pickle: &[u8]) -> Vec<u8> {
    let whole = std::fs::read(fixture("legacy.pth")).unwrap();
    // magic, protocol and machine, as they are there
    let machine = 15 + 6;
    let end = machine + pickle::Pickle::read(&whole[machine..]).unwrap().length;
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
        (b"}q\0X\x05\0\0\0modelh\0s.", "holds a dict under `model`"),
        (b"ccollections\nOrderedDict\n]K\x01a\x85R.", "no pairs"),
        (b"cbuiltins\neval\n.", "asks for `builtins.eval`"),
        (b"N.", "holds a number or nothing, not a state dict"),
        (b"0.", "instruction 0x30"),
        (&deep, "holds a tuple"),
    ];
    for (pickle, says) in cases {
        let error = parse(&stream(pickle)).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

/// One tensor `w` as Python 2 wrote it: texts of one byte a letter, entries as a list of lists. Its
/// storage is the last two numbers of a storage of three.
fn part_of_a_storage(offset: &str, size: &str, strides: &str) -> Result<Tensor, String> {
    let pickle = [
        "ccollections\nOrderedDict\n](](U\x01wctorch._utils\n_rebuild_tensor\n(",
        "(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x03(U\x011K\x01K\x02ttQ",
        offset,
        size,
        strides,
        "tRee\u{85}R.",
    ];
    let bytes: Vec<u8> = pickle.concat().chars().map(|c| c as u8).collect();
    let mut file = stream(&bytes);
    file.truncate(file.len() - 4); // the empty list of storages
    file.extend(b"\x80\x02]U\x010a.\x03\0\0\0\0\0\0\0");
    file.extend([5f32, 6.0, 7.0].into_iter().flat_map(f32::to_le_bytes));
    parse(&file).map(|mut tensors| tensors.remove("w").unwrap())
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
    let path = folder.path().join("new/lenet.safetensors");
    let tensors = read(&fixture("zip.pth")).unwrap();
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
    for whole in [path, fixture("zip.pth"), fixture("legacy.pth")] {
        let bytes = std::fs::read(whole).unwrap();
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).is_err(), "cut at {length}");
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
