//! What changed between the training runs of two records?

use crate::stats::{self, Interval, LEVEL};
use crate::train::{Scale, Trained};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Fewer pairs than this call nothing real.
const FEWEST_PAIRS: usize = 5;

/// An arm that both records trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrained {
    /// The experiment.
    pub experiment: String,
    /// At which scale.
    pub scale: Scale,
    /// The arm.
    pub arm: String,
    /// How many seeds both records have.
    pub pairs: usize,
    /// Mean test error of the last epoch in the first record, over those seeds.
    pub before: f64,
    /// The same in the second record.
    pub after: f64,
    /// Where the mean of the differences lies, after less before.
    pub interval: Option<Interval>,
    /// What follows.
    pub outcome: Trend,
}

/// What became of an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// Every shared seed has the same curve, bit by bit.
    Same,
    /// The test error is larger, beyond what the spread over seeds explains.
    Worse,
    /// It is smaller, beyond that.
    Better,
    /// The curves differ, and their test errors no more than chance explains, or on too few seeds.
    Undecided,
    /// Recipe, network or data are others, or no seed was run on both sides.
    NotComparable,
}

impl Trend {
    /// Every outcome.
    pub const ALL: [Trend; 5] = [
        Trend::Same,
        Trend::Worse,
        Trend::Better,
        Trend::Undecided,
        Trend::NotComparable,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Trend::Same => "the same",
            Trend::Worse => "worse",
            Trend::Better => "better",
            Trend::Undecided => "undecided",
            Trend::NotComparable => "not comparable",
        }
    }
}

/// Experiment, scale and arm.
type ArmKey<'a> = (&'a str, Scale, &'a str);
/// The runs of an arm by seed, the first of each.
type BySeed<'a> = BTreeMap<u64, &'a Trained>;

/// The arms that both records trained, in order: runs of a seed are paired.
pub fn compare_training(before: &[Trained], after: &[Trained]) -> Vec<Retrained> {
    let (before, after) = (by_arm(before), by_arm(after));
    before
        .iter()
        .filter_map(|(arm, before)| Some(retrained(*arm, before, after.get(arm)?)))
        .collect()
}

/// The arms of which there are runs in `there` and none in `here`, by experiment and scale.
pub fn absent_arms<'a>(
    here: &[Trained],
    there: &'a [Trained],
) -> Vec<(&'a str, Scale, Vec<&'a str>)> {
    let here = by_arm(here);
    let mut absent: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for (experiment, scale, arm) in by_arm(there).into_keys() {
        if !here.contains_key(&(experiment, scale, arm)) {
            absent.entry((experiment, scale)).or_default().push(arm);
        }
    }
    let absent = absent.into_iter();
    absent
        .map(|((experiment, scale), arms)| (experiment, scale, arms))
        .collect()
}

fn by_arm(runs: &[Trained]) -> BTreeMap<ArmKey<'_>, BySeed<'_>> {
    let mut arms: BTreeMap<ArmKey, BySeed> = BTreeMap::new();
    for run in runs {
        let arm = (run.experiment.as_str(), run.scale, run.arm.as_str());
        let seeds = arms.entry(arm).or_default();
        seeds.entry(run.seed).or_insert(run);
    }
    arms
}

fn retrained((experiment, scale, arm): ArmKey, before: &BySeed, after: &BySeed) -> Retrained {
    let mut pairs: Vec<(&Trained, &Trained)> = before
        .iter()
        .filter_map(|(seed, run)| Some((*run, *after.get(seed)?)))
        .collect();
    if !are_comparable(before, after, &pairs) {
        pairs.clear();
    }
    let errors: Vec<[f64; 2]> = pairs
        .iter()
        .filter_map(|(before, after)| Some([last(before)?, last(after)?]))
        .collect();
    let differences: Vec<f64> = errors
        .iter()
        .map(|[before, after]| after - before)
        .collect();
    let mean = |i: usize| stats::mean(&errors.iter().map(|pair| pair[i]).collect::<Vec<f64>>());
    Retrained {
        experiment: experiment.to_string(),
        scale,
        arm: arm.to_string(),
        pairs: pairs.len(),
        before: mean(0),
        after: mean(1),
        interval: stats::mean_interval(&differences, LEVEL),
        outcome: match outcome(&pairs, &differences) {
            // to go by those that did not diverge would be to choose runs by how they ended
            Trend::Worse | Trend::Better if differences.len() < pairs.len() => Trend::Undecided,
            outcome => outcome,
        },
    }
}

/// Whether one recipe, network and data set stand behind all runs. Where only one of two records names networks, the
/// other, older one says too little, and nothing but equal curves shows that its runs are the same.
fn are_comparable(before: &BySeed, after: &BySeed, pairs: &[(&Trained, &Trained)]) -> bool {
    let name_networks = |runs: &BySeed| runs.values().all(|run| run.network.is_some());
    if name_networks(before) != name_networks(after) {
        let are_same = |(before, after): &(&Trained, &Trained)| {
            (&before.model, &before.data) == (&after.model, &after.data)
                && before.curve.is_same(&after.curve)
        };
        return pairs.iter().all(are_same);
    }
    let all = before.values().chain(after.values());
    let of: BTreeSet<_> = all
        .map(|run| (&run.recipe, &run.network, &run.data))
        .collect();
    of.len() == 1
}

