//! The command that brings the records of several folders into one.

use super::MergeOptions;
use super::said::{Said, lacks, wrong};
use anyhow::Result;
use convcheck::record::{self, Added, Merged};
use convcheck::report::{agreeing, counted};
use convcheck::visible::line;

/// Adds runs and timings to those of a folder, and says how many were new.
pub fn merge(options: &MergeOptions, goes_on: &dyn Fn() -> bool) -> Result<Said> {
    let Merged {
        runs,
        timings,
        others,
        begun,
        left,
        damage,
    } = record::merge(&options.into, &options.from, goes_on)?;
    wrong(&damage);
    let into = options.into.display();
    let mut text = format!(
        "{}: {}; {}\n",
        line(&into.to_string()),
        added(runs, "finished run"),
        added(timings, "timing")
    );
    if begun.all > 0 {
        text += &format!(
            "{} there, {} taken over\n",
            counted(begun.all, "begun run"),
            begun.new
        );
    }
    for snapshot in left {
        text += &format!("{}\n", line(&snapshot.to_string()));
    }
    if others > 0 {
        text += &format!(
            "{} {} recipe, network, data and seed of another, and other numbers, as from another machine or version of the program: the first of an arm and a seed counts\n",
            counted(others, "new run"),
            agreeing(others, "has", "have"),
        );
    }
    Ok(Said {
        text,
        outcome: lacks(&damage),
    })
}

fn added(Added { new, all }: Added, what: &str) -> String {
    match (new, all) {
        (0, 0) => format!("no {what}s"),
        (0, all) => format!("{}, none of them new", counted(all, what)),
        (new, all) if new == all => format!("{}, all of them new", counted(all, what)),
        (new, all) => format!("{}, {new} of them new", counted(all, what)),
    }
}
