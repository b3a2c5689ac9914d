//! Which finished runs are in a folder? Those of which its record has a line, and those that stand in a file of their own:
//! `runs/NAME-SCALE/ARM-SEED.json` is there as soon as a run is finished, before it is added to the record.

use super::lines::{self, Lines};
use super::{RecordError, TRAINING};
use crate::train::{Scale, Trained};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a line of [`TRAINING`] is.
pub(super) const TRAINING_RUN: &str = "training run";
/// The folder with a folder for each experiment and scale, in which its runs are kept.
pub(super) const RUNS: &str = "runs";

/// Where the runs of an experiment are kept at a scale, in a folder of records.
pub fn runs_folder(folder: &Path, experiment: &str, scale: Scale) -> PathBuf {
    let name = format!("{experiment}-{}", scale.name());
    folder.join(RUNS).join(name)
}

/// A finished run, and where it stands.
#[derive(Debug)]
pub(super) struct Found {
    pub run: Trained,
    pub path: PathBuf,
    /// Its line there; nothing in a file of its own.
    pub line: Option<usize>,
}

impl Found {
    /// Where it stands, in words.
    pub(super) fn place(&self) -> String {
        let line = self.line.map(|line| format!(", line {line}"));
        format!("{}{}", self.path.display(), line.unwrap_or_default())
    }
}

/// Experiment, scale, arm and seed.
type Place<'a> = (&'a str, Scale, &'a str, u64);

/// Runs by what was trained.
#[derive(Default)]
pub(super) struct ByPlace<'a>(BTreeMap<Place<'a>, Vec<&'a Trained>>);

impl<'a> ByPlace<'a> {
    pub(super) fn new(runs: impl IntoIterator<Item = &'a Trained>) -> ByPlace<'a> {
        let mut all = ByPlace::default();
        for run in runs {
            all.add(run);
        }
        all
    }

    /// Those of the arm and seed of a run.
    pub(super) fn of(&self, run: &'a Trained) -> &[&'a Trained] {
        self.0.get(&place(run)).map_or(&[], Vec::as_slice)
    }

    /// Adds a run, unless it is there already; whether it was not.
    pub(super) fn add(&mut self, run: &'a Trained) -> bool {
        let is_new = !self.of(run).iter().any(|known| known.is_same_run(run));
        if is_new {
            self.0.entry(place(run)).or_default().push(run);
        }
        is_new
    }

    /// Adds runs, and returns those that were not there.
    pub(super) fn only_new(&mut self, runs: impl Iterator<Item = &'a Trained>) -> Vec<Trained> {
        runs.filter(|run| self.add(run)).cloned().collect()
    }
}

fn place(run: &Trained) -> Place<'_> {
    (&run.experiment, run.scale, &run.arm, run.seed)
}

/// Reads the finished runs of a folder, each once: in front those that are not in its record yet, then the record. A folder
/// with neither has none. A file of a run that is not as it was written is damage, and the others count.
///
/// # Errors
/// [`RecordError`] if the record cannot be read at all.
pub fn load_training(folder: &Path) -> Result<Lines<Trained>, RecordError> {
    let Lines { good, damage } = finished(folder)?;
    Ok(Lines {
        good: good.into_iter().map(|found| found.run).collect(),
        damage,
    })
}

/// Reads those of which the record has a line, and not those in files of their own, which may be many.
///
/// # Errors
/// [`RecordError`] if the record cannot be read at all.
pub fn recorded(folder: &Path) -> Result<Lines<Trained>, RecordError> {
    lines::read_if_there(&folder.join(TRAINING), TRAINING_RUN)
}

/// All of a folder, each with where it stands.
pub(super) fn finished(folder: &Path) -> Result<Lines<Found>, RecordError> {
    let path = folder.join(TRAINING);
    let Lines { good, mut damage } = lines::numbered_if_there(&path, TRAINING_RUN)?;
    let recorded = good.into_iter().map(|(line, run)| Found {
        run,
        path: path.clone(),
        line: Some(line),
    });
    let recorded: Vec<Found> = recorded.collect();
    let own = in_files(&folder.join(RUNS), &mut damage);
    let mut known = ByPlace::new(recorded.iter().map(|found| &found.run));
    let is_new: Vec<bool> = own.iter().map(|found| known.add(&found.run)).collect();
    let own = own.into_iter().zip(is_new);
    let own = own.filter_map(|(found, is_new)| is_new.then_some(found));
    Ok(Lines {
        good: own.chain(recorded).collect(),
        damage,
    })
}

/// The runs that stand in files of their own, by path.
fn in_files(runs: &Path, damage: &mut Vec<RecordError>) -> Vec<Found> {
    let mut found = Vec::new();
    for path in kept(runs, "json", damage) {
        match lines::only(&path, "finished run") {
            Ok(run) => found.push(Found {
                run,
                path,
                line: None,
            }),
            Err(error) => damage.push(error),
        }
    }
    found
}

/// The snapshots of begun runs in a folder of records, by path.
pub(super) fn snapshots(folder: &Path, damage: &mut Vec<RecordError>) -> Vec<PathBuf> {
    kept(&folder.join(RUNS), "snapshot", damage)
}

