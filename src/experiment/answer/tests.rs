//! The rules, held against cases with a known answer and against chance.

use super::*;
use crate::random::Key;
use crate::train::{Curve, Epoch, Scale};

/// A run whose only epoch has that test error.
fn run(arm: &str, seed: u64, error: f64) -> Trained {
    let epoch = Epoch {
        train_loss: 0.0,
        train_error: 0.0,
        test_loss: 0.0,
        test_error: error,
        validation_error: None,
    };
    Trained {
        experiment: "e".into(),
        scale: Scale::Quick,
        arm: arm.into(),
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
            losses: Vec::new(),
            epochs: vec![epoch],
        },
    }
}

fn question(rule: Rule) -> Question {
    Question {
        scale: None,
        name: "q".into(),
        says: "A is worse than b.".into(),
        metric: "test_error".parse().unwrap(),
        rule,
    }
}

/// Whether a is above b.
fn worse() -> Question {
    question(Rule::Contrast {
        arms: [("a".to_string(), 1.0), ("b".to_string(), -1.0)].into(),
        side: Side::Above,
        bound: 0.0,
    })
}

fn printed_as(value: f64, images: Option<u64>) -> Question {
    let arm = "a".into();
    question(Rule::Printed { arm, value, images })
}

fn ask(question: &Question, runs: &[Trained]) -> Answer {
    answer(question, &runs.iter().collect::<Vec<_>>())
}

/// Whatever runs come to, JSON has a name for what is said of it.
#[test]
fn answers_to_immense_values_can_be_written_down() {
    for values in [
        [1e308; 8],
        [-1e308, 1e308, 1e308, 1e308, 1e308, 0.0, 1.0, 2.0],
    ] {
        let runs = pairs(values);
        for question in [worse(), printed_as(1.0, None), printed_as(1.0, Some(500))] {
            let answer = ask(&question, &runs);
            let json = serde_json::to_string(&answer).unwrap();
            assert_eq!(
                serde_json::from_str::<Answer>(&json).unwrap(),
                answer,
                "{json}"
            );
        }
    }
}

/// Runs of two arms with those differences, by seed.
fn pairs(differences: impl IntoIterator<Item = f64>) -> Vec<Trained> {
    (0..)
        .zip(differences)
        .flat_map(|(seed, x)| [run("a", seed, x), run("b", seed, 0.0)])
        .collect()
}

/// How often the rule holds and fails where nothing is so: shares of 20,000 experiments of 8 pairs whose
/// differences, of mean zero, are drawn that way.
fn by_chance(name: &str, draw: fn(Key, u64) -> f64) -> (f64, f64) {
    const TIMES: u64 = 20_000;
    let question = worse();
    let mut runs = pairs([0.0; FEWEST_PAIRS]);
    let (mut holds, mut fails) = (0, 0);
    for i in 0..TIMES {
        let key = Key::named(name).fold_in(i);
        for run in runs.iter_mut().filter(|run| run.arm == "a") {
            run.curve.epochs[0].test_error = draw(key, run.seed);
        }
        match ask(&question, &runs).finding {
            Finding::Holds => holds += 1,
            Finding::Fails => fails += 1,
            Finding::Open(_) => {}
        }
    }
    let share = |n: u32| f64::from(n) / TIMES as f64;
    (share(holds), share(fails))
}

/// An exponential number less its mean: skewed by 2.
fn exponential(key: Key, i: u64) -> f64 {
    -(1.0 - key.uniform(i)).ln() - 1.0
}

/// Of normal differences one experiment in a hundred is decided by chance, half of them each way; found
/// are 0.56 and 0.58 %.
#[test]
fn chance_decides_as_often_as_the_level_says() {
    let (holds, fails) = by_chance("null", Key::normal);
    // four standard errors of a share of 0.005
    assert!((holds - 0.005).abs() < 0.002, "{holds}");
    assert!((fails - 0.005).abs() < 0.002, "{fails}");
}

/// Two arms that are distributed alike have symmetric differences, however skewed each arm is. This is the
/// usual case where nothing is so; found are 0.23 and 0.25 %.
#[test]
fn skewed_arms_that_are_alike_are_seldom_told_apart() {
    let (holds, fails) = by_chance("alike", |key, i| {
        exponential(key, 2 * i) - exponential(key, 2 * i + 1)
    });
    assert!(holds < 0.007 && fails < 0.007, "{holds} {fails}");
}

/// Heavy tails (Student's t with two degrees of freedom, which has no variance) make it cautious; found
/// are 0.29 and 0.20 %.
#[test]
fn heavy_tails_make_it_cautious() {
    let (holds, fails) = by_chance("heavy", |key, i| {
        let key = key.fold_in(i);
        let squares = key.normal(1).powi(2) + key.normal(2).powi(2);
        key.normal(0) / (squares / 2.0).sqrt()
    });
    assert!(holds < 0.005 && fails < 0.005, "{holds} {fails}");
}

