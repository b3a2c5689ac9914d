//! Damaged files and arguments, for each reader of the program: does it end in time, within its memory, with a line?

use super::jobs::{PATIENCE, Work, copy, temporary};
use super::kept::Kept;
use super::mutation::{Draw, mutated};
use super::program::spawn;
use super::readers::{Reader, readers};
use super::tally::{Tally, by_name};
use crate::Options;
use convcheck::random::Key;
use rayon::prelude::*;
use std::fs;
use std::path::Path;

pub fn run(options: &Options, work: &Work) -> Vec<Tally> {
    let mut readers = readers(work);
    let is_asked = |reader: &Reader| {
        options
            .only
            .iter()
            .any(|only| reader.name.contains(only.as_str()))
    };
    if options.only.iter().any(|only| {
        readers
            .iter()
            .any(|reader| reader.name.contains(only.as_str()))
    }) {
        readers.retain(is_asked);
    }
    for reader in &readers {
        let folder = temporary();
        let (command, result) = read(work, reader, folder.path(), &reader.seeds[0]);
        assert!(result.is_ok(), "undamaged, {command}: {result:?}");
    }
    let key = Key::seed(options.seed.unwrap()).fold_in_name("inputs");
    let kept = Kept::new(&options.keep, "inputs");
    // who reads in a fraction of the time is tried more often
    let turns = |reader: &Reader| match reader.args[0].as_str() {
        "train" => 1,
        "report" | "check" | "compare" | "list" => 2,
        _ => 4,
    };
    let turns: Vec<&Reader> = readers
        .iter()
        .flat_map(|reader| vec![reader; turns(reader)])
        .collect();
    let cases = (0..options.inputs)
        .into_par_iter()
        .map_init(temporary, |folder, case| {
            let reader = turns[case % turns.len()];
            let mut draw = Draw::new(key.fold_in_name(&reader.name).fold_in(case as u64));
            let seed = &reader.seeds[draw.below(reader.seeds.len())];
            let other = &reader.seeds[draw.below(reader.seeds.len())];
            let input = mutated(seed, other, reader.is_text, &mut draw);
            let (command, result) = read(work, reader, folder.path(), &input);
            if let Err(why) = &result {
                kept.keep(&reader.name, case, folder.path(), &command, why);
            }
            (reader.name.clone(), result.is_ok())
        });
    by_name(cases.collect::<Vec<_>>())
}

/// What a reader makes of these bytes, and the command by which it was asked.
fn read(work: &Work, reader: &Reader, folder: &Path, input: &[u8]) -> (String, Result<(), String>) {
    // what the last case left may be anything
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.unwrap();
    }
    copy(reader.folder.path(), folder);
    let mut args = reader.args.clone();
    match &reader.target {
        Some(target) => fs::write(folder.join(target), (reader.pack)(input)).unwrap(),
        None => {
            let text = String::from_utf8_lossy(input).replace('\0', "");
            // an argument may be no longer
            let text: String = text.chars().take(30_000).collect();
            args.iter_mut()
                .filter(|arg| **arg == "{}")
                .for_each(|arg| arg.clone_from(&text));
        }
    }
    let mut command = work.command(folder, &args);
    let outcome = spawn(command.env("RAYON_NUM_THREADS", "1")).end(PATIENCE);
    let shown = args
        .iter()
        .map(|arg| format!("{:?}", arg.chars().take(300).collect::<String>()));
    let shown = format!("convcheck {}", shown.collect::<Vec<_>>().join(" "));
    let result = outcome
        .sound()
        .and_then(|code| (reader.holds)(work, folder, code));
    (shown, result)
}

/// Writes what each reader reads, undamaged.
pub fn write_seeds(work: &Work, folder: &Path) {
    for reader in readers(work) {
        let place = folder.join(&reader.name);
        fs::create_dir_all(&place).unwrap();
        for (i, seed) in reader.seeds.iter().enumerate() {
            fs::write(place.join(i.to_string()), seed).unwrap();
        }
    }
}
