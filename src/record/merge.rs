//! What do the records of several folders, from several machines, come to in one?

use super::growing::grow;
use super::lines::Lines;
use super::runs::{ByPlace, Found, RUNS, TRAINING_RUN, finished, runs_folder, snapshots};
use super::timings::{load_throughput, merge_throughput};
use super::{RecordError, TRAINING, say_once};
use crate::experiment::{Adopted, adopt};
use crate::train::{Trained, begun};
use std::path::{Path, PathBuf};

/// What was merged.
#[derive(Debug)]
pub struct Merged {
    /// Finished runs.
    pub runs: Added,
    /// Timings.
    pub timings: Added,
    /// How many of the new runs have recipe, network, data, device and seed of another one, and other numbers: they are of
    /// another machine, or another version of the program.
    pub others: usize,
    /// Begun runs: those that go on from there now, and how many there were to take over.
    pub begun: Added,
    /// Which of them stay where they are, and why.
    pub left: Vec<RecordError>,
    /// What is wrong with files that were read.
    pub damage: Vec<RecordError>,
}

/// How many lines of a record there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// That were not there before.
    pub new: usize,
    /// In all.
    pub all: usize,
}

/// Adds the finished runs and the timings of other folders to the records of one, each once, behind those that are there: what
/// counted there counts on. `goes_on` is asked while another process writes there.
///
/// # Errors
/// [`RecordError`] names a folder that is none, two places with two ends of one run, or a record that cannot be read or
/// written. All that can be known before is said before anything is written.
pub fn merge(
    into: &Path,
    from: &[PathBuf],
    goes_on: &dyn Fn() -> bool,
) -> Result<Merged, RecordError> {
    let mut damage = Vec::new();
    let (mut runs, mut timings, mut begun) = (Vec::new(), Vec::new(), Vec::new());
    for folder in from {
        if !folder.is_dir() {
            return Err(RecordError::new(folder, "is no folder"));
        }
        let (trained, timed) = (finished(folder)?, load_throughput(folder)?);
        let mut wrong = [trained.damage, timed.damage].concat();
        let under_way = snapshots(folder, &mut wrong);
        let is_empty = trained.good.is_empty() && timed.good.is_empty() && under_way.is_empty();
        if is_empty && wrong.is_empty() {
            let nothing = "holds neither runs nor timings";
            wrong.push(RecordError::new(folder, nothing));
        }
        begun.extend(under_way);
        say_once(&mut damage, wrong);
        runs.extend(trained.good);
        timings.push(timed.good);
    }
    let own = finished(into)?;
    let own_timings = load_throughput(into)?;
    say_once(&mut damage, own.damage);
    say_once(&mut damage, own_timings.damage);
    let own = own.good;
    let (new, others) = new(&own, &runs)?;
    let all_runs = match new.is_empty() {
        true => own.len(),
        false => {
            let recorded = add(into, &own, &new, goes_on)?;
            say_once(&mut damage, recorded.damage);
            recorded.good.len()
        }
    };
    let timed = merge_throughput(into, &timings, goes_on)?;
    say_once(&mut damage, timed.damage);
    let all: Vec<&Trained> = own.iter().chain(&runs).map(|found| &found.run).collect();
    begun.retain(|snapshot| !is_finished(snapshot, &all));
    let (mut copied, mut left) = (0, Vec::new());
    for snapshot in &begun {
        match take(snapshot, into)? {
            Adopted::Copied => copied += 1,
            Adopted::Here => {}
            Adopted::Left(why) => left.push(RecordError::new(snapshot, why)),
            Adopted::Damaged(what) => {
                damage.push(RecordError::new(snapshot, format!("the snapshot {what}")));
            }
        }
    }
    Ok(Merged {
        begun: Added {
            new: copied,
            all: begun.len(),
        },
        left,
        runs: Added {
            new: new.len(),
            all: all_runs,
        },
        timings: Added {
            new: timed.good.len() - own_timings.good.len(),
            all: timed.good.len(),
        },
        others,
        damage,
    })
}