/// Where the differences themselves are strongly skewed, as when one arm alone fails now and then, the rule
/// is not what its level says: the side without the long tail is found in 4.8 % instead of half a percent,
/// the other hardly ever. It takes arms that differ in shape and yet not in their mean.
#[test]
fn skewed_differences_mislead_it() {
    let (holds, fails) = by_chance("skewed", exponential);
    assert!(holds < 0.002, "{holds}");
    assert!(fails < 0.05, "{fails}");
}

#[test]
fn too_few_seeds_decide_nothing() {
    let few = (1..FEWEST_PAIRS as u32).map(|i| 1.0 + f64::from(i) / 100.0);
    let Finding::Open(why) = ask(&worse(), &pairs(few.clone())).finding else {
        panic!("decided");
    };
    assert_eq!(why, "7 seeds; 8 are the fewest");
    assert_eq!(
        ask(&worse(), &pairs(few.chain([1.0]))).finding,
        Finding::Holds
    );
    let none = ask(&worse(), &[]);
    assert!(matches!(none.finding, Finding::Open(_)));
    assert_eq!((none.mean, none.interval, none.effect), (0.0, None, None));
}

/// A seed that was run twice counts once, and one that only one arm has does not count.
#[test]
fn seeds_count_once_and_in_pairs() {
    let mut runs = pairs((0..7).map(|i| 1.0 + f64::from(i) / 100.0));
    runs.extend(runs.clone());
    runs.push(run("a", 99, 1.0));
    let answer = ask(&worse(), &runs);
    assert_eq!(answer.seeds, (0..7).collect::<Vec<u64>>());
    assert!(matches!(answer.finding, Finding::Open(_)));
}

/// Without any spread the interval has no width; on the bound it is open, beyond it the signs decide.
#[test]
fn equal_differences() {
    let zero = ask(&worse(), &pairs([0.0; 12]));
    assert!(matches!(zero.finding, Finding::Open(_)), "{zero:?}");
    assert_eq!(zero.effect, None);
    assert_eq!(ask(&worse(), &pairs([0.25; 8])).finding, Finding::Holds);
    assert_eq!(ask(&worse(), &pairs([-0.25; 8])).finding, Finding::Fails);
}

#[test]
fn a_diverged_run_leaves_it_open() {
    let values = (0..9).map(|i| if i == 3 { f64::NAN } else { 1.0 + f64::from(i) });
    let answer = ask(&worse(), &pairs(values));
    assert_eq!(answer.seeds.len(), 8);
    assert!(answer.mean.is_finite());
    assert_eq!(
        answer.finding,
        Finding::Open("1 of 9 seeds diverged: their value is no number".into())
    );
    // an epoch before it diverged is no end of a run, and where it did is said
    let mut runs = pairs((0..9).map(|i| 1.0 + f64::from(i)));
    runs[4].curve.losses = vec![1.0, f32::NAN];
    let answer = ask(&worse(), &runs);
    assert_eq!(answer.seeds.len(), 8);
    let why = "1 of 9 seeds diverged: their value is no number (a, seed 2, at step 2)";
    assert_eq!(answer.finding, Finding::Open(why.into()));
}

#[test]
fn a_printed_number_is_one_that_a_run_could_print() {
    let runs = |values: &[f64]| -> Vec<Trained> {
        let seeds = (0..).zip(values);
        seeds.map(|(seed, &x)| run("a", seed, x)).collect()
    };
    let spread = runs(&[0.30, 0.31, 0.29, 0.30, 0.32]);
    assert_eq!(
        ask(&printed_as(0.33, None), &spread).finding,
        Finding::Holds
    );
    assert_eq!(
        ask(&printed_as(0.60, None), &spread).finding,
        Finding::Fails
    );
    let few = ask(&printed_as(0.60, None), &spread[..4]).finding;
    assert!(matches!(few, Finding::Open(_)));
    let equal = runs(&[0.5; 5]);
    assert_eq!(ask(&printed_as(0.5, None), &equal).finding, Finding::Holds);
    let beyond = ask(&printed_as(0.6, None), &equal).finding;
    assert!(matches!(beyond, Finding::Open(_)));
    // counted on few images, the number itself is uncertain
    assert_eq!(
        ask(&printed_as(0.6, Some(100)), &equal).finding,
        Finding::Holds
    );
    assert_eq!(
        ask(&printed_as(0.9, Some(100)), &equal).finding,
        Finding::Fails
    );
}
