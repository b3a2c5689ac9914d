//! A folder of pictures: each sub-folder is a class, each file in it a picture.

use super::picture::decode;
use super::place::is_left_behind;
use super::{DataError, Dataset, Fit, Split, division, fit};
use crate::graph::Shape;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The pictures of a folder, by name only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The folder.
    pub folder: PathBuf,
    /// Names of the sub-folders, sorted: class 0, 1 and so on.
    pub classes: Vec<String>,
    /// Class and path of each picture, `class/file`, sorted.
    pub files: Vec<(usize, String)>,
}

/// What is in a folder; what systems leave behind (Thumbs.db, names with a dot in front) is no part of it.
///
/// # Errors
/// A folder without classes, a class without pictures, anything in a class that is no file.
pub fn listing(folder: &Path) -> Result<Listing, DataError> {
    let mut classes = entries(folder)?;
    classes.retain(|name| folder.join(name).is_dir());
    let wrong = |path: PathBuf, what: &str| DataError::Layout {
        path,
        what: what.into(),
    };
    if classes.is_empty() {
        let what = "there must be a sub-folder with pictures for each class";
        return Err(wrong(folder.to_path_buf(), what));
    }
    let mut files = Vec::new();
    for (class, name) in classes.iter().enumerate() {
        let within = folder.join(name);
        let found = entries(&within)?;
        if found.is_empty() {
            return Err(wrong(within, "a class must have pictures; there is none"));
        }
        for file in found {
            let path = within.join(&file);
            if path.is_dir() {
                let what = format!(
                    "a class holds pictures only; this is a folder: if the classes are in {}, name that",
                    within.display()
                );
                return Err(wrong(path, &what));
            }
            if !path.is_file() {
                return Err(wrong(path, "a class holds pictures only; this is no file"));
            }
            files.push((class, format!("{name}/{file}")));
        }
    }
    Ok(Listing {
        folder: folder.to_path_buf(),
        classes,
        files,
    })
}

