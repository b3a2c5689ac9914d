//! Which data sets are there, and what is in a folder?

use super::place::{Folder, several};
use super::{
    DataError, Dataset, Fit, Part, cifar, cifar10, cifar100, digits, division, folder, mnist,
};
use crate::graph::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Which data set.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The 1,797 handwritten digits that are part of this program.
    Digits,
    /// MNIST, idx files, with or without gzip.
    Mnist,
    /// CIFAR-10, binary version.
    Cifar10,
    /// CIFAR-100, binary version, fine labels.
    Cifar100,
    /// A folder of pictures, a class a sub-folder.
    Folder,
}

impl Source {
    /// All of them.
    pub const ALL: [Source; 5] = [
        Source::Digits,
        Source::Mnist,
        Source::Cifar10,
        Source::Cifar100,
        Source::Folder,
    ];

    /// How many images there are to train with, where every copy of the set has as many.
    pub const fn training_images(self) -> Option<usize> {
        match self {
            Source::Digits => Some(digits::TRAIN),
            // a folder may hold a part of the set
            Source::Mnist | Source::Cifar10 | Source::Cifar100 | Source::Folder => None,
        }
    }

    /// Reads it, with every image brought to that shape; `path` is the folder, which only the embedded
    /// digits do without.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn load(self, path: Option<&Path>, shape: Shape, fit: Fit) -> Result<Dataset, DataError> {
        if self == Source::Folder {
            let folder = path.ok_or(DataError::Nowhere(self))?;
            let listing = folder::listing(folder)?;
            let division = division::divide(&listing, None)?;
            return folder::load(&listing, &division, shape, fit);
        }
        let Dataset {
            train,
            validation,
            test,
        } = self.stored(path)?;
        Ok(Dataset {
            train: train.fitted(shape, fit)?,
            validation: validation
                .map(|split| split.fitted(shape, fit))
                .transpose()?,
            test: test.fitted(shape, fit)?,
        })
    }

    /// Reads it in the shape in which it is stored.
    ///
    /// # Errors
    /// [`DataError`], also for a folder of pictures, which have no shape in common.
    pub fn stored(self, path: Option<&Path>) -> Result<Dataset, DataError> {
        let read: fn(&Path, Part) -> _ = match self {
            Source::Digits => |_, part| digits(part),
            Source::Mnist => mnist,
            Source::Cifar10 => cifar10,
            Source::Cifar100 => cifar100,
            Source::Folder => {
                return Err(DataError::Fit(
                    "pictures of a folder have no shape of their own: name one".into(),
                ));
            }
        };
        let folder = match (self, path) {
            (Source::Digits, _) => Path::new(""),
            (_, Some(folder)) => folder,
            (_, None) => return Err(DataError::Nowhere(self)),
        };
        Ok(Dataset {
            train: read(folder, Part::Train)?,
            validation: None,
            test: read(folder, Part::Test)?,
        })
    }

    /// Which data set a folder holds, itself or in the folders below, by the names of what is in it.
    ///
    /// # Errors
    /// A folder that cannot be read, holds none or several.
    pub fn recognise(folder: &Path) -> Result<Source, DataError> {
        let here = Folder::open(folder)?;
        if let Some(source) = stored_in(&here) {
            return Ok(source);
        }
        // one name alone may be anything's, where nobody named the folder
        let published = |folder: &Folder| match stored_in(folder) {
            Some(Source::Cifar100) => folder.has("train.bin") && folder.has("test.bin"),
            found => found.is_some(),
        };
        let below = here.below(published);
        match &below[..] {
            [] => {}
            [one] => return stored_in(one).ok_or_else(|| several(folder, &below)),
            _ => return Err(several(folder, &below)),
        }
        let forms = [cifar::TEN, cifar::HUNDRED];
        if let Some(error) = forms.iter().find_map(|form| form.pickled(&here)) {
            return Err(error);
        }
        if !here.folders.is_empty() {
            return Ok(Source::Folder);
        }
        let archive = |name: &&String| {
            let name = name.to_lowercase();
            [".tar.gz", ".tgz", ".zip", ".tar"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        let packed = here.files.iter().find(archive);
        let unpack = packed.map_or(String::new(), |name| format!("; unpack {name} first"));
        Err(DataError::Layout {
            path: folder.to_path_buf(),
            what: format!(
                "holds no data set: neither the files of MNIST (train-images-idx3-ubyte), CIFAR-10 \
                 (data_batch_1.bin) or CIFAR-100 (train.bin), nor a sub-folder for each class{unpack}"
            ),
        })
    }

    /// What there is to say of the files of these parts although they can be read, in a line each: a file of CIFAR
    /// whose number of images is not its publisher's.
    pub fn remarks(self, folder: &Path, parts: &[Part]) -> Vec<String> {
        let form = match self {
            Source::Cifar10 => cifar::TEN,
            Source::Cifar100 => cifar::HUNDRED,
            Source::Digits | Source::Mnist | Source::Folder => return Vec::new(),
        };
        let of_part = |&part: &Part| form.remarks(folder, part);
        parts.iter().flat_map(of_part).collect()
    }

    /// Its name in recipes.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Digits => "digits",
            Source::Mnist => "mnist",
            Source::Cifar10 => "cifar10",
            Source::Cifar100 => "cifar100",
            Source::Folder => "folder",
        }
    }
}

