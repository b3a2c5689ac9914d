//! `--device` and `--at-once`: what names no device, and what goes with none. What runs on one is in `suites/cuda`.

use super::{fails, path};

#[test]
fn a_device_is_named_as_it_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let output = path(&folder);
    let train = |options: &[&str], says: &[&str]| {
        let args = ["train", "degradation", "--output", output];
        fails(&[&args, options].concat(), says);
    };
    for wrong in [
        "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:01", "CUDA", "cuda:0,", "1", "",
    ] {
        train(
            &["--device", wrong],
            &["'--device <DEVICE>'", "cpu, cuda, or cuda:N"],
        );
    }
    train(&["--device", "cuda,cuda:0"], &["a device twice"]);
    train(&["--device", "cpu,cpu"], &["a device twice"]);
    train(
        &["--device", "cuda:1", "--device", "cuda:1"],
        &["a device twice"],
    );
    train(&["--device", "cpu,cuda"], &["the CPU beside a GPU"]);
    train(&["--at-once", "2"], &["--at-once is for --device cuda"]);
    for wrong in ["0", "257"] {
        train(
            &["--device", "cuda", "--at-once", wrong],
            &["--at-once must be from 1 to 256"],
        );
    }
    // how many at once is no matter of one that is timed
    let time = |options: &[&str], says: &[&str]| {
        fails(&[&["time", "resnet20_digits"], options].concat(), says);
    };
    time(&["--device", "cuda:0,cuda:1"], &["several GPUs"]);
    time(
        &["--device", "cpu", "--precision", "bf16"],
        &["--precision is for --device cuda"],
    );
    assert!(std::fs::read_dir(&folder).unwrap().next().is_none());
}
