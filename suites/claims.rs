//! One test a claim: `cargo test alexnet::` runs AlexNet's. A test fails when the harness finds
//! another verdict or value than the suite records.

use convcheck::check::check_one;
use convcheck::claim;
use convcheck::evidence::Evaluator;
use libtest_mimic::{Arguments, Failed, Trial};
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
    let evaluator = Arc::new(Evaluator::new());
    let mut trials = Vec::new();
    for suite in suites {
        let suite = Arc::new(suite);
        for i in 0..suite.claims.len() {
            let (suite, evaluator) = (Arc::clone(&suite), Arc::clone(&evaluator));
            let name = format!("{}::{}", suite.system, suite.claims[i].short_id());
            trials.push(Trial::test(name, move || {
                let claim = &suite.claims[i];
                let record = check_one(&suite, claim, &evaluator).map_err(|e| e.to_string())?;
                if record.recorded.is_none() {
                    return Err(format!("{}: records no verdict", claim.at).into());
                }
                match record.difference() {
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
