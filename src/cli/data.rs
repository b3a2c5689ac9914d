//! `data`: what is in a data set, and where it comes from.

use super::progress::Bar;
use super::said::{json, lines};
use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use convcheck::data::fetch::{self, Archive};
use convcheck::data::{self, NEAR, Part, Source, Survey, division};
use convcheck::visible::line;
use convcheck::{record, report};
use serde_json::json as object;
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub enum DataCommand {
    /// Read every image; the first fault is named by file and byte.
    Verify(At),
    /// Count the images of each class and part; mean and deviation of each channel.
    Stats(At),
    /// Find images that are there twice, and how much of the test part is in the training part.
    Audit {
        #[command(flatten)]
        at: At,
        /// Bits by which the 64-bit difference hashes of two pictures may differ and count as near.
        #[arg(long, value_name = "BITS", default_value_t = NEAR)]
        #[arg(value_parser = clap::value_parser!(u32).range(0..=64))]
        distance: u32,
        /// Divide a folder of pictures that often anew, by the seeds 0, 1 and so on.
        #[arg(long, value_name = "N", default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u64).range(0..=10_000))]
        seeds: u64,
    },
    /// Write a division of a folder of pictures: 60 % to train with, 20 % to choose by, 20 % to test
    /// with.
    Split {
        /// The folder: a sub-folder for each class.
        path: PathBuf,
        /// Decides the order.
        #[arg(long, value_name = "N", default_value_t = division::SEED)]
        seed: u64,
        /// File for lines `path,label`; named img_paths.csv in the folder, it decides from then on.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Download a data set from its publisher; a download that was cut goes on where it ended.
    Fetch {
        /// Which.
        name: Published,
        /// Folder for its own folder.
        #[arg(long, value_name = "DIR", default_value = "data")]
        into: PathBuf,
        /// Download the same files from another place, for example a mirror.
        #[arg(long, value_name = "URL")]
        from: Option<String>,
    },
}

/// Where a data set is.
#[derive(Args)]
pub struct At {
    /// Its folder; the embedded digits have none.
    #[arg(required_unless_present = "form")]
    path: Option<PathBuf>,
    /// What it is, instead of what its files' names say.
    #[arg(long = "as", id = "form", value_name = "NAME")]
    form: Option<Form>,
    /// Division of a folder of pictures, instead of its own.
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Forms of data sets.
#[derive(Clone, Copy, ValueEnum)]
pub enum Form {
    /// The digits that are part of this program.
    Digits,
    /// MNIST: idx files, compressed or not.
    Mnist,
    /// CIFAR-10, binary version.
    Cifar10,
    /// CIFAR-100, binary version.
    Cifar100,
    /// Pictures, a class a sub-folder.
    Folder,
}

/// Data sets whose publishers offer them.
#[derive(Clone, Copy, ValueEnum)]
pub enum Published {
    /// MNIST, 11 MB.
    Mnist,
    /// CIFAR-10, 162 MB.
    Cifar10,
    /// CIFAR-100, 161 MB.
    Cifar100,
}

/// Runs a command as long as `goes_on`, and returns what is to be printed.
pub fn run(command: &DataCommand, goes_on: impl Fn() -> bool) -> Result<String> {
    match command {
        DataCommand::Verify(at) => {
            let survey = survey(at)?;
            let name = survey.source.name();
            let images = survey.images.len();
            let remarks = remarks(at, &survey);
            match at.json {
                true => json(
                    &object!({ "source": name, "images": images, "whole": true, "remarks": remarks }),
                ),
                false => Ok(format!(
                    "{name}: {}, all whole{}\n{}",
                    report::counted(images, "image"),
                    match remarks.is_empty() {
                        true => "",
                        false => ", of files that are not its publisher's",
                    },
                    lines(&remarks)
                )),
            }
        }
        DataCommand::Stats(at) => {
            let survey = survey(at)?;
            match at.json {
                true => json(&object!({
                    "source": survey.source.name(),
                    "classes": survey.classes,
                    "parts": survey.statistics,
                    "remarks": remarks(at, &survey),
                })),
                false => Ok(report::statistics_text(&survey) + &lines(&remarks(at, &survey))),
            }
        }
        DataCommand::Audit {
            at,
            distance,
            seeds,
        } => {
            let audit = data::audit(&survey(at)?, *distance, *seeds);
            match at.json {
                true => json(&audit),
                false => Ok(report::audit_text(&audit)),
            }
        }
        DataCommand::Split { path, seed, output } => {
            let listing = data::listing(path)?;
            let order = division::seeded(&listing, *seed);
            let lines = division::text(&listing, &order)?;
            record::write(output, &lines)?;
            let [train, validation, test] = division::parts(order.len()).map(|part| part.len());
            Ok(format!(
                "{}: {train} to train with, {validation} to choose by, {test} to test with\n",
                line(&output.to_string_lossy())
            ))
        }
        DataCommand::Fetch { name, into, from } => download(*name, into, from.as_deref(), goes_on),
    }
}

/// What there is to say of a data set's files although every image of them was read.
fn remarks(at: &At, survey: &Survey) -> Vec<String> {
    let remarks = |path: &PathBuf| survey.source.remarks(path, &[Part::Train, Part::Test]);
    at.path.as_ref().map(remarks).unwrap_or_default()
}

fn survey(at: &At) -> Result<Survey> {
    let source = match (at.form, &at.path) {
        (Some(Form::Digits), _) => Source::Digits,
        (Some(Form::Mnist), _) => Source::Mnist,
        (Some(Form::Cifar10), _) => Source::Cifar10,
        (Some(Form::Cifar100), _) => Source::Cifar100,
        (Some(Form::Folder), _) => Source::Folder,
        (None, Some(path)) => Source::recognise(path)?,
        (None, None) => bail!("name a folder, or `--as digits`"),
    };
    Ok(data::survey(
        source,
        at.path.as_deref(),
        at.split.as_deref(),
    )?)
}

fn download(
    name: Published,
    into: &Path,
    from: Option<&str>,
    goes_on: impl Fn() -> bool,
) -> Result<String> {
    let mut archive = match name {
        Published::Mnist => Archive::mnist(),
        Published::Cifar10 => Archive::cifar10(),
        Published::Cifar100 => Archive::cifar100(),
    };
    if let Some(from) = from {
        archive.base = from.to_string();
    }
    let bar = Bar::bytes()?;
    let folder = fetch::fetch(&archive, into, |file, done, all| {
        bar.reach(done, all);
        bar.at(file);
        goes_on()
    })?;
    Ok(format!(
        "{0}\n`convcheck data verify {0}` reads every image\n",
        line(&folder.to_string_lossy())
    ))
}