/// The files with an ending in the folders of experiments, by path.
fn kept(runs: &Path, ending: &str, damage: &mut Vec<RecordError>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in inside(runs, damage) {
        // what else somebody put there is no folder of runs
        if !folder.is_dir() {
            continue;
        }
        let files = inside(&folder, damage).into_iter();
        found.extend(files.filter(|path| {
            let is_hidden =
                (path.file_name()).is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
            !is_hidden && path.extension().is_some_and(|its| its == ending)
        }));
    }
    found
}

/// What is in a folder, by name; nothing if it is not there.
fn inside(folder: &Path, damage: &mut Vec<RecordError>) -> Vec<PathBuf> {
    if matches!(folder.try_exists(), Ok(false)) {
        return Vec::new();
    }
    let entries = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|it| it.path())).collect());
    let mut entries: Vec<PathBuf> = entries.unwrap_or_else(|error| {
        damage.push(RecordError::new(
            folder,
            format!("cannot read the folder: {error}"),
        ));
        Vec::new()
    });
    entries.sort();
    entries
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::super::{add_training, write};
    use super::*;
    use crate::seal::sealed;

    fn keep(folder: &Path, name: &str, run: &Trained) -> PathBuf {
        let path = folder.join("runs").join(name);
        write(&path, sealed(run).unwrap().as_bytes()).unwrap();
        path
    }

    #[test]
    fn runs_in_files_of_their_own_stand_in_front_of_the_record() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let [a, b, c] = [0, 1, 2].map(|seed| run(seed, &[1.0]));
        let kept = keep(folder, "degradation-quick/plain-20-1.json", &b);
        let read = || load_training(folder).unwrap().whole().unwrap();
        assert_eq!(read(), std::slice::from_ref(&b));
        add_training(folder, &[c.clone(), a.clone()], &|| true).unwrap();
        assert_eq!(read(), [b.clone(), c.clone(), a.clone()]);
        // once, wherever it stands, and where the record has it
        keep(folder, "degradation-quick/plain-20-2.json", &c);
        keep(folder, "copy/plain-20-1.json", &b);
        assert_eq!(read(), [b.clone(), c.clone(), a.clone()]);
        add_training(folder, std::slice::from_ref(&b), &|| true).unwrap();
        add_training(folder, std::slice::from_ref(&a), &|| true).unwrap();
        assert_eq!(read(), [a.clone(), b.clone(), c.clone()]);
        // another end of a run is another run
        keep(folder, "copy/other.json", &run(0, &[1.5]));
        assert_eq!(read(), [run(0, &[1.5]), a, b.clone(), c]);
        // one from before there were checksums
        write(&kept, &serde_json::to_vec(&run(9, &[])).unwrap()).unwrap();
        assert!(read().contains(&run(9, &[])));
    }

    #[test]
    fn a_damaged_file_is_named_and_the_others_count() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let at = |name: &str| folder.join("runs/degradation-quick").join(name);
        keep(folder, "degradation-quick/plain-20-0.json", &run(0, &[1.0]));
        keep(folder, "degradation-quick/plain-20-1.json", &run(1, &[1.0]));
        // nothing of what else stands there is a finished run
        for name in [
            "plain-20-2.jsonl",
            "lock",
            ".convcheck-a.json",
            "a.json.damaged",
        ] {
            std::fs::write(at(name), "x").unwrap();
        }
        std::fs::write(folder.join("runs/notes.json"), "x").unwrap();
        std::fs::create_dir_all(at("folder")).unwrap();
        assert_eq!(load_training(folder).unwrap().whole().unwrap().len(), 2);
        let whole = std::fs::read_to_string(at("plain-20-1.json")).unwrap();
        std::fs::create_dir_all(at("none.json")).unwrap();
        for (text, what) in [
            (whole.replace("1.0", "1.1"), "it was changed"),
            (whole[..whole.len() - 1].into(), "it was changed"),
            (String::new(), "EOF"),
            ("{}".into(), "missing field"),
        ] {
            std::fs::write(at("plain-20-1.json"), text).unwrap();
            let Lines { good, damage } = load_training(folder).unwrap();
            assert_eq!(good, [run(0, &[1.0])]);
            let [none, changed] = &damage[..] else {
                panic!("{damage:?}")
            };
            assert_eq!(
                (&none.path, &changed.path),
                (&at("none.json"), &at("plain-20-1.json"))
            );
            assert!(none.what.contains("cannot read it"), "{none}");
            assert!(
                changed.what.starts_with("is no finished run: ") && changed.what.contains(what),
                "{changed}"
            );
        }
        std::fs::remove_dir_all(folder.join("runs")).unwrap();
        std::fs::write(folder.join("runs"), "x").unwrap();
        let damage = load_training(folder).unwrap().damage;
        assert!(
            damage[0].what.contains("cannot read the folder"),
            "{damage:?}"
        );
    }

    /// Whoever opens a pipe waits.
    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("runs/a-quick");
        std::fs::create_dir_all(&place).unwrap();
        let made = std::process::Command::new("mkfifo")
            .args([place.join("a-0.json"), folder.path().join(TRAINING)])
            .status();
        assert!(made.unwrap().success());
        let error = load_training(folder.path()).unwrap_err();
        assert!(error.what.contains("it is no file"), "{error}");
        std::fs::remove_file(folder.path().join(TRAINING)).unwrap();
        let damage = load_training(folder.path()).unwrap().damage;
        assert!(damage[0].what.contains("it is no file"), "{damage:?}");
    }
}