/// Whether the run of a snapshot is finished in one of the folders.
fn is_finished(snapshot: &Path, all: &[&Trained]) -> bool {
    let Ok(Some(begun)) = begun(snapshot) else {
        return false;
    };
    let is_it = |run: &&Trained| {
        let folder = runs_folder(Path::new(""), &run.experiment, run.scale);
        let file = folder.join(format!("{}-{}.snapshot", run.arm, run.seed));
        snapshot.ends_with(file) && run.fingerprint() == begun.fingerprint
    };
    all.iter().any(is_it)
}

/// Takes a begun run over into the folder of its experiment.
fn take(snapshot: &Path, into: &Path) -> Result<Adopted, RecordError> {
    let of_experiment = snapshot.parent().and_then(Path::file_name);
    let folder = into.join(RUNS).join(of_experiment.unwrap_or_default());
    adopt(snapshot, &folder).map_err(|error| RecordError::new(snapshot, error))
}

/// The runs that are not among the own ones, each once, and how many of them have the fingerprint of another one.
///
/// # Errors
/// [`RecordError`] where two contradict each other.
fn new<'a>(own: &'a [Found], runs: &'a [Found]) -> Result<(Vec<&'a Trained>, usize), RecordError> {
    let (mut known, mut new, mut others) = (ByPlace::default(), Vec::new(), 0);
    let all = || own.iter().chain(runs);
    for (i, found) in all().enumerate() {
        let run = &found.run;
        let is_other =
            |known: &&&Trained| known.fingerprint() == run.fingerprint() && !known.is_same_run(run);
        let other: Vec<&Trained> = known.of(run).iter().filter(is_other).copied().collect();
        if let Some(other) = other.iter().find(|other| must_be_same(other, run)) {
            let other = all().find(|found| std::ptr::eq(&found.run, *other));
            return Err(contradiction(other.unwrap_or(found), found));
        }
        if known.add(run) && i >= own.len() {
            new.push(run);
            others += usize::from(!other.is_empty());
        }
    }
    Ok((new, others))
}

/// Whether two runs of one fingerprint and seed have the same bits: one program on one machine. Other vectors of a processor,
/// another device or driver, and another version of the program may sum in another order.
fn must_be_same(one: &Trained, other: &Trained) -> bool {
    let by = |run: &Trained| {
        (
            run.machine.clone(),
            run.commit.clone(),
            run.begun_by.clone(),
        )
    };
    by(one) == by(other)
}

fn contradiction(one: &Found, other: &Found) -> RecordError {
    let run = &one.run;
    let [losses, others] = [one, other].map(|found| &found.run.curve.losses);
    let bits = |loss: &f32| loss.is_finite().then(|| loss.to_bits());
    let mut steps = losses.iter().zip(others);
    let place = match steps.position(|(loss, other)| bits(loss) != bits(other)) {
        Some(i) => format!(
            "its loss in step {} is {} and {}",
            i + 1,
            losses[i],
            others[i]
        ),
        None if losses.len() != others.len() => {
            format!("it has {} steps and {}", losses.len(), others.len())
        }
        None => "its epochs have other errors".to_string(),
    };
    RecordError::new(
        &one.path,
        format!(
            "{}{} (seed {}) of {} ({}) contradicts that of {}: by one recipe, network and data on one machine, {place}; remove the one that is wrong",
            one.line
                .map_or(String::new(), |line| format!("line {line}: ")),
            run.arm,
            run.seed,
            run.experiment,
            run.scale.name(),
            other.place(),
        ),
    )
}

