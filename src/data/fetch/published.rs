//! What is published, and where. The checksums are those that TensorFlow Datasets records.

use super::{Archive, Published};

fn file(name: &str, bytes: u64, sha256: &str) -> Published {
    Published {
        name: name.into(),
        bytes,
        sha256: sha256.into(),
    }
}

impl Archive {
    /// MNIST, from the mirror that PyTorch keeps; the first publisher's own address is gone.
    pub fn mnist() -> Archive {
        Archive {
            folder: "mnist".into(),
            base: "https://ossci-datasets.s3.amazonaws.com/mnist".into(),
            files: vec![
                file(
                    "train-images-idx3-ubyte.gz",
                    9_912_422,
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                ),
                file(
                    "train-labels-idx1-ubyte.gz",
                    28_881,
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                ),
                file(
                    "t10k-images-idx3-ubyte.gz",
                    1_648_877,
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
                file(
                    "t10k-labels-idx1-ubyte.gz",
                    4_542,
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
            ],
            packed: false,
        }
    }

    /// CIFAR-10, binary version, from its author's page.
    pub fn cifar10() -> Archive {
        Archive {
            folder: "cifar-10-batches-bin".into(),
            base: "https://www.cs.toronto.edu/~kriz".into(),
            files: vec![file(
                "cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            )],
            packed: true,
        }
    }

    /// CIFAR-100, binary version, from its author's page.
    pub fn cifar100() -> Archive {
        Archive {
            folder: "cifar-100-binary".into(),
            base: "https://www.cs.toronto.edu/~kriz".into(),
            files: vec![file(
                "cifar-100-binary.tar.gz",
                168_513_733,
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            )],
            packed: true,
        }
    }
}