/// Names of what is in a folder, sorted, without what systems leave behind.
fn entries(folder: &Path) -> Result<Vec<String>, DataError> {
    let failed = |error| DataError::File {
        path: folder.to_path_buf(),
        error,
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        match name.into_string() {
            Ok(name) if is_left_behind(&name) => {}
            Ok(name) => names.push(name),
            Err(name) => {
                return Err(DataError::Layout {
                    path: folder.join(name),
                    what: "the name must be Unicode".into(),
                });
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Reads the pictures in that order, each brought to the shape; the first 60 % are to train with, the
/// next 20 % to choose by, the last to test with.
pub(super) fn load(
    listing: &Listing,
    order: &[usize],
    shape: Shape,
    fit: Fit,
) -> Result<Dataset, DataError> {
    let [train, validation, test] =
        division::parts(order.len()).map(|part| split(listing, &order[part], shape, fit));
    Ok(Dataset {
        train: train?,
        validation: Some(validation?),
        test: test?,
    })
}

fn split(listing: &Listing, chosen: &[usize], shape: Shape, fit: Fit) -> Result<Split, DataError> {
    let (size, mut images) = fit::room(shape, chosen.len())?;
    let read: Vec<Result<(), DataError>> = images
        .par_chunks_exact_mut(size)
        .zip(chosen)
        .map(|(place, &i)| put(&listing.folder.join(&listing.files[i].1), shape, fit, place))
        .collect();
    // of several faults the first, whichever thread found it
    read.into_iter().collect::<Result<(), DataError>>()?;
    Ok(Split {
        images,
        shape,
        labels: chosen.iter().map(|&i| listing.files[i].0).collect(),
        classes: listing.classes.len(),
    })
}

/// One picture, brought to a shape of three channels: channel by channel and row by row.
///
/// # Errors
/// [`DataError`] names the file, and the byte at which it is wrong.
pub fn picture(path: &Path, shape: Shape, fit: Fit) -> Result<Vec<u8>, DataError> {
    let (_, mut place) = fit::room(shape, 1)?;
    put(path, shape, fit, &mut place)?;
    Ok(place)
}

fn put(path: &Path, shape: Shape, fit: Fit, place: &mut [u8]) -> Result<(), DataError> {
    let to = fit::dims(shape)?;
    let picture = decode(path)?;
    let from = [3, picture.height() as usize, picture.width() as usize];
    fit.check(from, to).map_err(|what| DataError::Layout {
        path: path.to_path_buf(),
        what,
    })?;
    fit.put(&planes(picture.as_raw()), from, to, place);
    Ok(())
}

/// Red, green and blue apart.
pub(super) fn planes(pixels: &[u8]) -> Vec<u8> {
    let channel = |c| pixels.iter().skip(c).step_by(3);
    (0..3).flat_map(channel).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;
    use image::{Rgb, RgbImage};

    /// Two classes of five pictures, each of one colour and a size of its own.
    pub(in super::super) fn pictures() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (class, name) in ["dog", "cat"].into_iter().enumerate() {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            for i in 0..5u8 {
                let colour = Rgb([100 * class as u8, i, 7]);
                let picture = RgbImage::from_pixel(4 + u32::from(i), 6, colour);
                let file = folder.path().join(name).join(format!("{i}.jpg"));
                // the name lies, which does not matter
                picture
                    .save_with_format(file, image::ImageFormat::Png)
                    .unwrap();
            }
        }
        folder
    }

    const SHAPE: Shape = Shape::map(3, 8, 8);

    #[test]
    fn a_folder_is_a_data_set_of_one_size() {
        let folder = pictures();
        let load = || Source::Folder.load(Some(folder.path()), SHAPE, Fit::Resize);
        let data = load().unwrap();
        let validation = data.validation.as_ref().unwrap();
        assert_eq!(
            (data.train.len(), validation.len(), data.test.len()),
            (6, 2, 2)
        );
        assert_eq!((data.train.classes, data.train.shape), (2, SHAPE));
        assert_eq!(load().unwrap(), data, "the division is fixed");
        for (_, split) in data.parts() {
            for i in 0..split.len() {
                // sorted, the cat is class 0; it was made second
                let red = [100, 0][split.labels[i]];
                assert!(split.image(i)[..64].iter().all(|&x| x == red));
                assert!(split.image(i)[128..].iter().all(|&x| x == 7));
            }
        }
    }

    #[test]
    fn what_is_no_folder_of_pictures_is_named() {
        let says = |folder: &Path| {
            let found = Source::Folder.load(Some(folder), SHAPE, Fit::Resize);
            found.unwrap_err().to_string()
        };
        let folder = pictures();
        let at = folder.path();
        std::fs::write(at.join("dog/.hidden"), "").unwrap();
        // as Windows and macOS leave them
        std::fs::write(at.join("dog/Thumbs.db"), "no picture").unwrap();
        std::fs::write(at.join("cat/desktop.ini"), "[x]").unwrap();
        std::fs::create_dir_all(at.join("__MACOSX/dog")).unwrap();
        std::fs::create_dir(at.join(".ipynb_checkpoints")).unwrap();
        std::fs::write(at.join("read me"), "").unwrap();
        assert!(Source::Folder.load(Some(at), SHAPE, Fit::Resize).is_ok());
        let small = Source::Folder.load(Some(at), Shape::map(3, 6, 4), Fit::Pad);
        assert!(small.unwrap_err().to_string().contains("resize them"));
        std::fs::write(at.join("dog/notes.png"), "no picture").unwrap();
        assert!(says(at).contains("notes.png, byte 0: is no picture"));
        std::fs::remove_file(at.join("dog/notes.png")).unwrap();
        std::fs::create_dir(at.join("dog/more")).unwrap();
        assert!(says(at).contains("more: a class holds pictures only"));
        std::fs::create_dir(at.join("bird")).unwrap();
        assert!(says(at).contains("bird: a class must have pictures"));
        let empty = tempfile::tempdir().unwrap();
        assert!(says(empty.path()).contains("a sub-folder with pictures for each class"));
        assert!(says(Path::new("/nowhere")).contains("/nowhere: cannot read it"));
    }
}
