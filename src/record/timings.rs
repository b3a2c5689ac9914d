//! Which timings are in a folder, and in which round of its measurement does a new one stand? Engines that took turns are
//! compared round by round.

use super::growing::grow;
use super::lines::{self, Lines};
use super::{RecordError, THROUGHPUT};
use crate::bench::{Timing, What};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a line of [`THROUGHPUT`] is.
const TIMING: &str = "timing";

/// What is compared: something on a platform.
type Compared<'a> = (&'a What, &'a str, usize, &'a str);

fn compared(timing: &Timing) -> Compared<'_> {
    let platform = timing.platform();
    (
        &timing.what,
        platform.dtype,
        platform.threads,
        platform.machine,
    )
}

/// Reads what [`add_throughput`] wrote; a folder without the file has no timings.
///
/// # Errors
/// [`RecordError`] names a file that cannot be read at all.
pub fn load_throughput(folder: &Path) -> Result<Lines<Timing>, RecordError> {
    lines::read_if_there(&folder.join(THROUGHPUT), TIMING)
}

/// Adds timings to those of a folder, behind, each as the next round of its measurement, and returns all that stand there
/// now. `goes_on` is asked while another process writes there.
///
/// # Errors
/// [`RecordError`] names the file and what the system says.
pub fn add_throughput(
    folder: &Path,
    timings: &[Timing],
    goes_on: &dyn Fn() -> bool,
) -> Result<Lines<Timing>, RecordError> {
    grow(&folder.join(THROUGHPUT), TIMING, goes_on, |mut all| {
        for timing in timings {
            let rounds = all.iter().filter(|old: &&Timing| old.is_repeated(timing));
            let round = next(&rounds.map(|old| old.round).collect());
            all.push(Timing {
                round,
                ..timing.clone()
            });
        }
        all
    })
}

/// Adds the timings of other records to those of a folder, behind, each once; `goes_on` is asked while another process
/// writes there.
///
/// # Errors
/// As of [`add_throughput`].
pub(super) fn merge_throughput(
    folder: &Path,
    records: &[Vec<Timing>],
    goes_on: &dyn Fn() -> bool,
) -> Result<Lines<Timing>, RecordError> {
    let add = |all| records.iter().fold(all, |all, record| joined(all, record));
    let before = load_throughput(folder)?;
    match add(before.good.clone()).len() == before.good.len() {
        true => Ok(before),
        false => grow(&folder.join(THROUGHPUT), TIMING, goes_on, add),
    }
}

/// The timings of two records, each once: what stood in one round of the second stands in one round again.
fn joined(mut all: Vec<Timing>, more: &[Timing]) -> Vec<Timing> {
    let mut by_what: BTreeMap<Compared, Vec<&Timing>> = BTreeMap::new();
    for timing in more {
        by_what.entry(compared(timing)).or_default().push(timing);
    }
    for (what, mut more) in by_what {
        more.sort_by_key(|timing| timing.round);
        let of: Vec<&Timing> = all.iter().filter(|old| compared(old) == what).collect();
        let there = |timing: &Timing| of.iter().find(|old| is_same(old, timing));
        let mut rounds: BTreeMap<u32, u32> = BTreeMap::new();
        for timing in &more {
            if let Some(old) = there(timing) {
                rounds.entry(timing.round).or_insert(old.round);
            }
        }
        let mut taken: BTreeSet<u32> = of.iter().map(|old| old.round).collect();
        let mut new: Vec<Timing> = Vec::new();
        for timing in more {
            if there(timing).is_some() || new.iter().any(|one| is_same(one, timing)) {
                continue;
            }
            let mut round = *rounds.entry(timing.round).or_insert_with(|| next(&taken));
            let mut beside = of.iter().copied().chain(&new);
            // an engine has one turn in a round
            if beside.any(|old| old.round == round && old.engine == timing.engine) {
                round = next(&taken);
            }
            taken.insert(round);
            new.push(Timing {
                round,
                ..timing.clone()
            });
        }
        all.extend(new);
    }
    all
}

