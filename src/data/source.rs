//! Which data sets are there, and what is in a folder?

use super::{DataError, Dataset, Fit, Part, cifar10, cifar100, digits, division, folder, mnist};
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

    /// Reads it, with every image brought to that shape; `path` is the folder, which only the embedded
    /// digits do without.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn load(self, path: Option<&Path>, shape: Shape, fit: Fit) -> Result<Dataset, DataError> {
        if self == Source::Folder {
            let folder = path.ok_or(DataError::Nowhere(self))?;
            let listing = folder::listing(folder)?;
            let order = division::order(&listing, None)?;
            return folder::load(&listing, &order, shape, fit);
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

    /// Which data set a folder holds, by the names of what is in it.
    ///
    /// # Errors
    /// A folder that cannot be read or holds none.
    pub fn recognise(folder: &Path) -> Result<Source, DataError> {
        let has = |names: &[&str]| names.iter().any(|name| folder.join(name).is_file());
        if has(&["data_batch_1.bin", "test_batch.bin"]) {
            return Ok(Source::Cifar10);
        }
        if has(&["train.bin", "test.bin"]) {
            return Ok(Source::Cifar100);
        }
        if mnist::FILES
            .iter()
            .flatten()
            .any(|name| has(&[name]) || has(&[&format!("{name}.gz")]))
        {
            return Ok(Source::Mnist);
        }
        if !folder::classes(folder)?.is_empty() {
            return Ok(Source::Folder);
        }
        Err(DataError::Layout {
            path: folder.to_path_buf(),
            what:
                "holds no data set: neither the files of MNIST (train-images-idx3-ubyte), CIFAR-10 \
                   (data_batch_1.bin) or CIFAR-100 (train.bin), nor a sub-folder for each class"
                    .into(),
        })
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
