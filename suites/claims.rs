//! One test a claim: `cargo test alexnet::` runs AlexNet's. A test fails when the harness finds
//! another verdict or value than the suite records. Claims about training are judged by the committed
//! runs: no test trains what takes minutes.

use convcheck::check::check_one;
use convcheck::claim::{self, Kind};
use convcheck::evidence::{Evaluator, Training};
use convcheck::zoo::Registry;
use convcheck::{experiment, pipeline};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let suites = match claim::embedded() {
        Ok(suites) => suites,
        Err(error) => {
            let trial = Trial::test("suites", move || Err(Failed::from(error.to_string())));
            return libtest_mimic::run(&arguments, vec![trial]).exit_code();
        }
    };
    let training = match training() {
        Ok(training) => Arc::new(training),
        Err(error) => {
            let trial = Trial::test("records", move || Err(Failed::from(error)));
            return libtest_mimic::run(&arguments, vec![trial]).exit_code();
        }
    };
    let evaluator = Arc::new(Evaluator::new(&Registry::builtin()));
    let mut trials = Vec::new();
    for suite in suites {
        let suite = Arc::new(suite);
        for i in 0..suite.claims.len() {
            let (suite, evaluator) = (Arc::clone(&suite), Arc::clone(&evaluator));
            let training = Arc::clone(&training);
            let name = format!("{}::{}", suite.system, suite.claims[i].short_id());
            trials.push(Trial::test(name, move || {
                let claim = &suite.claims[i];
                let record =
                    check_one(&suite, claim, &evaluator, &training).map_err(|e| e.to_string())?;
                if claim.recorded.is_none() {
                    return Err(format!("{}: records no verdict", claim.at).into());
                }
                // what the repository's records do not hold cannot have been found
                if record.is_left_out() && claim.recorded != Some(Kind::Untested) {
                    return Err(format!("{}: records a verdict without runs", claim.at).into());
                }
                // the committed runs decide exactly what is recorded, chance or not
                if !record.is_left_out()
                    && record.trial.is_some()
                    && Some(record.verdict) != claim.recorded
                {
                    return Err(format!("{}: is {}", claim.at, record.verdict.name()).into());
                }
                match record.failure() {
                    Some(difference) => {
                        Err(format!("{}: {} {difference}", claim.at, claim.id).into())
                    }
                    None => Ok(()),
                }
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The experiments, and the finished runs among the committed records; those of a main job on this
/// machine are no part of the repository.
fn training() -> Result<Training, String> {
    let experiments =
        experiment::embedded(&Registry::builtin()).map_err(|error| error.to_string())?;
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let mut folders: Vec<PathBuf> = (std::fs::read_dir(&reports).into_iter().flatten())
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && !path.ends_with("latest"))
        .collect();
    folders.sort();
    folders.reverse();
    let runs = pipeline::finished_runs(&folders).map_err(|error| error.to_string())?;
    let runs = runs.whole().map_err(|error| error.to_string())?;
    Ok(Training::new(experiments, runs))
}