/// Whether it is one measurement, in whichever round it stands.
fn is_same(one: &Timing, other: &Timing) -> bool {
    let round = other.round;
    *other
        == Timing {
            round,
            ..one.clone()
        }
}

/// The round behind these; of numbers that leave none behind, the first that is free.
fn next(taken: &BTreeSet<u32>) -> u32 {
    let behind = taken.last().map_or(Some(1), |last| last.checked_add(1));
    let free = || (1..).find(|round| !taken.contains(round));
    behind.or_else(free).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::timing;
    use super::*;
    use crate::bench::Engine;

    fn of(engine: Engine, round: u32, seconds: f64) -> Timing {
        Timing {
            engine,
            seconds: vec![seconds],
            ..timing(round)
        }
    }

    /// Engine, round and time of each.
    fn shown(all: &[Timing]) -> Vec<(Engine, u32, f64)> {
        let each = all.iter();
        each.map(|timing| (timing.engine, timing.round, timing.seconds[0]))
            .collect()
    }

    #[test]
    fn engines_that_took_turns_stay_in_one_round() {
        use Engine::{Convcheck, Pytorch};
        let own = vec![
            of(Convcheck, 1, 1.0),
            of(Pytorch, 1, 2.0),
            of(Convcheck, 2, 1.1),
        ];
        let more = [
            of(Convcheck, 1, 3.0),
            of(Convcheck, 2, 3.1),
            of(Pytorch, 1, 6.0),
            of(Pytorch, 2, 6.1),
        ];
        let both = joined(own.clone(), &more);
        assert_eq!(both[..3], own);
        let new = [
            (Convcheck, 3, 3.0),
            (Pytorch, 3, 6.0),
            (Convcheck, 4, 3.1),
            (Pytorch, 4, 6.1),
        ];
        assert_eq!(shown(&both[3..]), new);
        // once more nothing is new
        assert_eq!(joined(both.clone(), &more), both);
        assert_eq!(joined(both.clone(), &own), both);
        assert_eq!(joined(both.clone(), &both), both);
        // the turn of another engine in a round that is there already
        let late = [of(Convcheck, 2, 3.1), of(Engine::Candle, 2, 9.0)];
        let all = joined(both.clone(), &late);
        assert_eq!(shown(&all[both.len()..]), [(Engine::Candle, 4, 9.0)]);
        // two measurements are never one turn
        let wrong = [of(Convcheck, 2, 3.1), of(Convcheck, 2, 3.2)];
        let all = joined(both.clone(), &wrong);
        assert_eq!(shown(&all[both.len()..]), [(Convcheck, 5, 3.2)]);
        // of another machine, whose rounds are its own
        let elsewhere = Timing {
            machine: "another".into(),
            ..of(Convcheck, 7, 1.0)
        };
        let all = joined(both.clone(), &[elsewhere]);
        assert_eq!(shown(&all[both.len()..]), [(Convcheck, 1, 1.0)]);
    }

    #[test]
    fn there_is_always_a_next_round() {
        assert_eq!(next(&BTreeSet::new()), 1);
        assert_eq!(next(&BTreeSet::from([1, 4])), 5);
        assert_eq!(next(&BTreeSet::from([1, 2, u32::MAX])), 3);
        let folder = tempfile::tempdir().unwrap();
        let last = vec![of(Engine::Pytorch, u32::MAX, 1.0)];
        let add = |all: &[Vec<Timing>]| merge_throughput(folder.path(), all, &|| true).unwrap();
        assert_eq!(
            add(std::slice::from_ref(&last)).good,
            [of(Engine::Pytorch, 1, 1.0)]
        );
        let path = folder.path().join(THROUGHPUT);
        let text = lines::written(&path, &last).unwrap();
        std::fs::write(&path, text).unwrap();
        let all = add_throughput(folder.path(), &last, &|| true).unwrap().good;
        assert_eq!((all[0].round, all[1].round), (u32::MAX, 1));
    }
}