/// Which data set's files are in this very folder.
fn stored_in(folder: &Folder) -> Option<Source> {
    if cifar::TEN.is_in(folder) {
        Some(Source::Cifar10)
    } else if cifar::HUNDRED.is_in(folder) {
        Some(Source::Cifar100)
    } else {
        mnist::is_in(folder).then_some(Source::Mnist)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::place::tests::tree;

    #[test]
    fn a_folder_is_what_its_files_names_say() {
        let of = |files: &[&str]| Source::recognise(tree(files).path()).unwrap();
        for files in [
            &["data_batch_1.bin"][..],
            &["cifar-10-batches-bin/test_batch.bin", "readme.html"],
            &[
                "data/cifar-10-batches-bin/DATA_BATCH_5.BIN",
                "cifar-10-batches-py/data_batch_1",
            ],
        ] {
            assert_eq!(of(files), Source::Cifar10, "{files:?}");
        }
        let hundred = ["cifar-100-binary/train.bin", "cifar-100-binary/test.bin"];
        assert_eq!(of(&hundred), Source::Cifar100);
        assert_eq!(of(&["train.bin"]), Source::Cifar100);
        for file in [
            "t10k-labels-idx1-ubyte.gz",
            "MNIST/raw/train-images-idx3-ubyte",
            "FashionMNIST/raw/train-images-idx3-ubyte.gz",
            "train-images.idx3-ubyte",
            "train-images-idx3-ubyte/train-images-idx3-ubyte",
        ] {
            assert_eq!(of(&[file]), Source::Mnist, "{file}");
        }
        for files in [&["cat/0.png"][..], &["cat/train.bin", "dog/0.png"]] {
            assert_eq!(of(files), Source::Folder, "{files:?}");
        }
    }

    #[test]
    fn what_is_none_or_several_is_said_with_the_folder_to_name() {
        let says = |files: &[&str]| {
            Source::recognise(tree(files).path())
                .unwrap_err()
                .to_string()
        };
        let several = says(&[
            "MNIST/raw/train-images-idx3-ubyte",
            "FashionMNIST/raw/train-images-idx3-ubyte",
        ]);
        assert!(
            several.contains("several data sets: name the folder of one"),
            "{several}"
        );
        assert!(
            several.contains("/FashionMNIST/raw, ") && several.ends_with("/MNIST/raw"),
            "{several}"
        );
        let python = says(&[
            "cifar-100-python/train",
            "cifar-100-python/test",
            "cifar-100-python/meta",
        ]);
        assert!(
            python.contains("cifar-100-python: holds CIFAR-100 for Python"),
            "{python}"
        );
        assert!(says(&["cifar-10-binary.tar.gz"]).ends_with("unpack cifar-10-binary.tar.gz first"));
        assert!(says(&["Thumbs.db", ".git/config", "__MACOSX/a/b"]).contains("holds no data set"));
    }
}
