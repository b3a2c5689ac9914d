//! Records of training: what `compare` says to two.

use super::{convcheck, path};
use convcheck::record::{self, Provenance};
use convcheck::train::{Curve, Epoch, Scale, Trained};

/// Runs of an arm under seeds from 0, with these test errors.
fn runs(experiment: &str, test_errors: &[f64]) -> Vec<Trained> {
    let run = |(seed, &test_error): (u64, &f64)| Trained {
        experiment: experiment.into(),
        scale: Scale::Quick,
        arm: "arm".into(),
        seed,
        model: "m".into(),
        recipe: "r".into(),
        data: "d".into(),
        commit: None,
        machine: "a machine".into(),
        date: "1970-01-01".into(),
        seconds: 1.0,
        curve: Curve {
            losses: vec![2.3],
            epochs: vec![Epoch {
                train_loss: 1.0,
                train_error: 0.1,
                test_loss: 1.0,
                test_error,
                validation_error: None,
            }],
        },
    };
    (0..).zip(test_errors).map(run).collect()
}

/// A record of these runs and of no claim.
fn recorded(runs: &[Trained]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let provenance = Provenance {
        command: "convcheck".into(),
        version: "0".into(),
        commit: None,
        date: "1970-01-01".into(),
        machine: "a machine".into(),
    };
    record::save(folder.path(), &provenance, &[]).unwrap();
    record::save_training(folder.path(), runs).unwrap();
    folder
}

/// What `compare` prints, and its exit code.
fn compared(before: &[Trained], after: &[Trained]) -> (String, Option<i32>) {
    let [before, after] = [recorded(before), recorded(after)];
    let output = convcheck(&["compare", path(&before), path(&after)]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(error, "");
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code(),
    )
}

#[test]
fn an_arm_is_worse_only_where_the_interval_says_so() {
    let errors = [0.20, 0.21, 0.22, 0.20, 0.21, 0.22, 0.20, 0.21];
    let before = runs("own", &errors);
    // every seed loses 9 or 11 points
    let mut change = [0.09, 0.11].into_iter().cycle();
    let worse = runs("own", &errors.map(|error| error + change.next().unwrap()));
    let (text, code) = compared(&before, &worse);
    assert_eq!(code, Some(1), "{text}");
    let line = text.lines().find(|line| line.contains("own arm (quick)"));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert!(line.trim_start().starts_with("worse"), "{text}");
    assert!(line.contains("8.68 to 11.3 points, 8 seeds"), "{text}");
    assert!(text.contains("1 arms; 1 worse."), "{text}");
    let (text, code) = compared(&worse, &before);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 arms; 1 better."), "{text}");
    // half of the seeds lose what the other half gains
    let mut change = [-0.01, 0.01].into_iter().cycle();
    let other = runs("own", &errors.map(|error| error + change.next().unwrap()));
    let (text, code) = compared(&before, &other);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 arms; 1 undecided."), "{text}");
    assert!(!text.contains("own arm"), "{text}");
}

/// Another recipe may train worse: that is no regression.
#[test]
fn arms_of_two_recipes_are_not_compared() {
    let before = runs("own", &[0.25; 8]);
    let mut after = runs("own", &[0.5; 8]);
    let (text, code) = compared(&before, &after);
    assert!(code == Some(1) && text.contains("1 worse"), "{text}");
    after.iter_mut().for_each(|run| run.recipe = "s".into());
    let (text, code) = compared(&before, &after);
    assert!(
        code == Some(0) && text.contains("not comparable  own arm (quick)"),
        "{text}"
    );
}