/// Adds new runs to a record behind what stands there by then; runs that stand in files of their own come to the front.
fn add(
    into: &Path,
    own: &[Found],
    new: &[&Trained],
    goes_on: &dyn Fn() -> bool,
) -> Result<Lines<Trained>, RecordError> {
    grow(&into.join(TRAINING), TRAINING_RUN, goes_on, |recorded| {
        let mut there = ByPlace::new(&recorded);
        let in_files = own.iter().filter(|found| found.line.is_none());
        let in_front = there.only_new(in_files.map(|found| &found.run));
        let behind = there.only_new(new.iter().copied());
        let all = in_front.into_iter().chain(recorded);
        all.chain(behind).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{run, timing};
    use super::super::{THROUGHPUT, add_throughput, add_training, load_training, write};
    use super::*;
    use crate::seal::sealed;
    use std::fs;

    fn folders<const N: usize>() -> (tempfile::TempDir, [PathBuf; N]) {
        let all = tempfile::tempdir().unwrap();
        let names = std::array::from_fn(|i| all.path().join(format!("{i}")));
        (all, names)
    }

    fn add(folder: &Path, runs: &[Trained]) {
        add_training(folder, runs, &|| true).unwrap();
    }

    fn merged(into: &Path, from: &[&PathBuf]) -> Merged {
        let from: Vec<PathBuf> = from.iter().copied().cloned().collect();
        merge(into, &from, &|| true).unwrap()
    }

    fn trained(folder: &Path) -> Vec<Trained> {
        load_training(folder).unwrap().whole().unwrap()
    }

    /// A run that somebody else made of the same recipe.
    fn elsewhere(seed: u64, losses: &[f32]) -> Trained {
        Trained {
            machine: "another".into(),
            ..run(seed, losses)
        }
    }

    #[test]
    fn runs_of_several_folders_come_together_once() {
        let (_all, [into, a, b]) = folders();
        let [one, two, three, four] = [1, 2, 3, 4].map(|seed| run(seed, &[1.0]));
        add(&a, &[one.clone(), two.clone()]);
        // in a file of its own
        let path = a.join("runs/degradation-quick/plain-20-3.json");
        write(&path, sealed(&three).unwrap().as_bytes()).unwrap();
        add(&b, &[elsewhere(2, &[1.0]), four.clone()]);
        let done = merged(&into, &[&a, &b, &a]);
        assert_eq!(
            (done.runs, done.timings),
            (Added { new: 4, all: 4 }, Added { new: 0, all: 0 })
        );
        assert_eq!((done.others, done.damage), (0, Vec::new()));
        let all = [three.clone(), one, two, four];
        assert_eq!(trained(&into), all);
        assert!(!into.join(THROUGHPUT).exists());
        // again, and onto itself
        for from in [&a, &b, &into] {
            let before = fs::read(into.join(TRAINING)).unwrap();
            assert_eq!(merged(&into, &[from]).runs, Added { new: 0, all: 4 });
            assert_eq!(fs::read(into.join(TRAINING)).unwrap(), before);
        }
        assert_eq!(trained(&a)[0], three);
    }

    /// What counted in a folder counts on: what is new stands behind.
    #[test]
    fn a_folder_grows_behind_what_it_has() {
        let (_all, [into, a]) = folders();
        add(&into, &[run(1, &[1.0])]);
        let own = run(2, &[2.0]);
        let path = into.join("runs/degradation-quick/plain-20-2.json");
        write(&path, sealed(&own).unwrap().as_bytes()).unwrap();
        let other = [
            elsewhere(1, &[1.5]),
            elsewhere(2, &[2.5]),
            elsewhere(3, &[3.0]),
        ];
        add(&a, &other);
        let done = merged(&into, &[&a]);
        assert_eq!((done.runs, done.others), (Added { new: 3, all: 5 }, 2));
        let all = [&[own, run(1, &[1.0])][..], &other].concat();
        assert_eq!(trained(&into), all);
    }

    #[test]
    fn runs_that_contradict_each_other_are_named_before_anything_is_written() {
        let (all, [into, a, b]) = folders();
        add_throughput(&a, &[timing(1)], &|| true).unwrap();
        add(&a, &[run(1, &[1.0, 1.0]), run(0, &[1.0])]);
        let mut other_epoch = run(1, &[1.0, 1.0]);
        other_epoch.curve.epochs[0].test_error = 0.5;
        for (other, says) in [
            (run(1, &[1.0, 1.5]), "its loss in step 2 is 1 and 1.5"),
            (run(1, &[1.0]), "it has 2 steps and 1"),
            (run(1, &[1.0, f32::NAN]), "its loss in step 2 is 1 and NaN"),
            (other_epoch, "its epochs have other errors"),
        ] {
            let _ = fs::remove_dir_all(&b);
            add(&b, &[run(7, &[1.0]), run(8, &[1.0]), other.clone()]);
            let named = format!(
                "{}/training.jsonl: line 1: plain-20 (seed 1) of degradation (quick) contradicts that of {}/training.jsonl, line 3: ",
                a.display(),
                b.display()
            );
            let error = |into: &Path, from: &[PathBuf]| {
                let error = merge(into, from, &|| true).unwrap_err().to_string();
                assert!(error.contains(says), "{error}");
                error
            };
            let said = error(&into, &[a.clone(), b.clone()]);
            assert!(said.starts_with(&named), "{said}");
            assert!(!into.exists());
            // with what is there already
            let there = fs::read(a.join(TRAINING)).unwrap();
            let said = error(&a, std::slice::from_ref(&b));
            assert!(said.starts_with(&named), "{said}");
            assert_eq!(fs::read(a.join(TRAINING)).unwrap(), there);
            // in a file of its own
            let path = b.join("runs/x-quick/a-1.json");
            write(&path, sealed(&other).unwrap().as_bytes()).unwrap();
            fs::remove_file(b.join(TRAINING)).unwrap();
            let said = error(&into, &[a.clone(), b.clone()]);
            assert!(
                said.contains(&format!("that of {}: ", path.display())),
                "{said}"
            );
            // what may be: of another machine, version, device, recipe
            for change in [
                |run: &mut Trained| run.machine = "another".into(),
                |run: &mut Trained| run.commit = Some("another".into()),
                |run: &mut Trained| run.begun_by = vec!["another".into()],
                |run: &mut Trained| run.backend = "cuda-bf16".into(),
                |run: &mut Trained| run.recipe = "another".into(),
            ] {
                let (_all, [c]) = folders();
                let mut other = other.clone();
                change(&mut other);
                add(&c, &[other]);
                let (_all, [into]) = folders();
                assert_eq!(merged(&into, &[&a, &c]).runs.new, 3);
            }
        }
        drop(all);
    }

    #[test]
    fn what_cannot_be_merged_is_said_and_the_rest_is() {
        let (_all, [into, a, b, none]) = folders();
        add(&a, &[run(0, &[1.0]), run(1, &[1.0])]);
        add_throughput(&a, &[timing(1)], &|| true).unwrap();
        let error = merge(&into, &[a.clone(), none.clone()], &|| true).unwrap_err();
        assert_eq!((error.path, &*error.what), (none, "is no folder"));
        assert!(!into.exists());
        fs::create_dir(&b).unwrap();
        let text = fs::read_to_string(a.join(TRAINING)).unwrap();
        fs::write(a.join(TRAINING), &text[..text.len() - 9]).unwrap();
        let done = merged(&into, &[&b, &a]);
        let one = Added { new: 1, all: 1 };
        assert_eq!((done.runs, done.timings), (one, one));
        let [nothing, cut] = &done.damage[..] else {
            panic!("{:?}", done.damage)
        };
        assert!(nothing.what.contains("neither"), "{nothing}");
        assert!(cut.what.contains("line 2 is no training run"), "{cut}");
        // a record that is damaged itself is kept as it was
        fs::copy(a.join(TRAINING), into.join(TRAINING)).unwrap();
        add(&b, &[run(5, &[1.0])]);
        let done = merged(&into, &[&b]);
        assert_eq!(done.runs, Added { new: 1, all: 2 });
        assert!(into.join("training.jsonl.damaged").exists());
        assert_eq!(done.damage.len(), 2, "{:?}", done.damage);
    }
}
