//! What runs say to the questions of an experiment, for a terminal.

use crate::experiment::{Answer, Finding};
use crate::report::number::counted;
use crate::visible::line;
use std::fmt::Write;

/// Two lines and the numbers of each answer.
pub fn text(answers: &[Answer]) -> String {
    let mut text = String::new();
    for answer in answers {
        let finding = match &answer.finding {
            Finding::Holds => "holds".to_string(),
            Finding::Fails => "fails".to_string(),
            Finding::Open(why) => format!("open: {}", line(why)),
        };
        let interval = answer.interval.map_or(String::new(), |interval| {
            format!(" [{:.4}, {:.4}]", interval.low, interval.high)
        });
        let _ = writeln!(
            text,
            "{}: {finding}\n  {}\n  {} {:.4}{interval}, {}; {}",
            line(&answer.question),
            line(&answer.says),
            line(&answer.metric),
            answer.mean,
            counted(answer.seeds.len(), "seed"),
            line(&answer.rule)
        );
    }
    text
}
