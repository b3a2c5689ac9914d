//! A folder of pictures: each sub-folder is a class, each file in it a picture. Or its sub-folders are `train`, `val` and
//! `test`, each of which holds the classes.

use super::division::Division;
use super::picture::decode;
use super::place::is_left_behind;
use super::{DataError, Dataset, Fit, Split, fit};
use crate::graph::Shape;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The pictures of a folder, by name only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The folder.
    pub folder: PathBuf,
    /// Names of the classes, sorted: class 0, 1 and so on.
    pub classes: Vec<String>,
    /// Class and path of each picture, `class/file` or `train/class/file`, sorted by part, class and file.
    pub files: Vec<(usize, String)>,
    /// How many of them, in that order, are to train with, to choose by and to test with, where folders say so.
    pub parts: Option<[usize; 3]>,
}

/// What folders are called that divide a set: to train with, to choose by, to test with.
const PARTS: [&[&str]; 3] = [
    &["train", "training"],
    &["val", "valid", "validation"],
    &["test", "testing"],
];

/// The part that a folder's name says.
fn part(name: &str) -> Option<usize> {
    let says = |its: &&str| name.eq_ignore_ascii_case(its);
    PARTS.iter().position(|names| names.iter().any(says))
}

/// What is in a folder; what systems leave behind (Thumbs.db, names with a dot in front) is no part of it.
///
/// # Errors
/// A folder without classes, a class without pictures, anything in a class that is no file; parts without classes, or
/// with others than those to train with.
pub fn listing(folder: &Path) -> Result<Listing, DataError> {
    let names = folders(folder)?;
    if names.is_empty() {
        let what = "there must be a sub-folder with pictures for each class";
        return Err(wrong(folder.to_path_buf(), what));
    }
    let is_part = |name: &String| part(name).is_some();
    let train = names.iter().find(|name| part(name) == Some(0));
    if let Some(train) = train
        && names.iter().filter(|name| is_part(name)).count() > 1
        && (names.iter().all(is_part) || !folders(&folder.join(train))?.is_empty())
    {
        return divided(folder, &names, train);
    }
    let mut files = Vec::new();
    for (class, name) in names.iter().enumerate() {
        let found = pictures(folder, name)?;
        files.extend(found.into_iter().map(|file| (class, file)));
    }
    Ok(Listing {
        folder: folder.to_path_buf(),
        classes: names,
        files,
        parts: None,
    })
}

/// What is in a folder whose sub-folders are parts. Without a folder to test with, that to choose by is.
fn divided(folder: &Path, names: &[String], train: &str) -> Result<Listing, DataError> {
    let classes = folders(&folder.join(train))?;
    if classes.is_empty() {
        let what = "pictures without a class: there must be a sub-folder for each";
        return Err(wrong(folder.join(train), what));
    }
    let mut of_part: [Option<&String>; 3] = [None; 3];
    for name in names {
        let path = folder.join(name);
        let Some(part) = part(name) else {
            let what = format!("is no part: beside {train} there are `val` and `test` only");
            return Err(wrong(path, &what));
        };
        if let Some(other) = of_part[part].replace(name) {
            return Err(wrong(path, &format!("is the same part as {other}")));
        }
    }
    if of_part[2].is_none() {
        of_part.swap(1, 2);
    }
    let mut files = Vec::new();
    let parts = of_part.map(|name| {
        let before = files.len();
        for class in name.map_or(Ok(Vec::new()), |name| folders(&folder.join(name)))? {
            let path = format!("{}/{class}", name.map_or("", |name| name));
            let Some(number) = classes.iter().position(|known| *known == class) else {
                let what =
                    format!("is no class to train with: there is none of that name in {train}");
                return Err(wrong(folder.join(path), &what));
            };
            let found = pictures(folder, &path)?;
            files.extend(found.into_iter().map(|file| (number, file)));
        }
        match (name, files.len() - before) {
            (Some(name), 0) => Err(wrong(
                folder.join(name),
                "a part must have a sub-folder with pictures for each class; there is none",
            )),
            (_, pictures) => Ok(pictures),
        }
    });
    let [train, validation, test] = parts;
    Ok(Listing {
        folder: folder.to_path_buf(),
        parts: Some([train?, validation?, test?]),
        classes,
        files,
    })
}

