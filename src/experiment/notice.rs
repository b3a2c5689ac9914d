//! What is there to say of runs that were kept, and of how they go on?

use crate::train::Divergence;
use std::fmt;
use std::path::PathBuf;

/// What there is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice<'a> {
    /// Other versions of the program took first steps of a run.
    BegunBefore {
        /// The arm.
        arm: &'a str,
        /// The seed.
        seed: u64,
        /// The versions, by commit, in order.
        by: Vec<String>,
    },
    /// A file was not as it had been written; it stands where nothing reads it, and what it held is made again.
    SetAside {
        /// The file.
        file: PathBuf,
        /// What was wrong with it.
        what: String,
        /// Where it stands now.
        aside: PathBuf,
    },
    /// A file of a run that is finished could not be removed.
    Left {
        /// The file.
        file: PathBuf,
        /// Why not.
        why: String,
    },
    /// A run diverged, now or before, and is kept as that.
    Diverged {
        /// The experiment.
        experiment: &'a str,
        /// The arm.
        arm: &'a str,
        /// The seed.
        seed: u64,
        /// Where.
        at: Divergence,
    },
    /// There was no room for another run beside those that are under way.
    Fewer {
        /// So many go side by side from now on.
        at_once: usize,
        /// What there was no room for.
        why: String,
    },
}

impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::BegunBefore { arm, seed, by } => write!(
                f,
                "{arm}, seed {seed}: another version of the program took its first steps ({})",
                by.join(", ")
            ),
            Notice::Left { file, why } => write!(
                f,
                "{}: cannot remove it: {why}; its run is finished, and --resume removes it",
                file.display()
            ),
            Notice::SetAside { file, what, aside } => write!(
                f,
                "{}: {what}; it is kept as `{}`, and what it held is trained again",
                file.display(),
                aside.file_name().unwrap_or_default().display()
            ),
            Notice::Diverged {
                experiment,
                arm,
                seed,
                at,
            } => write!(
                f,
                "{experiment}, {arm}, seed {seed}: diverged {at}; it is kept as a run that did, and not tried again"
            ),
            Notice::Fewer { at_once, why } => {
                write!(f, "{why}; from now on {at_once} at once")
            }
        }
    }
}