fn outcome(pairs: &[(&Trained, &Trained)], differences: &[f64]) -> Trend {
    if pairs.is_empty() {
        return Trend::NotComparable;
    }
    if pairs
        .iter()
        .all(|(before, after)| before.curve.is_same(&after.curve))
    {
        return Trend::Same;
    }
    if differences.len() < FEWEST_PAIRS {
        return Trend::Undecided;
    }
    match stats::side(differences, 0.0, LEVEL) {
        Some(Ordering::Greater) => Trend::Worse,
        Some(Ordering::Less) => Trend::Better,
        _ => Trend::Undecided,
    }
}

/// Test error of the last epoch; none of a run that diverged.
fn last(run: &Trained) -> Option<f64> {
    Some(run.end()?.test_error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;
    use crate::train::{Curve, Epoch};

    fn runs(errors: impl IntoIterator<Item = f64>) -> Vec<Trained> {
        let run = |(seed, test_error): (u64, f64)| Trained {
            experiment: "e".into(),
            scale: Scale::Quick,
            arm: "a".into(),
            seed,
            model: "m".into(),
            recipe: "r".into(),
            network: Some("n".into()),
            data: "d".into(),
            commit: None,
            begun_by: Vec::new(),
            diverged: None,
            backend: "cpu-f32".into(),
            machine: "a machine".into(),
            date: "1970-01-01".into(),
            seconds: 1.0,
            curve: Curve {
                losses: vec![f32::NAN, 1.0],
                epochs: vec![Epoch {
                    train_loss: 1.0,
                    train_error: 0.1,
                    test_loss: 1.0,
                    test_error,
                    validation_error: None,
                }],
            },
        };
        (0..).zip(errors).map(run).collect()
    }

    fn noisy(name: &str, n: u64, shift: f64) -> Vec<Trained> {
        let key = Key::named(name);
        runs((0..n).map(|i| 0.2 + shift + 0.01 * key.normal(i)))
    }

    fn outcome(before: &[Trained], after: &[Trained]) -> Trend {
        let all = compare_training(before, after);
        assert_eq!(all.len(), 1);
        all[0].outcome
    }

    #[test]
    fn only_what_chance_does_not_explain_is_real() {
        let before = noisy("before", 8, 0.0);
        assert_eq!(outcome(&before, &before), Trend::Same);
        let again = noisy("after", 8, 0.0);
        assert_eq!(outcome(&before, &again), Trend::Undecided);
        let worse = noisy("after", 8, 0.1);
        assert_eq!(outcome(&before, &worse), Trend::Worse);
        assert_eq!(outcome(&worse, &before), Trend::Better);
        assert_eq!(outcome(&before[..4], &worse), Trend::Undecided);
        // one that diverged is not left out
        let mut diverged = worse.clone();
        diverged[2].curve.losses.push(f32::INFINITY);
        assert_eq!(outcome(&before, &diverged), Trend::Undecided);
        // equal differences on few seeds say nothing of the spread
        let shifted = |n: usize| outcome(&runs(vec![0.25; n]), &runs(vec![0.5; n]));
        assert_eq!((shifted(5), shifted(8)), (Trend::Undecided, Trend::Worse));
    }

    #[test]
    fn only_the_like_is_compared() {
        let before = noisy("before", 8, 0.0);
        let mut other = before.clone();
        other[3].recipe = "another".into();
        assert_eq!(outcome(&before, &other), Trend::NotComparable);
        let mut other = before.clone();
        other.iter_mut().for_each(|run| run.data = "other".into());
        assert_eq!(outcome(&before, &other), Trend::NotComparable);
        let mut other = before.clone();
        other.iter_mut().for_each(|run| run.seed += 100);
        assert_eq!(outcome(&before, &other), Trend::NotComparable);
        let mut elsewhere = before.clone();
        elsewhere.iter_mut().for_each(|run| run.scale = Scale::Full);
        assert!(compare_training(&before, &elsewhere).is_empty());
        assert!(compare_training(&before, &[]).is_empty());
        assert_eq!(absent_arms(&[], &before), [("e", Scale::Quick, vec!["a"])]);
        assert_eq!(absent_arms(&elsewhere, &before).len(), 1);
        assert!(absent_arms(&before, &before).is_empty());
    }

    /// A record from before runs named their network says nothing of it: only equal curves tell that its runs are
    /// the same.
    #[test]
    fn beside_an_older_record_only_equal_curves_are_the_same() {
        let after = noisy("before", 8, 0.0);
        let mut before = after.clone();
        for run in &mut before {
            run.network = None;
            run.recipe = "in another form".into();
        }
        assert_eq!(outcome(&before, &after), Trend::Same);
        assert_eq!(
            outcome(&before, &noisy("after", 8, 0.1)),
            Trend::NotComparable
        );
        let mut other = before.clone();
        other.iter_mut().for_each(|run| run.data = "other".into());
        assert_eq!(outcome(&other, &after), Trend::NotComparable);
        let mut network = after.clone();
        network[2].network = Some("another".into());
        assert_eq!(outcome(&network, &after), Trend::NotComparable);
    }

    /// Of changes that are none, about one in a hundred is called real.
    #[test]
    fn chance_is_seldom_called_real() {
        const TIMES: u32 = 4_000;
        let real = (0..TIMES).filter(|i| {
            let [before, after] = ["b", "a"].map(|side| noisy(&format!("{side}{i}"), 5, 0.0));
            outcome(&before, &after) != Trend::Undecided
        });
        let share = real.count() as f64 / f64::from(TIMES);
        assert!((share - 0.01).abs() < 0.006, "{share}");
    }
}