/// The paths within the folder of a class's pictures.
fn pictures(folder: &Path, class: &str) -> Result<Vec<String>, DataError> {
    let within = folder.join(class);
    let found = entries(&within)?;
    if found.is_empty() {
        return Err(wrong(within, "a class must have pictures; there is none"));
    }
    for file in &found {
        let path = within.join(file);
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
    }
    Ok(found
        .into_iter()
        .map(|file| format!("{class}/{file}"))
        .collect())
}

fn wrong(path: PathBuf, what: &str) -> DataError {
    DataError::Layout {
        path,
        what: what.into(),
    }
}

/// Names of the folders in a folder, sorted.
fn folders(folder: &Path) -> Result<Vec<String>, DataError> {
    let mut names = entries(folder)?;
    names.retain(|name| folder.join(name).is_dir());
    Ok(names)
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

/// Reads the pictures as they are divided, each brought to the shape.
pub(super) fn load(
    listing: &Listing,
    division: &Division,
    shape: Shape,
    fit: Fit,
) -> Result<Dataset, DataError> {
    let [train, validation, test] = division.parts();
    let read = |part: &[usize]| split(listing, part, shape, fit);
    Ok(Dataset {
        train: read(train)?,
        validation: match validation {
            [] => None,
            some => Some(read(some)?),
        },
        test: read(test)?,
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
        images: images.into(),
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

    /// As torchvision's users and Kaggle divide them.
    #[test]
    fn folders_may_be_parts() {
        let root = tempfile::tempdir().unwrap();
        let at = root.path();
        let put = |name: &str, colour: u8| {
            let file = at.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let picture = RgbImage::from_pixel(4, 4, Rgb([colour; 3]));
            picture
                .save_with_format(file, image::ImageFormat::Png)
                .unwrap();
        };
        let load = || Source::Folder.load(Some(at), SHAPE, Fit::Resize);
        let colours =
            |split: &Split| -> Vec<u8> { (0..split.len()).map(|i| split.image(i)[0]).collect() };
        for (name, colour) in [
            ("train/dog/0.png", 1),
            ("train/cat/0.png", 2),
            ("train/cat/1.png", 3),
            ("val/dog/0.png", 4),
        ] {
            put(name, colour);
        }
        // what there is beside the training part is what to test with
        let data = load().unwrap();
        assert_eq!(
            (colours(&data.train), &data.train.labels[..]),
            (vec![2, 3, 1], &[0, 0, 1][..])
        );
        assert_eq!(
            (colours(&data.test), &data.test.labels[..]),
            (vec![4], &[1][..])
        );
        assert_eq!((data.validation, data.test.classes), (None, 2));
        put("Test/cat/0.png", 5);
        let data = load().unwrap();
        assert_eq!(data.validation.map(|split| colours(&split)), Some(vec![4]));
        assert_eq!(colours(&data.test), [5]);
        // a file that divides comes before the folders
        let lines = "train/cat/0.png,0\ntrain/dog/0.png,1\nval/dog/0.png,dog\nTest/cat/0.png,cat\n";
        std::fs::write(at.join("img_paths.csv"), lines).unwrap();
        assert_eq!(colours(&load().unwrap().test), [5]);
        assert_eq!(colours(&load().unwrap().train), [2, 1]);
        std::fs::remove_file(at.join("img_paths.csv")).unwrap();

        let says = || load().unwrap_err().to_string();
        put("val/bird/0.png", 6);
        assert!(
            says().contains("val/bird: is no class to train with"),
            "{}",
            says()
        );
        std::fs::remove_dir_all(at.join("val/bird")).unwrap();
        put("more/cat/0.png", 6);
        assert!(
            says().contains("more: is no part: beside train"),
            "{}",
            says()
        );
        std::fs::remove_dir_all(at.join("more")).unwrap();
        put("valid/cat/0.png", 6);
        assert!(
            says().contains("valid: is the same part as val"),
            "{}",
            says()
        );
        std::fs::remove_dir_all(at.join("valid")).unwrap();
        std::fs::remove_dir_all(at.join("Test/cat")).unwrap();
        put("Test/0.png", 6);
        assert!(
            says().contains("Test: a part must have a sub-folder"),
            "{}",
            says()
        );
        std::fs::remove_dir_all(at.join("train")).unwrap();
        put("train/0.png", 6);
        assert!(
            says().contains("train: pictures without a class"),
            "{}",
            says()
        );
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
